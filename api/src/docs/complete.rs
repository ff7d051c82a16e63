//! Makes the description say all that is true of every answer, so that no handler has to repeat it: bodies are closed,
//! what may be null is there, lists refer to what they list, headers, examples.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{
    catalogue, example, links, problems,
    walk::{self, SCHEMAS, each, operations, reference, referred, take_schemas},
};

/// The description as it is published.
pub fn complete(mut description: Value) -> Value {
    description["components"]["responses"] = problems::components().into();
    description["components"]["headers"] = headers();
    let mut schemas = take_schemas(&mut description);
    refer_to_listed(&mut schemas);
    merge_flattened(&mut schemas);
    for schema in schemas.values_mut() {
        each(schema, &mut close);
    }
    demand_nullable(&mut schemas, &description["paths"]);
    description["components"]["schemas"] = schemas.into();
    let mut public = name_as_merchants(description);
    let schemas = public["components"]["schemas"].clone();
    for (path, _, operation) in operations(&mut public) {
        complete_operation(path, operation, &schemas);
    }
    links::add(&mut public, &schemas);
    catalogue::add(&mut public);
    public
}

/// A list's members are what can be got one by one.
fn refer_to_listed(schemas: &mut Map<String, Value>) {
    for (name, schema) in schemas {
        if let Some(listed) = name.strip_prefix("List_") {
            schema["properties"]["data"]["items"] = reference(listed);
        }
    }
}

/// What `serde(flatten)` puts into one object is described as one: the parts by themselves could not be closed.
fn merge_flattened(schemas: &mut Map<String, Value>) {
    let parts = schemas.clone();
    let mut merged = BTreeSet::new();
    for schema in schemas.values_mut() {
        let Some(Value::Array(all)) = schema.as_object_mut().and_then(|schema| schema.remove("allOf")) else {
            continue;
        };
        schema["type"] = "object".into();
        for part in all {
            let name = referred(&part).map(str::to_owned);
            let part = name.as_ref().map_or(&part, |name| &parts[name]);
            join(&mut schema["properties"], &part["properties"]);
            join(&mut schema["required"], &part["required"]);
            merged.extend(name);
        }
    }
    schemas.retain(|name, _| !merged.contains(name));
}

fn join(to: &mut Value, from: &Value) {
    match (&mut *to, from) {
        (Value::Object(to), Value::Object(from)) => to.extend(from.clone()),
        (Value::Array(to), Value::Array(from)) => to.extend(from.clone()),
        (Value::Null, from) => *to = from.clone(),
        _ => {}
    }
}

/// No member but those that are named. An `object` is always the same word.
fn close(schema: &mut Map<String, Value>) {
    if let Some(example) = schema.remove("example") {
        schema.insert("examples".into(), json!([example]));
    }
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    if let Some(object) = properties.get_mut("object")
        && let Some(word) = object["examples"].get(0).or(object.get("example")).cloned()
    {
        *object = json!({ "type": "string", "const": word });
    }
    schema.entry("additionalProperties").or_insert(false.into());
}

/// In an answer whatever may be null is there: what may be missing is never null. Its example is whole.
fn demand_nullable(schemas: &mut Map<String, Value>, paths: &Value) {
    let mut answered = BTreeSet::new();
    for operation in paths.as_object().into_iter().flatten().flat_map(|(_, item)| item.as_object()).flatten()
    {
        reach(&operation.1["responses"], schemas, &mut answered);
    }
    for name in &answered {
        let Some(schema) = schemas.get_mut(name) else { continue };
        each(schema, &mut |schema| {
            let Some(Value::Object(properties)) = schema.get("properties") else { return };
            let nullable = properties.iter().filter(|(_, property)| may_be_null(property));
            let nullable: Vec<Value> = nullable.map(|(name, _)| name.as_str().into()).collect();
            if let Value::Array(required) = schema.entry("required").or_insert(json!([])) {
                required.extend(nullable);
            }
        });
    }
    let parts = Value::Object(schemas.clone());
    for name in &answered {
        if let Some(schema) = schemas.get_mut(name).filter(|schema| schema.get("properties").is_some()) {
            schema["examples"] = json!([example::of(&parts[name], &parts)]);
        }
    }
}

fn reach(value: &Value, schemas: &Map<String, Value>, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            if let Some(name) = referred(value)
                && found.insert(name.to_owned())
            {
                reach(&schemas[name], schemas, found);
            }
            object.values().for_each(|value| reach(value, schemas, found));
        }
        Value::Array(values) => values.iter().for_each(|value| reach(value, schemas, found)),
        _ => {}
    }
}

fn may_be_null(schema: &Value) -> bool {
    let is_null = |schema: &Value| match &schema["type"] {
        Value::Array(kinds) => kinds.contains(&"null".into()),
        kind => kind == "null",
    };
    let among = |word: &str| schema[word].as_array().is_some_and(|all| all.iter().any(is_null));
    is_null(schema) || among("oneOf") || among("anyOf")
}

/// A merchant knows payments and lists of payments, not how we render them.
fn name_as_merchants(mut description: Value) -> Value {
    let schemas = take_schemas(&mut description);
    let named: Map<_, _> = schemas.into_iter().map(|(name, schema)| (public(&name), schema)).collect();
    description["components"]["schemas"] = named.into();
    each(&mut description, &mut |object| {
        if let Some(Value::String(reference)) = object.get_mut("$ref")
            && let Some(name) = reference.strip_prefix(SCHEMAS)
        {
            *reference = format!("{SCHEMAS}{}", public(name));
        }
    });
    description
}

/// The public name of a schema.
pub fn public(name: &str) -> String {
    let one = |name: &str| name.strip_suffix("View").unwrap_or(name).to_owned();
    name.strip_prefix("List_").map_or_else(|| one(name), |listed| format!("{}List", one(listed)))
}

/// The headers that answers may have.
fn headers() -> Value {
    let header = |required: bool, about: &str, schema: Value| json!({ "description": about, "required": required, "schema": schema });
    let text = |example: &str| json!({ "type": "string", "examples": [example] });
    json!({
        "X-Request-Id": header(true, "Names this request in our logs.", text("req_0193a3f1c2d87b51a9f0c4d2e8b7a601")),
        "Location": header(true, "Where it is, or its outcome can be asked for.", json!({
            "type": "string", "format": "uri-reference", "examples": ["/payments/pay_0193a3f1c2d87b51a9f0c4d2e8b7a601"],
        })),
        "Retry-After": header(true, "Seconds.", json!({ "type": "integer", "minimum": 1, "examples": [1] })),
        "Retry-While-Under-Way": header(false, "Seconds: ask again then. None once it has its end.", json!({
            "type": "integer", "minimum": 1, "examples": [1],
        })),
        "Preference-Applied": header(false, "How long was waited, at most, where that was preferred.", text("wait=10")),
        "Idempotent-Replayed": header(false, "The same was asked for before: this is what became of it.", json!({
            "type": "string", "const": "true",
        })),
        "ETag": header(true, "Its version, for `If-Match`.", json!({
            "type": "string", "pattern": "^\"[0-9]+\"$", "examples": ["\"3\""],
        })),
        "Link": header(false, "The next page, if there is one: RFC 8288.", json!({
            "type": "string", "pattern": "^<.+>; rel=\"next\"$",
            "examples": ["<https://api.example/payments?limit=10&starting_after=pay_0193a3f1c2d87b51a9f0c4d2e8b7a601>; rel=\"next\""],
        })),
        "Accept-Encoding": header(false, "What may be sent instead of a compressed body.", json!({
            "type": "string", "const": "identity",
        })),
        "RateLimit-Policy": header(false, "The rate of the key: `q` requests in `w` seconds.", text("\"writes\";q=10000;w=10")),
        "RateLimit": header(false, "How the key stands: `r` requests are left, and all of them again in `t` seconds.", text("\"writes\";r=9998;t=1")),
        "WWW-Authenticate": header(true, "How to send the key.", json!({ "type": "string", "const": "Bearer" })),
    })
}

fn complete_operation(path: &str, operation: &mut Value, schemas: &Value) {
    let has_parameter = |name: &str| {
        let parameters = operation["parameters"].as_array();
        parameters.is_some_and(|all| all.iter().any(|parameter| parameter["name"] == name))
    };
    let (prefers, has_key) = (has_parameter("Prefer"), has_parameter("Idempotency-Key"));
    require_body(operation);
    let makes = operation["responses"].get("201").is_some();
    let responses = operation["responses"].as_object_mut().into_iter().flatten();
    for (status, response) in responses.filter(|(_, response)| response.get("$ref").is_none()) {
        let code: u16 = status.parse().unwrap_or_default();
        match code {
            400.. => complete_problem(code, response),
            _ => show(path, response, schemas),
        }
        let named = response["content"]["application/json"]["schema"].clone();
        let answer = referred(&named).map_or(&Value::Null, |name| &schemas[name]);
        let mut names = vec!["X-Request-Id"];
        names.extend(walk::RATE_HEADERS);
        match code {
            200 | 201 if makes => names.push("Location"),
            202 => names.extend(["Location", "Retry-While-Under-Way"]),
            200 if answer["properties"].get("has_more").is_some() => names.push("Link"),
            200 if is_under_way(answer) => names.push("Retry-While-Under-Way"),
            _ => {}
        }
        if code == 202 && prefers {
            names.push("Preference-Applied");
        }
        if matches!(code, 201 | 202) && has_key {
            names.push("Idempotent-Replayed");
        }
        add_headers(response, &names);
    }
}

/// A payment, a refund, a subscription and an invoice may have no end yet.
fn is_under_way(answer: &Value) -> bool {
    answer["properties"].get("status").is_some()
}

/// A body that may be left out is nothing, rather than `null`.
fn require_body(operation: &mut Value) {
    let Some(body) = operation.get_mut("requestBody") else { return };
    let schema = &mut body["content"]["application/json"]["schema"];
    let named = schema["oneOf"].as_array().into_iter().flatten().find(|schema| referred(schema).is_some());
    if let Some(named) = named.cloned() {
        *schema = named;
        body["required"] = false.into();
    }
}

fn add_headers(response: &mut Value, names: &[&str]) {
    let mut headers = match response["headers"].take() {
        Value::Object(described) => described.into_iter().map(|(name, _)| name).collect(),
        _ => Vec::new(),
    };
    headers.extend(names.iter().map(|&name| name.to_owned()));
    let headers = headers.into_iter().map(|component| {
        let name = if component == "Retry-While-Under-Way" { "Retry-After" } else { &component };
        (name.to_owned(), walk::header(&component))
    });
    response["headers"] = headers.collect::<Map<_, _>>().into();
}

/// A problem that only this operation has: what its handler says of it, in a whole document.
fn complete_problem(status: u16, response: &mut Value) {
    let given = response["content"].as_object().and_then(|content| content.values().next());
    let given = given.map_or(Value::Null, |media| media["example"].clone());
    let mut problem = problems::example(status);
    example::overlay(&mut problem, given);
    problem["type"] = format!("urn:remit:problem:{}", problem["code"].as_str().unwrap_or_default()).into();
    let content = json!({ "schema": reference("Problem"), "example": problem });
    response["content"] = json!({ "application/problem+json": content });
}

/// An answer's example: its parts, and what its handler says of it.
fn show(path: &str, response: &mut Value, schemas: &Value) {
    let Some(media) = response.pointer_mut("/content/application~1json") else { return };
    let mut shown = example::of(&media["schema"], schemas);
    if shown.get("has_more").is_some() {
        shown["url"] = path.into();
    }
    example::overlay(&mut shown, media["example"].take());
    media["example"] = shown;
}
