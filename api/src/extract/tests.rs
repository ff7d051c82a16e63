//! Every body that is declared: what its description shows is read, and what it does not name is refused.

use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{Clearable, List, Part, PositiveAmount, Text, Whole, body, part};
use crate::{
    customers::{create::CreateCustomer, methods::AddMethod, update::UpdateCustomer},
    error::ApiError,
    gateway_routing::GatewayRouting,
    invoices::ask::PayInvoice,
    payments::{finish::CapturePayment, process::ProcessPayment},
    plans::create::CreatePlan,
    refunds::create::RefundPayment,
    subscriptions::{
        create::CreateSubscription,
        pause::{PauseSubscription, ResumeSubscription},
        update::UpdateSubscription,
    },
    test_clock::AdvanceClock,
};

fn pointers<P: Part>(body: Value) -> Vec<String> {
    match part::read::<P>(body.into(), &GatewayRouting::default()) {
        Ok(_) => Vec::new(),
        Err(ApiError::Invalid(faults)) => faults.into_iter().filter_map(|fault| fault.pointer).collect(),
        Err(other) => panic!("{other:?}"),
    }
}

body! {
    /// Something
    /// in two lines.
    #[example({ "name": "n" })]
    struct Outer {
        /// Its name.
        name: Text<5>,
        #[example = "12.00"]
        amount: Option<PositiveAmount>,
        inner: Option<Inner>,
        list: Option<List<Inner, 2>>,
        note: Clearable<Text<5>>,
    }
}

body! {
    struct Inner {
        x: Whole<u32, 1, 9>,
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let body = json!({
        "amount": 1, "inner": { "x": 0, "un/known": 2 }, "list": [{ "x": 1 }, { "x": "1" }], "more": true,
    });
    assert_eq!(
        pointers::<Outer>(body),
        ["/name", "/amount", "/inner/x", "/inner/un~1known", "/list/1/x", "/more"]
    );
    assert_eq!(pointers::<Outer>(json!({ "name": "n", "list": [{}, {}, {}] })), ["/list"]);
    assert_eq!(pointers::<Outer>(json!([])), [""]);
    let nothing = json!({ "name": "n", "amount": null, "inner": null, "list": null });
    let Outer { name, amount, inner, list, note } =
        part::read::<Outer>(nothing.into(), &GatewayRouting::default()).unwrap();
    assert_eq!(
        (name.as_str(), amount, inner.map(|inner| inner.x), list.is_none(), note),
        ("n", None, None, true, None)
    );
    let cleared =
        part::read::<Outer>(json!({ "name": "n", "note": null }).into(), &GatewayRouting::default()).unwrap();
    assert_eq!(cleared.note, Some(None));
}

#[test]
fn a_body_is_described_as_it_is_read() {
    let mut all = Vec::new();
    Outer::components(&mut all);
    let described =
        serde_json::to_value(all.into_iter().collect::<std::collections::BTreeMap<_, _>>()).unwrap();
    let expected = json!({
        "Outer": {
            "type": "object", "description": "Something\nin two lines.", "examples": [{ "name": "n" }],
            "additionalProperties": false, "required": ["name"],
            "properties": {
                "name": { "type": "string", "minLength": 1, "maxLength": 5, "description": "Its name." },
                "amount": { "type": ["string", "null"], "pattern": r"^\d{1,15}(\.\d{1,4})?$", "examples": ["12.00"] },
                "inner": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Inner" }] },
                "list": {
                    "type": ["array", "null"], "maxItems": 2, "items": { "$ref": "#/components/schemas/Inner" },
                },
                "note": { "type": ["string", "null"], "minLength": 1, "maxLength": 5 },
            },
        },
        "Inner": {
            "type": "object", "additionalProperties": false, "required": ["x"],
            "properties": { "x": { "type": "integer", "format": "int32", "minimum": 1, "maximum": 9 } },
        },
    });
    assert_eq!(described, expected);
}

/// The example of a body is read without a fault, and each of its fields is known by its own example.
fn shows_what_it_reads<P: Part + ToSchema>() {
    let schema = serde_json::to_value(P::schema()).unwrap();
    let example = &schema["examples"][0];
    assert!(example.is_object(), "{}: no example", P::name());
    assert_eq!(pointers::<P>(example.clone()), [] as [&str; 0], "{}: {example}", P::name());
    assert_eq!(schema["additionalProperties"], false, "{}", P::name());
    let properties = schema["properties"].as_object().unwrap();
    assert!(!properties.is_empty(), "{}", P::name());
    for (name, property) in properties {
        assert!(property["description"].is_string(), "{}: {name} says nothing", P::name());
        for example in property["examples"].as_array().into_iter().flatten() {
            let faults = pointers::<P>(json!({ name: example }));
            let of_field = faults.iter().filter(|pointer| pointer.starts_with(&format!("/{name}/")));
            assert_eq!(of_field.count(), 0, "{}: {name} is not {example}", P::name());
        }
        let unread = pointers::<P>(json!({ name: ["neither", "this"] }));
        assert!(
            unread.iter().any(|at| at.starts_with(&format!("/{name}"))),
            "{}: {name} is not read: {unread:?}",
            P::name()
        );
    }
    assert!(pointers::<P>(json!({ "unheard_of": 1 })).contains(&"/unheard_of".to_owned()), "{}", P::name());
}

#[test]
fn each_body_reads_what_it_shows() {
    shows_what_it_reads::<AddMethod>();
    shows_what_it_reads::<AdvanceClock>();
    shows_what_it_reads::<CapturePayment>();
    shows_what_it_reads::<CreateCustomer>();
    shows_what_it_reads::<CreatePlan>();
    shows_what_it_reads::<CreateSubscription>();
    shows_what_it_reads::<PauseSubscription>();
    shows_what_it_reads::<PayInvoice>();
    shows_what_it_reads::<ProcessPayment>();
    shows_what_it_reads::<RefundPayment>();
    shows_what_it_reads::<ResumeSubscription>();
    shows_what_it_reads::<UpdateCustomer>();
    shows_what_it_reads::<UpdateSubscription>();
}
