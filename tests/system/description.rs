//! What holds every answer against the published description: it must see what differs, or the other tests prove
//! nothing by passing.

use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Value, json};
use tests::description::{Description, Shown, faults};

fn described() -> Description {
    let thing = json!({
        "type": "object",
        "properties": {
            "id": { "$ref": "#/components/schemas/Id" },
            "status": { "type": "string", "enum": ["open", "done"] },
            "at": { "type": ["string", "null"], "format": "date-time" },
        },
        "required": ["id", "at"],
        "additionalProperties": false,
    });
    let found = json!({
        "headers": { "ETag": { "required": true, "schema": { "type": "string", "pattern": "^\"[0-9]+\"$" } } },
        "content": { "application/json": { "schema": thing } },
    });
    Description::new(json!({
        "paths": { "/things/{id}": { "get": { "responses": { "200": found, "204": {} } } } },
        "components": { "schemas": { "Id": { "type": "string", "pattern": "^th_[0-9]$" } } },
    }))
}

fn seen(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Vec<String> {
    let pair = |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    let headers: HeaderMap = headers.iter().map(pair).collect();
    let shown = Shown { status, headers: &headers, bytes: body.as_bytes() };
    described().faults(&Method::GET, "/v1/things/th_1?limit=1", &shown)
}

#[test]
fn an_answer_is_held_against_its_status_its_headers_and_its_media_type() {
    const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
    const TAG: (&str, &str) = ("etag", "\"3\"");
    let body = r#"{ "id": "th_1", "at": null }"#;
    assert_eq!(seen(200, &[JSON, TAG], body), Vec::<String>::new());
    assert_eq!(seen(204, &[], ""), Vec::<String>::new());
    for (status, headers, body, told) in [
        (404, &[JSON, TAG][..], body, "the status 404 is not described"),
        (200, &[JSON], body, "the header etag is missing"),
        (200, &[JSON, ("etag", "3")], body, "does not match"),
        (200, &[JSON, TAG, ("x-more", "1")], body, "the header x-more is not described"),
        (200, &[("content-type", "text/plain"), TAG], body, "the media type \"text/plain\" is not described"),
        (200, &[JSON, TAG], "{", "the body is no JSON"),
        (204, &[], body, "no body is described"),
    ] {
        let seen = seen(status, headers, body);
        assert!(seen.len() == 1 && seen[0].contains(told), "{told}: {seen:?}");
    }
}

#[test]
fn a_body_is_held_against_every_keyword_of_its_schema() {
    let root =
        json!({ "components": { "schemas": { "Id": { "type": "string", "pattern": "^th_[0-9]$" } } } });
    let object = |members: Value| json!({ "type": "object", "properties": members, "additionalProperties": false, "required": ["a"] });
    for (schema, fits, differs) in [
        (json!({ "$ref": "#/components/schemas/Id" }), json!("th_1"), json!("th_")),
        (json!({ "type": ["integer", "null"] }), json!(null), json!("1")),
        (json!({ "const": "thing" }), json!("thing"), json!("things")),
        (json!({ "enum": ["a", "b"] }), json!("b"), json!("c")),
        (
            json!({ "type": "string", "format": "date-time" }),
            json!("2026-11-24T09:30:00Z"),
            json!("2026-11-24"),
        ),
        (json!({ "type": "string", "format": "date" }), json!("2026-11-24"), json!("2026-11-31")),
        (json!({ "type": "integer", "minimum": 1, "maximum": 2 }), json!(1), json!(3)),
        (json!({ "type": ["integer", "null"], "minimum": 1 }), json!(null), json!(0)),
        (json!({ "type": "string", "maxLength": 2 }), json!("äö"), json!("abc")),
        (json!({ "type": "array", "items": { "type": "boolean" } }), json!([true]), json!([true, 1])),
        (json!({ "oneOf": [{ "enum": ["all"] }, { "type": "integer" }] }), json!("all"), json!("none")),
        (
            json!({ "type": "object", "additionalProperties": { "type": "string" } }),
            json!({ "k": "v" }),
            json!({ "k": 1 }),
        ),
        (object(json!({ "a": { "type": "integer" } })), json!({ "a": 1 }), json!({})),
        (object(json!({ "a": { "type": "integer" } })), json!({ "a": 1 }), json!({ "a": 1, "b": 2 })),
    ] {
        assert_eq!(faults(&root, &schema, &fits), Vec::<String>::new(), "{schema}");
        assert_eq!(faults(&root, &schema, &differs).len(), 1, "{schema} {differs}");
    }
    assert_eq!(faults(&root, &json!({ "not": {} }), &json!(1)).len(), 1, "a keyword was passed over");
}
