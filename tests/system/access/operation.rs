//! An operation, as the description tells it: what its callers need, and how it is asked for.

use std::collections::HashMap;

use common::merchant::scope::Scope;
use reqwest::Method;
use serde_json::Value;
use tests::{Answer, Merchant};

/// Ids by their kind, as the description calls it: `PaymentId`.
pub type Ids = HashMap<&'static str, String>;

/// An operation of the description.
pub struct Operation {
    /// Its method.
    pub method: Method,
    path: String,
    /// What its callers need.
    pub scope: Scope,
    /// The kinds of the ids in its path, by the names of its parameters.
    path_ids: Vec<(String, String)>,
    /// A body that it takes.
    body: Value,
}

/// All operations.
pub fn operations(description: &Value) -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            all.push(Operation::read(description, path, method, operation));
        }
    }
    all
}

impl Operation {
    fn read(description: &Value, path: &str, method: &str, operation: &Value) -> Self {
        let security = operation["security"].as_array().map(Vec::as_slice);
        let scopes = match security {
            Some([one]) => one["key"].as_array().unwrap_or_else(|| panic!("{method} {path}: {one}")),
            _ => panic!("{method} {path} does not say what it needs"),
        };
        assert_eq!(scopes.len(), 1, "{method} {path} needs {scopes:?}");
        let scope: Scope = scopes[0].as_str().unwrap().parse().unwrap();
        let about = operation["description"].as_str().unwrap_or_default();
        assert!(about.ends_with(&format!("Needs the scope `{scope}`.")), "{method} {path}: {about}");
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let in_path = parameters.filter(|parameter| parameter["in"] == "path");
        let kind = |parameter: &Value| last(&parameter["schema"]["$ref"]);
        let path_ids = in_path
            .map(|parameter| (parameter["name"].as_str().unwrap().to_owned(), kind(parameter)))
            .collect();
        let schema = last(&operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]);
        let body = description["components"]["schemas"][&schema]["examples"][0].clone();
        assert!(operation.get("requestBody").is_none() || !body.is_null(), "{method} {path} has no example");
        let method = method.to_uppercase().parse().unwrap();
        Self { method, path: path.to_owned(), scope, path_ids, body }
    }

    /// Whether it is about something that has an id.
    pub fn is_of_one(&self) -> bool {
        !self.path_ids.is_empty()
    }

    /// Whether its body names something that has an id, one of these kinds.
    pub fn names_in_body(&self, ids: &Ids) -> bool {
        with_ids(&self.body, ids) != self.body
    }

    /// Asks for it, with these ids in the path and in the body. A key in `headers` is sent instead of the merchant's.
    pub async fn ask(&self, merchant: &Merchant, ids: &Ids, headers: &[(&str, &str)]) -> Answer {
        let mut path = self.path.clone();
        for (name, kind) in &self.path_ids {
            let id = ids.get(kind.as_str()).unwrap_or_else(|| panic!("{self}: make a {kind} in `made`"));
            path = path.replace(&format!("{{{name}}}"), id);
        }
        let key = format!("{self} {}", uuid::Uuid::new_v4());
        let mut all = vec![("content-type", "application/json")];
        if self.method == Method::POST {
            all.push(("idempotency-key", &key));
        }
        all.extend_from_slice(headers);
        let body = (!self.body.is_null()).then(|| with_ids(&self.body, ids).to_string());
        merchant.try_send(self.method.clone(), &path, &all, body).await.expect("an answer")
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

fn last(reference: &Value) -> String {
    reference.as_str().and_then(|text| text.rsplit('/').next()).unwrap_or_default().to_owned()
}

/// The same with these ids instead of those of their kind that are made up.
fn with_ids(body: &Value, ids: &Ids) -> Value {
    match body {
        Value::String(text) => {
            let prefix = |id: &str| id.split_inclusive('_').next().map(str::to_owned);
            let is_alike = |id: &&String| text.len() == id.len() && prefix(id) == prefix(text);
            ids.values().find(is_alike).cloned().map_or_else(|| body.clone(), Value::String)
        }
        Value::Array(all) => all.iter().map(|one| with_ids(one, ids)).collect(),
        Value::Object(all) => all.iter().map(|(name, one)| (name.clone(), with_ids(one, ids))).collect(),
        other => other.clone(),
    }
}
