//! As much of JSON Schema as the description uses. A keyword that is not known here fails, so that none is passed over.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
};

use regex_lite::Regex;
use serde_json::{Map, Value};

/// What says something to readers alone. A `discriminator` only says which of the choices it will be.
const ANNOTATIONS: [&str; 7] =
    ["description", "title", "examples", "default", "deprecated", "contentMediaType", "discriminator"];

static PATTERNS: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);

/// All in which a value differs from its schema, with the JSON pointer to it.
#[must_use]
pub fn faults(root: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut check = Check { root, faults: Vec::new() };
    check.value(schema, value, "");
    check.faults
}

/// What is referred to, or the thing itself.
#[must_use]
pub fn resolve<'a>(root: &'a Value, thing: &'a Value) -> &'a Value {
    match thing["$ref"].as_str() {
        Some(reference) => {
            let there = root.pointer(reference.trim_start_matches('#'));
            there.unwrap_or_else(|| panic!("{reference} is nowhere"))
        }
        None => thing,
    }
}

struct Check<'a> {
    root: &'a Value,
    faults: Vec<String>,
}

impl Check<'_> {
    fn fault(&mut self, at: &str, what: impl std::fmt::Display) {
        self.faults.push(format!("{at}: {what}"));
    }

    fn value(&mut self, schema: &Value, value: &Value, at: &str) {
        let Some(keywords) = schema.as_object() else {
            return self.fault(at, format!("the schema is {schema}"));
        };
        for (keyword, wanted) in keywords {
            match keyword.as_str() {
                "$ref" => self.value(resolve(self.root, schema), value, at),
                "type" => self.kind(wanted, value, at),
                "const" if wanted == value => {}
                "enum" if wanted.as_array().is_some_and(|all| all.contains(value)) => {}
                "const" | "enum" => self.fault(at, format!("{value} is not of {wanted}")),
                "oneOf" | "anyOf" => self.choice(keyword, wanted, value, at),
                "pattern" => self.pattern(wanted, value, at),
                "format" => self.format(wanted, value, at),
                // Of numbers alone: what else there is, `type` judges.
                "minimum" if value.is_number() && value.as_f64() < wanted.as_f64() => {
                    self.fault(at, format!("{value} is below {wanted}"))
                }
                "maximum" if value.is_number() && value.as_f64() > wanted.as_f64() => {
                    self.fault(at, format!("{value} is above {wanted}"))
                }
                "minLength" | "maxLength" => self.length(keyword, wanted, value, at),
                "minimum" | "maximum" => {}
                "items" => {
                    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.value(wanted, item, &format!("{at}/{place}"));
                    }
                }
                "properties" | "required" | "additionalProperties" | "propertyNames" => {}
                word if ANNOTATIONS.contains(&word) => {}
                unknown => self.fault(at, format!("the keyword {unknown} is not known here")),
            }
        }
        if let Some(members) = value.as_object() {
            self.members(keywords, members, at);
        }
    }

    fn members(&mut self, keywords: &Map<String, Value>, members: &Map<String, Value>, at: &str) {
        let described = keywords.get("properties").and_then(Value::as_object);
        for (name, member) in members {
            let at = format!("{at}/{name}");
            match (described.and_then(|described| described.get(name)), keywords.get("additionalProperties"))
            {
                (Some(schema), _) => self.value(schema, member, &at),
                (None, Some(Value::Bool(false))) => self.fault(&at, "is not described"),
                (None, Some(schema)) if schema.is_object() => self.value(schema, member, &at),
                // A reference or a choice looks by itself.
                (None, _) => {}
            }
        }
        for name in keywords.get("required").and_then(Value::as_array).into_iter().flatten() {
            if !members.contains_key(name.as_str().unwrap_or_default()) {
                self.fault(at, format!("{name} is missing"));
            }
        }
    }

    fn kind(&mut self, wanted: &Value, value: &Value, at: &str) {
        let is = |kind: &Value| match kind.as_str() {
            Some("null") => value.is_null(),
            Some("string") => value.is_string(),
            Some("boolean") => value.is_boolean(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            _ => false,
        };
        let fits = wanted.as_array().map_or_else(|| is(wanted), |kinds| kinds.iter().any(is));
        if !fits {
            self.fault(at, format!("{value} is no {wanted}"));
        }
    }

    fn choice(&mut self, keyword: &str, choices: &Value, value: &Value, at: &str) {
        let tried = choices.as_array().into_iter().flatten().map(|choice| faults(self.root, choice, value));
        let tried: Vec<_> = tried.collect();
        let fitting = tried.iter().filter(|faults| faults.is_empty()).count();
        if fitting == 0 || (keyword == "oneOf" && fitting > 1) {
            self.fault(at, format!("{fitting} of the choices fit: {tried:?}"));
        }
    }

    fn pattern(&mut self, wanted: &Value, value: &Value, at: &str) {
        let (Some(wanted), Some(text)) = (wanted.as_str(), value.as_str()) else { return };
        let mut patterns = PATTERNS.lock().unwrap();
        let pattern = patterns.entry(wanted.to_owned()).or_insert_with(|| Regex::new(wanted).unwrap());
        if !pattern.is_match(text) {
            self.faults.push(format!("{at}: {text:?} does not match {wanted}"));
        }
    }

    fn format(&mut self, wanted: &Value, value: &Value, at: &str) {
        let Some(text) = value.as_str() else { return };
        let fits = match wanted.as_str() {
            Some("date-time") => text.ends_with('Z') && chrono::DateTime::parse_from_rfc3339(text).is_ok(),
            Some("date") => text.parse::<chrono::NaiveDate>().is_ok(),
            Some("uri") => reqwest::Url::parse(text).is_ok(),
            Some("uri-reference") => text.starts_with('/') || reqwest::Url::parse(text).is_ok(),
            _ => false,
        };
        if !fits {
            self.fault(at, format!("{text:?} is no {wanted}"));
        }
    }

    fn length(&mut self, keyword: &str, wanted: &Value, value: &Value, at: &str) {
        let Some(length) = value.as_str().map(|text| text.chars().count() as u64) else { return };
        let fits = wanted.as_u64().is_some_and(|bound| match keyword {
            "minLength" => length >= bound,
            _ => length <= bound,
        });
        if !fits {
            self.fault(at, format!("{length} characters: {keyword} is {wanted}"));
        }
    }
}
