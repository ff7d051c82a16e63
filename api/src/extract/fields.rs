//! Reading the fields of a JSON object by hand, so that all faults of a body can be told at once:
//! missing fields, wrong values, and fields that do not exist.

use std::ops::Range;

use common::{
    clock::Timestamp,
    customer::MetadataChange,
    metadata::{ENTRIES_MAX, Metadata},
};
use serde_json::{Map, Value};

use crate::error::{ApiError, Fault};

/// Characters of a metadata key, at most.
const METADATA_KEY_MAX: usize = 40;
/// Characters of a metadata value, at most.
const METADATA_VALUE_MAX: usize = 500;

/// Moments that we take, in seconds since 1970, up to the year 9999: a database knows fewer than a calendar.
const MOMENTS: Range<i64> = 0..253_402_300_800;

/// The faults found so far.
#[derive(Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Notes a fault at a JSON pointer.
    pub fn at(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        let fault = Fault { pointer: Some(pointer.into()), parameter: None, detail: detail.into() };
        self.0.push(fault);
    }

    /// Whether there are none so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was read, if it was read whole and without a fault.
    pub fn or<T>(self, value: Option<T>) -> Result<T, ApiError> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(ApiError::Invalid(self.0)),
        }
    }
}

impl From<Faults> for ApiError {
    fn from(faults: Faults) -> Self {
        Self::Invalid(faults.0)
    }
}

/// The fields of one object, each of which may be read once.
pub struct Fields<'a> {
    path: String,
    rest: Map<String, Value>,
    faults: &'a mut Faults,
}

impl<'a> Fields<'a> {
    /// The fields of the object at `path` (a JSON pointer, empty for the whole body).
    pub fn of(value: Value, path: &str, faults: &'a mut Faults) -> Option<Self> {
        match value {
            Value::Object(rest) => Some(Self { path: path.to_owned(), rest, faults }),
            _ => {
                faults.at(path, "must be an object");
                None
            }
        }
    }

    /// A field that must be there.
    pub fn required<T>(&mut self, name: &str, read: impl FnOnce(Value) -> Result<T, String>) -> Option<T> {
        if matches!(self.rest.get(name), None | Some(Value::Null)) {
            self.rest.remove(name);
            self.faults.at(self.pointer(name), "is required");
            return None;
        }
        self.optional(name, read)
    }

    /// A field that may be missing or null.
    pub fn optional<T>(&mut self, name: &str, read: impl FnOnce(Value) -> Result<T, String>) -> Option<T> {
        let value = self.rest.remove(name).filter(|value| !value.is_null())?;
        match read(value) {
            Ok(value) => Some(value),
            Err(detail) => {
                self.faults.at(self.pointer(name), detail);
                None
            }
        }
    }

    /// A field whose null says something: `None` where it is missing.
    pub fn named<T>(&mut self, name: &str, read: impl FnOnce(Value) -> Result<T, String>) -> Option<T> {
        read(self.rest.remove(name)?).map_err(|detail| self.faults.at(self.pointer(name), detail)).ok()
    }

    /// A field whose null clears it: `None` where it is missing.
    pub fn clearable<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Value) -> Result<T, String>,
    ) -> Option<Option<T>> {
        self.named(name, |value| if value.is_null() { Ok(None) } else { read(value).map(Some) })
    }

    /// An object within, read field by field.
    pub fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Option<T> {
        let value = self.rest.remove(name).filter(|value| !value.is_null())?;
        let pointer = self.pointer(name);
        let mut fields = Fields::of(value, &pointer, self.faults)?;
        let read = read(&mut fields);
        fields.finish();
        read
    }

    /// A list of up to `max` such objects, which may be missing or null.
    pub fn objects<T>(
        &mut self,
        name: &str,
        max: usize,
        mut read: impl FnMut(&mut Fields<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let values = self.optional(name, |value| match value {
            Value::Array(values) if values.len() <= max => Ok(values),
            _ => Err(format!("must be a list of at most {max}")),
        })?;
        let pointer = self.pointer(name);
        let one = |(place, value)| {
            let mut fields = Fields::of(value, &format!("{pointer}/{place}"), self.faults)?;
            let read = read(&mut fields);
            fields.finish();
            read
        };
        values.into_iter().enumerate().map(one).collect()
    }

    /// The same, for an object that must be there.
    pub fn required_object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        if matches!(self.rest.get(name), None | Some(Value::Null)) {
            self.rest.remove(name);
            self.faults.at(self.pointer(name), "is required");
            return None;
        }
        self.object(name, read)
    }

    /// One of a few words, each with what it means, that may be missing or null.
    pub fn choice<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        self.optional(name, |value| {
            let found = words.iter().find(|(word, _)| value == *word);
            found.map(|(_, meaning)| *meaning).ok_or_else(|| {
                let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                format!("must be one of {}", words.join(", "))
            })
        })
    }

    /// Whether a field was sent that was not read yet.
    pub fn has(&self, name: &str) -> bool {
        self.rest.get(name).is_some_and(|value| !value.is_null())
    }

    /// Whether a field is this word; then it is read.
    pub fn is(&mut self, name: &str, word: &str) -> bool {
        let is_it = self.rest.get(name).is_some_and(|value| value == word);
        if is_it {
            self.rest.remove(name);
        }
        is_it
    }

    /// Whether the request has no fault so far.
    pub fn is_well_so_far(&self) -> bool {
        self.faults.is_empty()
    }

    /// Notes a fault of one field.
    pub fn fault(&mut self, name: &str, detail: impl Into<String>) {
        self.faults.at(self.pointer(name), detail);
    }

    /// Whatever was not read does not exist.
    pub fn finish(self) {
        for name in self.rest.keys() {
            self.faults.at(self.pointer(name), "is not a field of this request");
        }
    }

    fn pointer(&self, name: &str) -> String {
        format!("{}/{}", self.path, name.replace('~', "~0").replace('/', "~1"))
    }
}

/// A text of 1 to `max` characters, without control characters.
pub fn text(max: usize) -> impl Fn(Value) -> Result<String, String> {
    move |value| match value {
        Value::String(text) => {
            let length = text.chars().count();
            if length == 0 || length > max {
                Err(format!("must have 1 to {max} characters, and has {length}"))
            } else if text.chars().any(char::is_control) {
                Err("must not have control characters".into())
            } else {
                Ok(text)
            }
        }
        _ => Err("must be a string".into()),
    }
}

/// A whole number of 0 to `max`.
pub fn whole(max: u32) -> impl Fn(Value) -> Result<u32, String> {
    move |value| {
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        number
            .filter(|number| *number <= max)
            .ok_or_else(|| format!("must be a whole number of at most {max}"))
    }
}

/// A moment, RFC 3339, that every part of ours can reckon with.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    let moment = text.parse::<Timestamp>().ok().filter(|moment| MOMENTS.contains(&moment.timestamp()));
    moment.ok_or_else(|| "must be a moment from 1970 to 9999, such as 2027-01-01T00:00:00Z".into())
}

/// `true` or `false`.
pub fn flag(value: Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "must be true or false".to_owned())
}

/// One of a closed set of names.
pub fn name<T>(value: Value) -> Result<T, String>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    match value {
        Value::String(text) => text.parse().map_err(|error: T::Err| error.to_string()),
        _ => Err("must be a string".into()),
    }
}

/// The merchant's own keys and values.
pub fn metadata(value: Value) -> Result<Metadata, String> {
    let Value::Object(entries) = value else {
        return Err("must be an object of strings".into());
    };
    if entries.len() > ENTRIES_MAX {
        return Err(format!("must have at most {ENTRIES_MAX} entries, and has {}", entries.len()));
    }
    entries
        .into_iter()
        .map(|(key, value)| {
            let length = key.chars().count();
            if length == 0 || length > METADATA_KEY_MAX || key.chars().any(char::is_control) {
                return Err(format!("must have keys of 1 to {METADATA_KEY_MAX} characters"));
            }
            match value {
                Value::String(text) if text.chars().count() <= METADATA_VALUE_MAX && !text.contains('\0') => {
                    Ok((key, text))
                }
                _ => Err(format!(
                    "must have values that are strings of at most {METADATA_VALUE_MAX} characters"
                )),
            }
        })
        .collect()
}

/// The merchant's own keys and values, key by key: null takes one away, or all of them.
pub fn metadata_change(value: Value) -> Result<MetadataChange, String> {
    let mut entries = match value {
        Value::Null => return Ok(MetadataChange::Clear),
        Value::Object(entries) => entries,
        _ => return Err("must be an object of strings".into()),
    };
    let removed: Vec<_> =
        entries.iter().filter(|(_, value)| value.is_null()).map(|(key, _)| key.clone()).collect();
    entries.retain(|_, value| !value.is_null());
    let set = metadata(Value::Object(entries))?;
    let removed = removed.into_iter().map(|key| (key, None));
    Ok(MetadataChange::Merge(removed.chain(set.into_iter().map(|(key, value)| (key, Some(value)))).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_faults_are_told_at_once() {
        let mut faults = Faults::default();
        let body = json!({"name": "", "inner": {"x": 1, "un/known": 2}, "more": true});
        let mut fields = Fields::of(body, "", &mut faults).unwrap();
        fields.required("name", text(5));
        fields.required("missing", text(5));
        fields.object("inner", |inner| inner.required("x", text(5)));
        fields.finish();
        let pointers: Vec<_> = faults.0.iter().filter_map(|fault| fault.pointer.as_deref()).collect();
        assert_eq!(pointers, ["/name", "/missing", "/inner/x", "/inner/un~1known", "/more"]);
    }

    #[test]
    fn metadata_is_bounded() {
        assert!(metadata(json!({"a": "b"})).is_ok());
        let many: Map<_, _> = (0..51).map(|i| (i.to_string(), json!("x"))).collect();
        for value in [
            json!([]),
            json!({"a": 1}),
            json!({"": "x"}),
            json!({"a": "x".repeat(501)}),
            json!({"a".repeat(41): "x"}),
            json!({"a": "\u{0}"}),
            Value::Object(many),
        ] {
            assert!(metadata(value.clone()).is_err(), "{value}");
        }
    }
}
