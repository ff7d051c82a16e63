//! What every operation of the description must have. Where it is written to, others may judge it.

use std::{collections::BTreeSet, fs, path::Path};

use common::merchant::scope::Scope;
use serde_json::Value;

use crate::docs::{complete::public, walk::operations};

fn description() -> Value {
    crate::docs::describe(super::resources().1, "https://api.example")
}

/// Does something to each object within, with the path to it.
fn each(value: &Value, path: &str, look: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(members) => {
            look(path, value);
            members.iter().for_each(|(name, member)| each(member, &format!("{path}/{name}"), look));
        }
        Value::Array(values) => values.iter().for_each(|value| each(value, path, look)),
        _ => {}
    }
}

/// For those who read it without servers: linters, and generators of clients.
#[test]
fn it_is_written_for_others_to_judge() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target");
    let text = serde_json::to_string_pretty(&description()).unwrap();
    fs::write(folder.join("openapi.json"), text).unwrap();
}

#[test]
fn each_operation_has_a_name_of_its_own_and_examples_of_all_answers() {
    let mut description = description();
    let shared = description["components"]["responses"].clone();
    let mut names = BTreeSet::new();
    for (path, method, operation) in operations(&mut description) {
        let name = operation["operationId"].as_str().unwrap().to_owned();
        assert!(names.insert(name.clone()), "{name} stands twice");
        for status in ["401", "413", "415", "500", "503"] {
            assert!(operation["responses"].get(status).is_some(), "{method} {path} says nothing of {status}");
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            let response = match response["$ref"].as_str() {
                Some(shown) => &shared[shown.rsplit('/').next().unwrap()],
                None => response,
            };
            for media in response["content"].as_object().into_iter().flatten() {
                let has_one = ["example", "examples"].iter().any(|word| media.1.get(word).is_some());
                assert!(has_one, "{method} {path} {status} {} has no example", media.0);
            }
        }
    }
    assert!(names.len() > 30, "{names:?}");
}

/// What is not made by `guarded!` has nobody who must have decided who may call it.
#[test]
fn every_route_of_merchants_names_the_permission_that_it_needs() {
    let text = include_str!("mod.rs");
    let (all, guarded) = (text.matches(".routes(").count(), text.matches(".routes(guarded!(").count());
    assert_eq!(all, guarded);
    let of_gateways = text.matches(".route(\"/gateways/{name}/webhook").count();
    assert_eq!(text.matches(".route(").count(), of_gateways, "only gateways come without a key");
    let mut description = description();
    for (path, method, operation) in operations(&mut description) {
        let scope = operation["security"][0]["key"][0].as_str().unwrap_or_default();
        assert!(scope.parse::<Scope>().is_ok(), "{method} {path} needs {scope:?}");
        let refused = &operation["responses"]["403"]["content"]["application/problem+json"]["example"];
        assert_eq!(refused["code"], "scope-missing", "{method} {path}");
        assert!(refused["detail"].as_str().unwrap().contains(scope), "{method} {path}");
    }
}

/// Of two that are named alike one would stand for both.
#[test]
fn no_schema_takes_the_name_of_another() {
    let given = serde_json::to_value(super::resources().1).unwrap();
    let names: Vec<_> = given["components"]["schemas"].as_object().unwrap().keys().collect();
    let public: BTreeSet<_> = names.iter().map(|name| public(name)).collect();
    assert_eq!(public.len(), names.len(), "{names:?}");
}

#[test]
fn every_body_is_closed_and_every_reference_leads_somewhere() {
    let description = description();
    each(&description, "", &mut |path, value| {
        if value.get("properties").is_some_and(Value::is_object) && !path.ends_with("/properties") {
            assert_eq!(value.get("additionalProperties"), Some(&false.into()), "{path} is open");
        }
        if let Some(reference) = value["$ref"].as_str() {
            let there = description.pointer(reference.trim_start_matches('#'));
            assert!(there.is_some(), "{path}: {reference} is nowhere");
        }
    });
}

#[test]
fn ids_have_patterns_and_lists_refer_to_what_they_list() {
    let description = description();
    each(&description["components"]["schemas"], "", &mut |path, value| {
        let shown = value["examples"][0].as_str().unwrap_or_default();
        // A request has a name too, but nobody sends it.
        let is_id = shown.ends_with("_0193a3f1c2d87b51a9f0c4d2e8b7a601") && !shown.starts_with("req_");
        assert!(!is_id || shown.contains('/') || value["pattern"].is_string(), "{path} is any text");
        let kinds = value["type"].as_array().into_iter().flatten();
        assert!(kinds.filter(|kind| *kind != "null").count() <= 1, "{path} is of two kinds, and no oneOf");
        if path.ends_with("List/properties/data") {
            assert!(value["items"]["$ref"].is_string(), "{path}: {value}");
        }
    });
}

/// A payment can be read, captured, called off and refunded; all that follows from its id.
#[test]
fn an_answer_links_to_whatever_takes_its_id() {
    let description = description();
    let links = |path: &str, method: &str, status: &str| -> Vec<String> {
        let links = &description["paths"][path][method]["responses"][status]["links"];
        links.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(
        links("/process-payment", "post", "202"),
        ["cancelPayment", "capturePayment", "createRefund", "getPayment", "listRefunds"]
    );
    assert_eq!(
        links("/customers/{id}/payment-methods", "post", "201"),
        ["deletePaymentMethod", "getPaymentMethod", "makePaymentMethodDefault"]
    );
    assert!(links("/refund-payment", "post", "202").contains(&"getPayment".into()));
    for path in ["/customers", "/plans"] {
        assert!(links(path, "post", "201").contains(&"createSubscription".into()), "{path}");
    }
}
