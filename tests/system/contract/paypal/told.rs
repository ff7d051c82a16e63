//! Every type of event of the list: it comes, and it names what should be looked at.

use common::gateway::{About, Event};
use serde_json::json;

use super::{
    approvals::{approve, by_the_payer, order_to_approve, second_half},
    fixture,
};
use crate::contract::{
    fixture::{GatewayFixture, Ready},
    inbox::Inbox,
};

const OF_PAYMENTS: &str = "PAYMENT.CAPTURE.COMPLETED PAYMENT.CAPTURE.PENDING PAYMENT.CAPTURE.DENIED \
     PAYMENT.CAPTURE.DECLINED CHECKOUT.ORDER.APPROVED CHECKOUT.ORDER.COMPLETED";
const OF_REFUNDS: &str = "PAYMENT.CAPTURE.REFUNDED PAYMENT.REFUND.PENDING PAYMENT.REFUND.FAILED";
const OF_DISPUTES: &str = "CUSTOMER.DISPUTE.CREATED CUSTOMER.DISPUTE.UPDATED CUSTOMER.DISPUTE.RESOLVED";

/// Does everything that PayPal tells of.
async fn everything_happens(fixture: &GatewayFixture) {
    fixture.paid("vault_declined").await;
    for outcome in ["succeeded", "failed"] {
        let (pending, _) = fixture.paid("vault_pending").await;
        fixture.settle(&pending.reference, Some(outcome)).await;
    }
    let request = by_the_payer(fixture);
    let order = order_to_approve(fixture, &request).await;
    approve(fixture, &order, "vault_ok").await;
    fixture.gateway.charge(&second_half(&request, &order)).await;
    let paid = fixture.paid("vault_ok").await;
    fixture.send(&Ready::Refund(fixture.refund_request(&paid, "9.90"))).await;
    let paid = fixture.paid("vault_refund_pending").await;
    let refund = fixture.refund_request(&paid, "9.90");
    fixture.send(&Ready::Refund(refund.clone())).await;
    fixture.settle(&refund.reference, Some("failed")).await;
    let disputed = fixture.paid("vault_ok").await.0.reference;
    fixture.control("dispute", json!({ "reference": disputed })).await;
    // After a while the seller is asked for an answer.
    fixture.control("clock", json!({ "advance_seconds": 3 })).await;
    fixture.control("dispute", json!({ "reference": disputed, "outcome": "lost" })).await;
}

#[tokio::test]
async fn every_event_names_what_should_be_looked_at() {
    let fixture = fixture().await;
    let inbox = Inbox::open(&fixture).await;
    everything_happens(&fixture).await;
    for (types, names) in [
        (OF_PAYMENTS, (|about| matches!(about, About::Payment { .. })) as fn(&About) -> bool),
        (OF_REFUNDS, |about| matches!(about, About::Refund { .. })),
        (OF_DISPUTES, |about| matches!(about, About::Dispute { .. })),
        // A lost dispute: the dispute itself has been told, and this must not pass for a refund of ours.
        ("PAYMENT.CAPTURE.REVERSED", |about| !matches!(about, About::Refund { .. })),
    ] {
        for wanted in types.split_whitespace() {
            let told = |event: &Event| (event.kind == wanted).then(|| event.about.clone());
            let about = inbox.eventually(&format!("told: {wanted}"), told).await;
            assert!(names(&about), "{wanted}: {about:?}");
        }
    }
}
