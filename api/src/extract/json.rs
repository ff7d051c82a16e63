//! JSON, read so that nothing of it is lost: of a name that stands twice in an object, a parser keeps the last and says
//! nothing, and what its sender meant by the first is gone. Here each is told, by its pointer.

use std::fmt;

use common::card_data;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value, map::Entry};

/// Names that stand twice, of which is told, at most: as many as faults are told of a request.
const REPEATED_MAX: usize = 100;

/// A JSON document.
#[derive(Debug, Default)]
pub struct Document {
    /// What it says; of what stands twice, the last.
    pub value: Value,
    /// Pointers to the fields whose name stands twice.
    pub repeated: Vec<String>,
    /// Whether an earlier one of those holds card data.
    holds_hidden_card_data: bool,
}

impl Document {
    /// Reads a document.
    ///
    /// Fails when it is not JSON: a sentence without its end.
    pub fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let mut document = Self::default();
        let mut deserializer = serde_json::Deserializer::from_slice(without_mark(bytes));
        document.value = Node(&mut document).deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(document)
    }

    /// Whether there is card data anywhere in it.
    pub fn holds_card_data(&self) -> bool {
        self.holds_hidden_card_data || card_data::in_json(&self.value)
    }

    /// Notes that a field stood there before, and what it said.
    fn repeats(&mut self, name: &str, earlier: Value) {
        let earlier = Value::Object(Map::from_iter([(name.to_owned(), earlier)]));
        self.holds_hidden_card_data |= card_data::in_json(&earlier);
        if self.repeated.len() < REPEATED_MAX {
            self.repeated.push(format!("/{}", escaped(name)));
        }
    }

    /// What was noted since then stands within this field or place of a list.
    fn within(&mut self, since: usize, step: &str) {
        for pointer in self.repeated.iter_mut().skip(since) {
            pointer.insert_str(0, &format!("/{}", escaped(step)));
        }
    }
}

impl From<Value> for Document {
    fn from(value: Value) -> Self {
        Self { value, ..Self::default() }
    }
}

/// A name as it is written in a JSON pointer.
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Without the byte order mark that some write before UTF-8. JSON has none, but RFC 8259 lets a reader pass over it.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)
}

/// Any value within a document.
struct Node<'a>(&'a mut Document);

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        let mut since = self.0.repeated.len();
        while let Some(value) = list.next_element_seed(Node(&mut *self.0))? {
            if self.0.repeated.len() > since {
                self.0.within(since, &values.len().to_string());
            }
            since = self.0.repeated.len();
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            let since = self.0.repeated.len();
            let value = object.next_value_seed(Node(&mut *self.0))?;
            if self.0.repeated.len() > since {
                self.0.within(since, &name);
            }
            match fields.entry(name) {
                Entry::Vacant(place) => {
                    place.insert(value);
                }
                Entry::Occupied(mut place) => {
                    let earlier = place.insert(value);
                    self.0.repeats(place.key(), earlier);
                }
            }
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Document {
        Document::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_a_parser_reads_is_read() {
        for text in [
            "null",
            " [1, -1, 0.5, 1e3, \"a\\u00e9\", true, {\"a\": {\"b\": []}}] ",
            "{\"amount\": \"49.90\", \"metadata\": {\"a/b~c\": \"\"}}",
            "\u{feff}{\"a\": 18446744073709551615}",
        ] {
            let document = read(text);
            assert_eq!(
                document.value,
                serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')).unwrap()
            );
            assert_eq!(document.repeated, [] as [&str; 0], "{text}");
        }
        for text in ["", "{", "{} {}", "{\"a\":}", "1e999", "{'a': 1}", &"[".repeat(200)] {
            let told = Document::read(text.as_bytes()).unwrap_err().to_string();
            assert_eq!(told, serde_json::from_str::<Value>(text).unwrap_err().to_string());
        }
    }

    #[test]
    fn a_name_that_stands_twice_is_noted_wherever_it_stands() {
        let document = read(r#"{"a": 1, "b": [0, {"c/d": {"e": 1, "e": 2, "e": 3}}], "a": 2}"#);
        assert_eq!(document.repeated, ["/b/1/c~1d/e", "/b/1/c~1d/e", "/a"]);
        assert_eq!(document.value, json!({ "a": 2, "b": [0, { "c/d": { "e": 3 } }] }));
        let many = format!("{{\"a\": {{{}\"b\": 1}}}}", "\"b\": 1,".repeat(5000));
        assert_eq!(read(&many).repeated.len(), REPEATED_MAX);
    }

    #[test]
    fn card_data_is_found_in_what_was_said_first_as_well() {
        for text in [
            r#"{"a": "4242 4242 4242 4242", "a": "x"}"#,
            r#"{"a": {"cvc": "123"}, "a": "x"}"#,
            r#"[{"cvc": "123", "cvc": null}]"#,
            r#"{"a": "x", "a": "4242 4242 4242 4242"}"#,
        ] {
            assert!(read(text).holds_card_data(), "{text}");
        }
        assert!(!read(r#"{"a": "x", "a": "y"}"#).holds_card_data());
    }
}
