//! Every type of event of the list: it comes, it is Stripe's own, and it names what should be looked at.

use common::gateway::{About, ChargeRequest, MethodType, Received, Signature};
use serde_json::json;
use tests::eventually;

use super::fixture;
use crate::contract::{
    fixture::{GatewayFixture, Ready, from_now, money},
    inbox::Inbox,
};

const OF_PAYMENTS: &str = "payment_intent.succeeded payment_intent.payment_failed payment_intent.processing \
     payment_intent.requires_action payment_intent.canceled payment_intent.amount_capturable_updated \
     charge.refunded charge.captured charge.expired";
const OF_REFUNDS: &str = "refund.created refund.updated refund.failed";
const OF_DISPUTES: &str = "charge.dispute.created charge.dispute.updated charge.dispute.closed \
     charge.dispute.funds_withdrawn charge.dispute.funds_reinstated";

/// Does everything that Stripe tells of.
async fn everything_happens(fixture: &GatewayFixture) {
    fixture.paid("pm_card_visa_chargeDeclined").await;
    fixture.paid("pm_card_authenticationRequired").await;
    let debit = ChargeRequest {
        method: MethodType::BankDebit,
        money: money("10.00", "USD"),
        ..fixture.charge_request("pm_usBankAccount_processing")
    };
    fixture.charged(debit).await;
    let reserved = fixture.reserved("pm_card_visa").await;
    fixture.send(&Ready::Capture(fixture.capture_request(&reserved))).await;
    let reserved = fixture.reserved("pm_card_visa").await;
    fixture.send(&Ready::Cancel(fixture.cancel_request(&reserved))).await;
    let paid = fixture.paid("pm_card_pendingRefund").await;
    let refund = fixture.refund_request(&paid, "9.90");
    fixture.send(&Ready::Refund(refund.clone())).await;
    fixture.settle(&refund.reference, Some("failed")).await;
    let disputed = fixture.paid("pm_card_visa").await.0.reference;
    fixture.control("dispute", json!({ "reference": disputed })).await;
    answer_the_dispute(fixture).await;
    fixture.control("dispute", json!({ "reference": disputed, "outcome": "won" })).await;
    fixture.reserved("pm_card_visa").await;
    fixture.control("clock", json!({ "advance_seconds": 8 * 24 * 3600 })).await;
}

/// In the dashboard, as the merchant does.
async fn answer_the_dispute(fixture: &GatewayFixture) {
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    let url = format!("{}/v1/disputes", fixture.deployment.sandbox_url());
    let list = client.get(&url).bearer_auth("sk_test_contract").send().await.unwrap();
    let list: serde_json::Value = serde_json::from_slice(&list.bytes().await.unwrap()).unwrap();
    let id = list["data"][0]["id"].as_str().unwrap();
    let form = [("evidence[uncategorized_text]", "it was delivered")];
    let answer = client.post(format!("{url}/{id}")).bearer_auth("sk_test_contract").form(&form);
    assert_eq!(answer.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn every_event_names_what_should_be_looked_at() {
    let fixture = fixture().await;
    fixture.control("settle_after", json!({ "milliseconds": 2_000_000_000 })).await;
    let inbox = Inbox::open(&fixture).await;
    everything_happens(&fixture).await;
    for (types, names) in [
        (
            OF_PAYMENTS,
            (|about| matches!(about, About::Payment { gateway_ref: Some(_), .. })) as fn(&About) -> bool,
        ),
        (OF_REFUNDS, |about| matches!(about, About::Refund { .. })),
        (OF_DISPUTES, |about| matches!(about, About::Dispute { .. })),
    ] {
        for wanted in types.split_whitespace() {
            let told = |event: &common::gateway::Event| (event.kind == wanted).then(|| event.about.clone());
            let about = inbox.eventually(&format!("told: {wanted}"), told).await;
            assert!(names(&about), "{wanted}: {about:?}");
        }
    }
}

/// Five minutes by our clock; our old secret is good while the new one comes into force.
#[tokio::test]
async fn an_event_that_is_too_old_is_a_forgery() {
    let fixture = fixture().await;
    let inbox = Inbox::open(&fixture).await;
    fixture.paid("pm_card_visa").await;
    let received: Received =
        eventually("an event comes", || async { inbox.received().into_iter().next() }).await;
    let key = fixture.name.event_key(&received.headers, &fixture.trust, from_now(0)).await.unwrap();
    let checked = |seconds| fixture.name.check_signature(&received, &key, &fixture.trust, from_now(seconds));
    for (seconds, signature) in [
        (0, Signature::Genuine),
        (290, Signature::Genuine),
        (310, Signature::Forged),
        (-310, Signature::Forged),
    ] {
        assert_eq!(checked(seconds), signature, "{seconds} s later");
    }
}
