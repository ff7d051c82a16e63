//! Strict reading of JSON bodies: a field that the endpoint does not have is the caller's mistake.
//!
//! Every complaint names its field by a JSON pointer, as PayPal's do.

use serde_json::{Map, Value};

use super::errors::PayPalError;

/// One JSON object of a request, with the pointer that leads to it.
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    pointer: String,
}

impl<'a> Fields<'a> {
    /// The object at this pointer.
    pub(crate) fn of(value: &'a Value, pointer: &str) -> Result<Self, PayPalError> {
        let map =
            value.as_object().ok_or_else(|| PayPalError::invalid("INVALID_PARAMETER_SYNTAX", pointer))?;
        Ok(Self { map, pointer: pointer.to_owned() })
    }

    /// The pointer of one of the object's fields.
    pub(crate) fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.pointer)
    }

    /// Refuses any other field.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), PayPalError> {
        match self.map.keys().find(|name| !known.contains(&name.as_str())) {
            Some(unknown) => Err(PayPalError::invalid("INVALID_PARAMETER_SYNTAX", &self.path(unknown))),
            None => Ok(()),
        }
    }

    /// A field's value; `null` counts as absent.
    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// A text of 1 to `longest` characters.
    pub(crate) fn text(&self, name: &str, longest: usize) -> Result<Option<&'a str>, PayPalError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let wrong = |issue| Err(PayPalError::invalid(issue, &self.path(name)));
        match value.as_str() {
            None => wrong("INVALID_PARAMETER_SYNTAX"),
            Some(text) if text.is_empty() || text.chars().count() > longest => wrong("INVALID_STRING_LENGTH"),
            Some(text) => Ok(Some(text)),
        }
    }

    /// The same, owned.
    pub(crate) fn string(&self, name: &str, longest: usize) -> Result<Option<String>, PayPalError> {
        Ok(self.text(name, longest)?.map(str::to_owned))
    }

    /// A boolean.
    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, PayPalError> {
        let read = |value: &Value| {
            value.as_bool().ok_or_else(|| PayPalError::invalid("INVALID_PARAMETER_SYNTAX", &self.path(name)))
        };
        self.value(name).map(read).transpose()
    }

    /// An object within the object.
    pub(crate) fn object(&self, name: &str) -> Result<Option<Fields<'a>>, PayPalError> {
        self.value(name).map(|value| Fields::of(value, &self.path(name))).transpose()
    }
}
