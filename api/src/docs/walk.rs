//! Ways through the description: its operations, what is referred to, and all that is in a value.

use serde_json::{Map, Value, json};

/// How a schema is referred to.
pub const SCHEMAS: &str = "#/components/schemas/";

/// Each operation, with its path and its method.
pub fn operations(description: &mut Value) -> impl Iterator<Item = (&str, &str, &mut Value)> {
    let paths = description["paths"].as_object_mut().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let methods = item.as_object_mut().into_iter().flatten();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// The name of the schema that is referred to, if one is.
pub fn referred(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix(SCHEMAS)
}

/// A reference to the schema of that name.
pub fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{SCHEMAS}{name}") })
}

/// The headers of every answer to a key that has a rate.
pub const RATE_HEADERS: [&str; 2] = ["RateLimit-Policy", "RateLimit"];

/// A reference to the header that is described under that name.
pub fn header(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}

/// Takes all schemas out, to be put back changed.
pub fn take_schemas(description: &mut Value) -> Map<String, Value> {
    match description["components"]["schemas"].take() {
        Value::Object(schemas) => schemas,
        _ => Map::new(),
    }
}

/// Does something to a value and to all that is in it.
pub fn each(value: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            change(object);
            object.values_mut().for_each(|value| each(value, change));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| each(value, change)),
        _ => {}
    }
}
