//! Events: whose they are, and what they are about.

use common::gateway::{About, GatewayName, NoKey, Received, Signature, Verdict};
use serde_json::{Value, json};
use tests::eventually;

use super::{
    fixture::{GatewayFixture, Ready, charge_of, from_now},
    inbox::Inbox,
};

/// Whether an event is the gateway's own: as we can tell on arrival, and as the gateway says.
async fn is_genuine(fixture: &GatewayFixture, received: &Received) -> bool {
    let signature = match fixture.name.event_key(&received.headers, &fixture.trust, from_now(0)).await {
        Ok(key) => fixture.name.check_signature(received, &key, &fixture.trust, from_now(0)),
        Err(NoKey::Forged) => Signature::Forged,
        Err(why) => panic!("it cannot be told on arrival: {why:?}"),
    };
    if fixture.name == GatewayName::Paypal {
        let verdict = match fixture.gateway.verify_event(received).await {
            Verdict::Genuine => Signature::Genuine,
            Verdict::Forged => Signature::Forged,
            Verdict::Unknown(why) => panic!("the gateway does not say: {why}"),
        };
        assert_eq!(verdict, signature, "{received:?}");
    }
    signature == Signature::Genuine
}

pub async fn events_name_what_should_be_looked_at(fixture: &GatewayFixture) {
    let inbox = Inbox::open(fixture).await;
    let paid = fixture.paid(fixture.tokens.good).await;
    let request = fixture.refund_request(&paid, "9.90");
    fixture.send(&Ready::Refund(request.clone())).await;
    let of_payment = About::Payment {
        reference: paid.0.reference.clone(),
        gateway_ref: Some(charge_of(&paid.1).gateway_ref.clone()),
        refunded: None,
    };
    for about in [of_payment, About::Refund { reference: request.reference }] {
        inbox.eventually(&format!("told: {about:?}"), |event| (event.about == about).then_some(())).await;
    }
    for received in inbox.received() {
        assert!(is_genuine(fixture, &received).await, "{received:?}");
        let mut body: Value = serde_json::from_slice(&received.body).unwrap();
        body["id"] = "changed".into();
        let changed = Received { body: body.to_string().into_bytes(), ..received };
        assert!(!is_genuine(fixture, &changed).await, "{changed:?}");
    }
}

pub async fn forged_events_are_known_as_such(fixture: &GatewayFixture) {
    fixture.control("webhook_faults", json!({ "forge_per_mille": 1000 })).await;
    let inbox = Inbox::open(fixture).await;
    fixture.paid(fixture.tokens.good).await;
    let forged = eventually("a forgery comes", || async {
        for received in inbox.received() {
            if !is_genuine(fixture, &received).await {
                return Some(received);
            }
        }
        None
    })
    .await;
    assert!(fixture.name.read_event(&forged.body).is_ok(), "it looks as if it were real: {forged:?}");
}
