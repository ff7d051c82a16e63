//! Disputes: a payer's bank takes money back, and may give it again.

use common::gateway::{About, Dispute, DisputeStatus, Found};
use serde_json::json;

use super::{
    bench::{Bench, Ready, charge_of, money, new_name},
    inbox::Inbox,
};
use crate::contract::vocabulary::Report;

/// A payment that is disputed, and the gateway's name for the dispute, as its events tell it.
async fn disputed(bench: &Bench) -> (String, String) {
    let inbox = Inbox::open(bench).await;
    let (request, _) = bench.paid(bench.tokens.good).await;
    bench.control("dispute", json!({ "reference": request.reference })).await;
    let told = inbox
        .eventually("a dispute is told", |event| match &event.about {
            About::Dispute { dispute_ref } => Some(dispute_ref.clone()),
            _ => None,
        })
        .await;
    (request.reference, told)
}

async fn found(bench: &Bench, dispute_ref: &str) -> Dispute {
    match bench.gateway.find_dispute(dispute_ref).await {
        Found::One(dispute) => dispute,
        other => panic!("{other:?}"),
    }
}

pub async fn a_dispute_that_is_won(bench: &Bench) {
    from_its_beginning_to_its_end(bench, "won", DisputeStatus::Won).await;
}

pub async fn a_dispute_that_is_lost(bench: &Bench) {
    from_its_beginning_to_its_end(bench, "lost", DisputeStatus::Lost).await;
}

async fn from_its_beginning_to_its_end(bench: &Bench, outcome: &str, status: DisputeStatus) {
    let (reference, dispute_ref) = disputed(bench).await;
    let open = found(bench, &dispute_ref).await;
    assert_eq!((open.status, open.funds_withdrawn), (DisputeStatus::Open, true));
    assert_eq!((&open.dispute_ref, open.reference.as_ref()), (&dispute_ref, Some(&reference)));
    assert_eq!(open.money, money("49.90", "EUR"));
    assert!(open.fee.is_some() && open.reason.is_some(), "{open:?}");

    bench.control("dispute", json!({ "reference": reference, "outcome": outcome })).await;
    let closed = found(bench, &dispute_ref).await;
    assert_eq!((closed.status, closed.funds_withdrawn, closed.fee), (status, true, open.fee));
}

pub async fn a_dispute_of_nobody_is_none(bench: &Bench) {
    assert_eq!(bench.gateway.find_dispute(&new_name("dispute")).await, Found::None);
    let unasked = bench.unreachable.find_dispute("dispute").await;
    assert!(matches!(unasked, Found::Unknown(_)), "{unasked:?}");
    let refused = bench.stranger.find_dispute("dispute").await;
    assert!(matches!(refused, Found::Unknown(_)), "{refused:?}");
}

pub async fn a_disputed_payment_is_not_refunded(bench: &Bench) {
    let paid = bench.paid(bench.tokens.good).await;
    bench.control("dispute", json!({ "reference": paid.0.reference })).await;
    let ready = Ready::Refund(bench.refund_request(&paid, "49.90"));
    let report = bench.send(&ready).await.report;
    assert!(matches!(report, Report::Declined(_)), "{report:?}");
    assert_eq!(bench.times_done(&ready).await, 0);
    let found = bench.found_charge(&paid.0).await;
    assert_eq!(charge_of(&found), charge_of(&paid.1), "it was paid all the same");
}
