//! Disputes: a payer's bank takes money back, and may give it again.

use common::gateway::{About, Dispute, DisputeStatus, Found};
use serde_json::json;

use super::{
    fixture::{GatewayFixture, Ready, charge_of, money, new_name},
    inbox::Inbox,
};
use crate::contract::vocabulary::Report;

/// A payment that is disputed, and the gateway's name for the dispute, as its events tell it.
async fn disputed(fixture: &GatewayFixture) -> (String, String) {
    let inbox = Inbox::open(fixture).await;
    let (request, _) = fixture.paid(fixture.tokens.good).await;
    fixture.control("dispute", json!({ "reference": request.reference })).await;
    let told = inbox
        .eventually("a dispute is told", |event| match &event.about {
            About::Dispute { dispute_ref } => Some(dispute_ref.clone()),
            _ => None,
        })
        .await;
    (request.reference, told)
}

async fn found(fixture: &GatewayFixture, dispute_ref: &str) -> Dispute {
    match fixture.gateway.find_dispute(dispute_ref).await {
        Found::One(dispute) => dispute,
        other => panic!("{other:?}"),
    }
}

pub async fn a_dispute_that_is_won(fixture: &GatewayFixture) {
    from_its_beginning_to_its_end(fixture, "won", DisputeStatus::Won).await;
}

pub async fn a_dispute_that_is_lost(fixture: &GatewayFixture) {
    from_its_beginning_to_its_end(fixture, "lost", DisputeStatus::Lost).await;
}

async fn from_its_beginning_to_its_end(fixture: &GatewayFixture, outcome: &str, status: DisputeStatus) {
    let (reference, dispute_ref) = disputed(fixture).await;
    let open = found(fixture, &dispute_ref).await;
    assert_eq!((open.status, open.funds_withdrawn), (DisputeStatus::Open, true));
    assert_eq!((&open.dispute_ref, open.reference.as_ref()), (&dispute_ref, Some(&reference)));
    assert_eq!(open.money, money("49.90", "EUR"));
    assert!(open.fee.is_some() && open.reason.is_some(), "{open:?}");

    fixture.control("dispute", json!({ "reference": reference, "outcome": outcome })).await;
    let closed = found(fixture, &dispute_ref).await;
    assert_eq!((closed.status, closed.funds_withdrawn, closed.fee), (status, true, open.fee));
}

pub async fn a_dispute_of_nobody_is_none(fixture: &GatewayFixture) {
    assert_eq!(fixture.gateway.find_dispute(&new_name("dispute")).await, Found::None);
    let unasked = fixture.unreachable.find_dispute("dispute").await;
    assert!(matches!(unasked, Found::Unknown(_)), "{unasked:?}");
    let refused = fixture.stranger.find_dispute("dispute").await;
    assert!(matches!(refused, Found::Unknown(_)), "{refused:?}");
}

pub async fn a_disputed_payment_is_not_refunded(fixture: &GatewayFixture) {
    let paid = fixture.paid(fixture.tokens.good).await;
    fixture.control("dispute", json!({ "reference": paid.0.reference })).await;
    let ready = Ready::Refund(fixture.refund_request(&paid, "49.90"));
    let report = fixture.send(&ready).await.report;
    assert!(matches!(report, Report::Declined(_)), "{report:?}");
    assert_eq!(fixture.times_done(&ready).await, 0);
    let found = fixture.found_charge(&paid.0).await;
    assert_eq!(charge_of(&found), charge_of(&paid.1), "it was paid all the same");
}
