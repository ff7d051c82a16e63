//! The parts of a body. Each knows how it is written and how it is read, and what [`declare`](super::declare) puts
//! together of them is told with all of its faults at once.

use std::fmt;

use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Schema};

use crate::{
    error::{ApiError, Fault},
    gateway_routing::GatewayRouting,
};

use super::{
    described::nullable,
    json::{Document, escaped},
};

/// A part of a body: a field of it, or all.
pub trait Part {
    /// What it is read as.
    type Value;

    /// Whether it must be there.
    const IS_REQUIRED: bool = true;

    /// Its JSON Schema.
    fn describe() -> Value;

    /// The schemas that its own refers to.
    fn components(_: &mut Components) {}

    /// Reads it, and notes whatever is wrong with it. `None` only where something is.
    fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self::Value>;

    /// Reads a field, which may be missing. A null is as good as nothing, unless it says something.
    fn read_field(value: Option<Value>, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self::Value> {
        match value {
            Some(value) if !value.is_null() => Self::read(value, at, reader),
            _ => reader.fault(at, "is required"),
        }
    }
}

/// Schemas by their names.
pub type Components = Vec<(String, RefOr<Schema>)>;

/// A place in a body, as a JSON pointer.
#[derive(Debug, Clone, Copy)]
pub enum Pointer<'a> {
    /// All of it.
    Body,
    /// A field.
    Field(&'a Pointer<'a>, &'a str),
    /// An element of a list.
    Item(&'a Pointer<'a>, usize),
}

impl<'a> Pointer<'a> {
    /// The field of that name.
    pub fn field(&'a self, name: &'a str) -> Self {
        Self::Field(self, name)
    }
}

impl fmt::Display for Pointer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => Ok(()),
            Self::Field(parent, name) => write!(f, "{parent}/{}", escaped(name)),
            Self::Item(parent, place) => write!(f, "{parent}/{place}"),
        }
    }
}

/// What is told of an id in a body that names nothing of the caller's: it is a value like any other, and the path is
/// right.
pub const NONE_OF_YOURS: &str = "must be the id of one of yours: there is none of that id";

/// The faults found so far.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Notes a fault at a JSON pointer.
    pub fn at(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        let fault = Fault { pointer: Some(pointer.into()), parameter: None, detail: detail.into() };
        self.0.push(fault);
    }

    /// One fault alone.
    pub fn one(pointer: impl Into<String>, detail: impl Into<String>) -> ApiError {
        let mut faults = Self::default();
        faults.at(pointer, detail);
        ApiError::Invalid(faults.0)
    }
}

/// Reads a body.
pub struct Reader<'a> {
    /// Which gateway takes which method.
    pub gateway_routing: &'a GatewayRouting,
    faults: Faults,
    /// Whether there are fields that nobody knows: they are told last.
    has_strangers: bool,
}

impl Reader<'_> {
    /// Notes a fault. There is nothing to read then.
    pub fn fault<T>(&mut self, at: Pointer<'_>, detail: impl Into<String>) -> Option<T> {
        self.faults.at(at.to_string(), detail);
        None
    }

    /// Whether there was no fault so far, and none is to come.
    pub fn is_content(&self) -> bool {
        self.faults.0.is_empty() && !self.has_strangers
    }

    /// What is left of an object when all that is known was read.
    pub fn remember(&mut self, left: &Fields) {
        self.has_strangers |= !left.0.is_empty();
    }

    /// What was read of a place, or the fault that it has.
    pub fn take<T>(&mut self, at: Pointer<'_>, read: Result<T, String>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(detail) => self.fault(at, detail),
        }
    }
}

/// Reads a whole body, and tells all of its faults at once.
///
/// Fails with [`ApiError::Invalid`], with each fault.
pub fn read<P: Part>(document: Document, gateway_routing: &GatewayRouting) -> Result<P::Value, ApiError> {
    let mut reader = Reader { gateway_routing, faults: Faults::default(), has_strangers: false };
    for pointer in document.repeated {
        reader.faults.at(pointer, "is given twice");
    }
    let read = P::read(document.value, Pointer::Body, &mut reader);
    match read {
        Some(value) if reader.faults.0.is_empty() => Ok(value),
        _ => Err(ApiError::Invalid(reader.faults.0)),
    }
}

/// The fields of an object that are still to be read.
pub struct Fields(Map<String, Value>);

impl Fields {
    /// The fields of an object.
    pub fn of(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        match value {
            Value::Object(fields) => Some(Self(fields)),
            _ => reader.fault(at, "must be an object"),
        }
    }

    /// One of them.
    pub fn read<P: Part>(
        &mut self,
        name: &str,
        at: Pointer<'_>,
        reader: &mut Reader<'_>,
    ) -> Option<P::Value> {
        P::read_field(self.0.remove(name), at.field(name), reader)
    }

    /// Whatever was not read does not exist.
    pub fn finish(self, at: Pointer<'_>, reader: &mut Reader<'_>) {
        for name in self.0.keys() {
            reader.fault::<()>(at.field(name), "is not a field of this request");
        }
    }
}

/// What was read, if all of it could be.
pub fn all_of<T>(read: impl FnOnce() -> Option<T>) -> Option<T> {
    read()
}

/// Whether a field that may be missing was given, be it with a fault.
pub fn is_given<T>(field: Option<&Option<T>>) -> bool {
    !matches!(field, Some(None))
}

impl<P: Part> Part for Option<P> {
    type Value = Option<P::Value>;

    const IS_REQUIRED: bool = false;

    fn describe() -> Value {
        nullable(P::describe())
    }

    fn components(all: &mut Components) {
        P::components(all);
    }

    fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self::Value> {
        P::read(value, at, reader).map(Some)
    }

    fn read_field(value: Option<Value>, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self::Value> {
        match value.filter(|value| !value.is_null()) {
            Some(value) => Self::read(value, at, reader),
            None => Some(None),
        }
    }
}

/// What null clears: `None` where it is missing, `Some(None)` where it is null.
pub struct Clearable<P>(std::marker::PhantomData<P>);

impl<P: Part> Part for Clearable<P> {
    type Value = Option<Option<P::Value>>;

    const IS_REQUIRED: bool = false;

    fn describe() -> Value {
        nullable(P::describe())
    }

    fn components(all: &mut Components) {
        P::components(all);
    }

    fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self::Value> {
        <Option<P>>::read_field(Some(value), at, reader).map(Some)
    }

    fn read_field(value: Option<Value>, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self::Value> {
        match value {
            Some(value) => Self::read(value, at, reader),
            None => Some(None),
        }
    }
}

/// A list of so many at most.
pub struct List<P, const MAX: usize>(std::marker::PhantomData<P>);

impl<P: Part, const MAX: usize> Part for List<P, MAX> {
    type Value = Vec<P::Value>;

    fn describe() -> Value {
        json!({ "type": "array", "items": P::describe(), "maxItems": MAX })
    }

    fn components(all: &mut Components) {
        P::components(all);
    }

    fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self::Value> {
        let Value::Array(values) = value else {
            return reader.fault(at, format!("must be a list of at most {MAX}"));
        };
        if values.len() > MAX {
            return reader.fault(at, format!("must be a list of at most {MAX}"));
        }
        let items = values.into_iter().enumerate();
        // Each is read, also those after one that has a fault.
        let read: Vec<_> =
            items.map(|(place, item)| P::read(item, Pointer::Item(&at, place), reader)).collect();
        read.into_iter().collect()
    }
}
