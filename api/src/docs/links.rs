//! Links: from an answer that has an id to whatever takes it. They follow from the ids' schemas.

use serde_json::{Map, Value, json};

use super::walk::{operations, referred};

/// An operation, as far as ids go.
struct Operation {
    id: String,
    is_read: bool,
    /// The name, place and kind of each id that it takes as a parameter.
    takes: Vec<(String, String, String)>,
    /// The name and kind of each id that its body takes.
    body: Vec<(String, String)>,
}

/// Adds them to every answer that tells of something new, or of what has become of it.
pub fn add(description: &mut Value, schemas: &Value) {
    let all: Vec<_> =
        operations(description).map(|(_, method, operation)| takes(method, operation, schemas)).collect();
    for ((_, _, operation), own) in operations(description).zip(&all) {
        if own.is_read {
            continue;
        }
        let responses = operation["responses"].as_object_mut().into_iter().flatten();
        for (_, response) in responses.filter(|(status, _)| status.starts_with('2')) {
            let named = response["content"]["application/json"]["schema"].clone();
            let Some(answer) = referred(&named).map(|name| &schemas[name]) else { continue };
            let links = all.iter().filter(|other| other.id != own.id);
            let links: Map<_, _> = links.filter_map(|other| link(answer, own, other)).collect();
            if !links.is_empty() {
                response["links"] = links.into();
            }
        }
    }
}

fn takes(method: &str, operation: &Value, schemas: &Value) -> Operation {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let takes = parameters.filter_map(|parameter| {
        let text = |member: &str| parameter[member].as_str().map(str::to_owned);
        let kind = referred(&parameter["schema"])?.to_owned();
        let is_filter = !matches!(parameter["name"].as_str(), Some("starting_after" | "ending_before"));
        (is_filter && kind.ends_with("Id")).then_some((text("name")?, text("in")?, kind))
    });
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    let fields =
        referred(body).and_then(|name| schemas[name]["properties"].as_object()).into_iter().flatten();
    let body = fields.filter_map(|(name, field)| Some((name.clone(), id_of(field)?.to_owned())));
    Operation {
        id: operation["operationId"].as_str().unwrap_or_default().into(),
        is_read: method == "get",
        takes: takes.collect(),
        body: body.collect(),
    }
}

/// How to call the other with what the answer tells, if that is enough for it. Of a body it is the member that is known;
/// the rest is the caller's.
fn link(answer: &Value, own: &Operation, other: &Operation) -> Option<(String, Value)> {
    let has = |member: &str, kind: &str| id_of(&answer["properties"][member]) == Some(kind);
    let mut parameters = Map::new();
    let mut is_told = false;
    for (name, place, kind) in &other.takes {
        let source = if has("id", kind) {
            "$response.body#/id".to_owned()
        } else if place == "path" && own.takes.iter().any(|(own, _, its)| own == name && its == kind) {
            parameters.insert(name.clone(), format!("$request.path.{name}").into());
            continue;
        } else if place == "path" && other.is_read {
            let members = answer["properties"].as_object()?;
            let (member, _) = members.iter().find(|(_, property)| id_of(property) == Some(kind))?;
            format!("$response.body#/{member}")
        } else if place == "path" {
            return None;
        } else {
            continue;
        };
        is_told = true;
        parameters.insert(name.clone(), source.into());
    }
    let told = other.body.iter().filter(|(_, kind)| has("id", kind));
    let body: Map<_, _> = told.map(|(name, _)| (name.clone(), Value::from("$response.body#/id"))).collect();
    let mut link = json!({ "operationId": other.id });
    if !parameters.is_empty() {
        link["parameters"] = parameters.into();
    }
    if !body.is_empty() {
        is_told = true;
        link["requestBody"] = body.into();
    }
    is_told.then(|| (other.id.clone(), link))
}

/// The kind of id that a property is.
fn id_of(property: &Value) -> Option<&str> {
    let choices = property["oneOf"].as_array();
    let own = referred(property).or_else(|| choices.into_iter().flatten().find_map(referred));
    own.filter(|name| name.ends_with("Id"))
}
