//! How what a body is declared to be is described: docs/adr/0043-a-body-is-one-text.md.

use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Schema};

/// The same, or null: which is as good as nothing.
pub fn nullable(mut schema: Value) -> Value {
    let is_plain = schema.get("enum").is_none();
    if let (true, Some(kind)) = (is_plain, schema.get_mut("type")) {
        *kind = json!([kind.take(), "null"]);
        return schema;
    }
    let nothing = json!({ "type": "null" });
    match schema.get_mut("oneOf").and_then(Value::as_array_mut) {
        Some(ways) => ways.insert(0, nothing),
        None => schema = json!({ "oneOf": [nothing, schema] }),
    }
    schema
}

/// A field, as it is described.
pub struct Described {
    /// Its name.
    pub name: &'static str,
    /// Its schema.
    pub schema: Value,
    /// Whether it must be there.
    pub is_required: bool,
    /// Its documentation, line by line.
    pub doc: &'static [&'static str],
    /// How it may be written.
    pub example: Option<Value>,
}

/// An object of these fields and no others.
pub fn object(doc: &[&str], example: Option<Value>, fields: Vec<Described>) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for Described { name, mut schema, is_required, doc, example } in fields {
        describe(&mut schema, doc, example);
        properties.insert(name.to_owned(), schema);
        if is_required {
            required.push(name);
        }
    }
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    describe(&mut schema, doc, example);
    schema
}

/// Says in words what it is, and shows one.
fn describe(schema: &mut Value, doc: &[&str], example: Option<Value>) {
    if !doc.is_empty() {
        let lines: Vec<_> = doc.iter().map(|line| line.trim()).collect();
        schema["description"] = json!(lines.join("\n"));
    }
    // What is referred to has examples of its own.
    if let (Some(example), None) = (example, schema.get("$ref")) {
        schema["examples"] = json!([example]);
    }
}

/// A schema in the form that the description of the API is put together from.
pub fn schema(json: Value) -> RefOr<Schema> {
    let schema = serde_json::from_value(json.clone()).unwrap_or_default();
    debug_assert_eq!(
        serde_json::to_value(&schema).ok(),
        Some(json),
        "a schema keeps all that it was made of"
    );
    schema
}

/// A field's name as it is written in JSON: `r#type` is `type`.
pub fn plain(name: &'static str) -> &'static str {
    name.strip_prefix("r#").unwrap_or(name)
}
