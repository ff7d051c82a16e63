//! Examples of answers, put together from those of their parts: they cannot fall behind.

use serde_json::{Map, Value, json};

use super::walk::referred;

/// When whatever is shown in examples has happened.
const MOMENT: &str = "2026-11-24T09:30:00Z";

/// An example of what has this schema.
pub fn of(schema: &Value, schemas: &Value) -> Value {
    if let Some(name) = referred(schema) {
        return of(&schemas[name], schemas);
    }
    let own = schema["examples"].get(0).cloned();
    let composed = || {
        let choices = schema["oneOf"].as_array().or(schema["anyOf"].as_array());
        let choice = choices.into_iter().flatten().find(|choice| choice["type"] != "null");
        choice.map(|choice| of(choice, schemas))
    };
    if let Some(Value::Object(properties)) = schema.get("properties") {
        let each = properties.iter().map(|(name, property)| (name.clone(), of(property, schemas)));
        let mut whole = Value::Object(each.collect());
        overlay(&mut whole, own.unwrap_or_default());
        return whole;
    }
    let known = own.or_else(|| schema.get("const").cloned()).or_else(|| schema["enum"].get(0).cloned());
    known.or_else(composed).unwrap_or_else(|| plain(schema, schemas))
}

fn plain(schema: &Value, schemas: &Value) -> Value {
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.clone(),
        kind => vec![kind.clone()],
    };
    let has = |kind: &str| kinds.contains(&kind.into());
    if has("array") {
        return json!([of(&schema["items"], schemas)]);
    }
    if has("null") {
        return Value::Null;
    }
    match (schema["format"].as_str(), kinds.first().and_then(Value::as_str)) {
        (Some("date-time"), _) => MOMENT.into(),
        (_, Some("object")) => Map::new().into(),
        (_, Some("boolean")) => false.into(),
        (_, Some("integer")) => schema.get("minimum").cloned().unwrap_or_else(|| 0.into()),
        _ => "".into(),
    }
}

/// These members instead of those of the same names.
pub fn overlay(whole: &mut Value, members: Value) {
    match (whole.as_object_mut(), members) {
        (Some(whole), Value::Object(members)) => whole.extend(members),
        (None, members) if !members.is_null() => *whole = members,
        _ => {}
    }
}
