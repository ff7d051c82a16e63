//! Texts, numbers and moments in a body, each within its bounds.

use std::{marker::PhantomData, ops::Range};

use common::{
    clock::Timestamp,
    customer::MetadataChange,
    metadata::{ENTRIES_MAX, Metadata},
    subscription::Tz,
};
use serde_json::{Map, Value, json};

use super::part::{Part, Pointer, Reader};

/// Characters of a metadata key, at most.
const METADATA_KEY_MAX: usize = 40;
/// Characters of a metadata value, at most.
const METADATA_VALUE_MAX: usize = 500;

/// Moments that we take, in seconds since 1970, up to the year 9999: a database knows fewer than a calendar.
const MOMENTS: Range<i64> = 0..253_402_300_800;

/// A text of 1 to `MAX` characters, without control characters.
pub enum Text<const MAX: usize> {}

impl<const MAX: usize> Part for Text<MAX> {
    type Value = String;

    fn describe() -> Value {
        json!({ "type": "string", "minLength": 1, "maxLength": MAX })
    }

    fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<String> {
        reader.take(at, text(value, MAX))
    }
}

/// A text of 1 to `max` characters, without control characters.
pub fn text(value: Value, max: usize) -> Result<String, String> {
    let Value::String(text) = value else { return Err("must be a string".into()) };
    let length = text.chars().count();
    if length == 0 || length > max {
        Err(format!("must have 1 to {max} characters, and has {length}"))
    } else if text.chars().any(char::is_control) {
        Err("must not have control characters".into())
    } else {
        Ok(text)
    }
}

/// A whole number from `MIN` to `MAX`.
pub struct Whole<T, const MIN: u32, const MAX: u32>(PhantomData<T>);

impl<T: TryFrom<u32>, const MIN: u32, const MAX: u32> Part for Whole<T, MIN, MAX> {
    type Value = T;

    fn describe() -> Value {
        json!({ "type": "integer", "format": "int32", "minimum": MIN, "maximum": MAX })
    }

    fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<T> {
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        match number.filter(|number| *number <= MAX) {
            Some(number) if number < MIN => reader.fault(at, format!("must be at least {MIN}")),
            number => number
                .and_then(|number| T::try_from(number).ok())
                .or_else(|| reader.fault(at, format!("must be a whole number of at most {MAX}"))),
        }
    }
}

impl Part for bool {
    type Value = Self;

    fn describe() -> Value {
        json!({ "type": "boolean" })
    }

    fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.take(at, value.as_bool().ok_or_else(|| "must be true or false".to_owned()))
    }
}

impl Part for Timestamp {
    type Value = Self;

    fn describe() -> Value {
        json!({ "type": "string", "format": "date-time", "examples": ["2027-01-01T00:00:00Z"] })
    }

    fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.take(at, moment(value.as_str().unwrap_or_default()))
    }
}

/// A moment, RFC 3339, that every part of ours can reckon with.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    let moment = text.parse::<Timestamp>().ok().filter(|moment| MOMENTS.contains(&moment.timestamp()));
    moment.ok_or_else(|| "must be a moment from 1970 to 9999, such as 2027-01-01T00:00:00Z".into())
}

impl Part for Tz {
    type Value = Self;

    fn describe() -> Value {
        json!({ "type": "string", "examples": ["Europe/Berlin"] })
    }

    fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let zone = value.as_str().and_then(|name| name.parse().ok());
        zone.or_else(|| reader.fault(at, "must be an IANA time zone, such as \"Europe/Berlin\""))
    }
}

/// The merchant's own keys and values.
impl Part for Metadata {
    type Value = Self;

    fn describe() -> Value {
        described_metadata(&json!({ "type": "string", "maxLength": METADATA_VALUE_MAX }))
    }

    fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        reader.take(at, entries(value).and_then(metadata))
    }
}

/// The merchant's own keys and values, key by key: null takes one away, or all of them.
impl Part for MetadataChange {
    type Value = Option<Self>;

    const IS_REQUIRED: bool = false;

    fn describe() -> Value {
        let mut schema =
            described_metadata(&json!({ "type": ["string", "null"], "maxLength": METADATA_VALUE_MAX }));
        schema["type"] = json!(["object", "null"]);
        schema
    }

    fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self::Value> {
        if value.is_null() {
            return Some(Some(Self::Clear));
        }
        reader.take(at, entries(value).and_then(metadata_change)).map(Some)
    }

    fn read_field(value: Option<Value>, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self::Value> {
        match value {
            Some(value) => Self::read(value, at, reader),
            None => Some(None),
        }
    }
}

fn described_metadata(value: &Value) -> Value {
    json!({
        "type": "object",
        "propertyNames": { "type": "string", "minLength": 1, "maxLength": METADATA_KEY_MAX },
        "additionalProperties": value,
        "maxProperties": ENTRIES_MAX,
    })
}

fn entries(value: Value) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(entries) => Ok(entries),
        _ => Err("must be an object of strings".into()),
    }
}

fn metadata(entries: Map<String, Value>) -> Result<Metadata, String> {
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

fn metadata_change(mut entries: Map<String, Value>) -> Result<MetadataChange, String> {
    let removed: Vec<_> =
        entries.iter().filter(|(_, value)| value.is_null()).map(|(key, _)| key.clone()).collect();
    entries.retain(|_, value| !value.is_null());
    let set = metadata(entries)?;
    let removed = removed.into_iter().map(|key| (key, None));
    Ok(MetadataChange::Merge(removed.chain(set.into_iter().map(|(key, value)| (key, Some(value)))).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_bounded() {
        let read = |value| entries(value).and_then(metadata);
        assert!(read(json!({"a": "b"})).is_ok());
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
            assert!(read(value.clone()).is_err(), "{value}");
        }
    }
}
