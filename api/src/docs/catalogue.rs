//! The catalogue of events: a schema for what each is about, and a webhook for each type, so that whoever is sent them
//! can generate what reads them.

use common::event::{EventType, catalogue::Object};
use serde_json::{Map, Value, json};

use super::walk::{SCHEMAS, reference, take_schemas};

/// An event's schema, in general, and that of its data.
const EVENT: &str = "Event";
const DATA: &str = "EventData";

/// Adds it to a description that is complete otherwise.
pub fn add(description: &mut Value) {
    let mut schemas = take_schemas(description);
    schemas.remove(DATA);
    let general = schemas.remove(EVENT).unwrap_or_default();
    let mut named: Vec<&str> = EventType::ALL.into_iter().map(name).collect();
    named.sort_unstable();
    named.dedup();
    for name in &named {
        let types: Vec<_> = EventType::ALL.into_iter().filter(|one| self::name(*one) == *name).collect();
        let schema = of_object(&general, &schemas, name, &types);
        schemas.insert(format!("{name}{EVENT}"), schema);
    }
    let choices: Vec<_> = named.iter().map(|name| reference(&format!("{name}{EVENT}"))).collect();
    let mapping: Map<_, _> = EventType::ALL
        .into_iter()
        .map(|one| (one.as_str().to_owned(), format!("{SCHEMAS}{}{EVENT}", name(one)).into()))
        .collect();
    schemas.insert(
        EVENT.into(),
        json!({
            "description": general["description"],
            "oneOf": choices,
            "discriminator": { "propertyName": "type", "mapping": mapping },
            "examples": general["examples"],
        }),
    );
    let webhooks: Map<_, _> =
        EventType::ALL.into_iter().map(|one| (one.as_str().to_owned(), webhook(one, &schemas))).collect();
    description["webhooks"] = webhooks.into();
    description["components"]["schemas"] = schemas.into();
}

/// What the schemas of an event and of its data begin with.
fn name(r#type: EventType) -> &'static str {
    if matches!(r#type, EventType::PaymentDuplicated | EventType::RefundDuplicated) {
        return "Duplicate";
    }
    match r#type.object() {
        Object::Payment => "Payment",
        Object::Refund => "Refund",
        Object::Dispute => "Dispute",
        Object::Customer => "Customer",
        Object::PaymentMethod => "PaymentMethod",
        Object::Subscription => "Subscription",
        Object::Invoice => "Invoice",
        Object::WebhookEndpoint => "WebhookEndpoint",
    }
}

fn of_object(general: &Value, schemas: &Map<String, Value>, name: &str, types: &[EventType]) -> Value {
    let data = format!("{name}{DATA}");
    let mut schema = general.clone();
    schema["description"] = schemas[&data]["description"].clone();
    schema["properties"]["type"] =
        json!({ "type": "string", "enum": types.iter().map(|one| one.as_str()).collect::<Vec<_>>() });
    schema["properties"]["data"] = reference(&data);
    if let Some(first) = types.first() {
        schema["examples"] = json!([example(*first, general, schemas)]);
    }
    schema
}

/// An event of this type, whose object is as the type says.
fn example(r#type: EventType, general: &Value, schemas: &Map<String, Value>) -> Value {
    let mut event = general["examples"][0].clone();
    let mut data = schemas[&format!("{}{DATA}", name(r#type))]["examples"][0].clone();
    let (_, what) = r#type.as_str().split_once('.').unwrap_or_default();
    if is_status(r#type, what, schemas) {
        data["status"] = what.into();
    }
    event["type"] = r#type.as_str().into();
    event["data"] = data;
    event
}

/// Whether what happened is named after the status that the object has since.
fn is_status(r#type: EventType, what: &str, schemas: &Map<String, Value>) -> bool {
    let statuses = &schemas.get(&format!("{}Status", name(r#type))).unwrap_or(&Value::Null)["enum"];
    statuses.as_array().is_some_and(|all| all.contains(&what.into()))
}

fn webhook(r#type: EventType, schemas: &Map<String, Value>) -> Value {
    let schema = format!("{}{EVENT}", name(r#type));
    let example = example(r#type, &schemas[EVENT], schemas);
    let header = |name: &str, about: &str, example: &str| {
        json!({
            "name": name, "in": "header", "required": true, "description": about,
            "schema": { "type": "string" }, "example": example,
        })
    };
    json!({ "post": {
        "operationId": format!("on{}", camel(r#type.as_str())),
        "tags": ["Webhooks"],
        "summary": r#type.as_str(),
        "description": r#type.meaning(),
        "security": [],
        "parameters": [
            header("webhook-id", "The event's id: the same in every attempt.", "evt_0193a3f1c2d87b51a9f0c4d2e8b7a601_1"),
            header("webhook-timestamp", "When this attempt was made, in seconds since 1970.", "1764063000"),
            header("webhook-signature", "`v1,` and the Base64 of an HMAC-SHA256 of `id.timestamp.body`, under your \
                endpoint's secret; two, with a space between, while it is rotated: Standard Webhooks.",
                "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="),
        ],
        "requestBody": { "required": true, "content": { "application/json": {
            "schema": reference(&schema), "example": example,
        } } },
        "responses": { "2XX": { "description": "It was received. Anything else, a redirection too, is tried again." } },
    } })
}

/// `payment.requires_action` as `PaymentRequiresAction`.
fn camel(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    };
    name.split(['.', '_']).map(word).collect()
}
