//! What PayPal tells of a time, hours after it happened: its settlement report, and payments by our reference.

use std::collections::HashMap;

use common::gateway::{About, DisputeStatus, Found, Line, Movement};
use serde_json::json;

use super::{fixture, is_to_be_looked_up};
use crate::contract::{
    fixture::{Ready, charge_of, from_now, money},
    inbox::Inbox,
    vocabulary::Report,
};

/// Longer than PayPal tells at once.
const FORTY_DAYS: i64 = 40 * 24 * 3600;

#[tokio::test]
async fn the_account_of_a_time_has_every_movement_once() {
    let fixture = fixture().await;
    let mut expected = HashMap::new();
    for _ in 0..30 {
        let (request, report) = fixture.paid("vault_ok").await;
        let charge = charge_of(&report).clone();
        expected.insert(
            charge.charge_ref.unwrap().to_string(),
            (Movement::Charge, Some(request.reference), charge.money.unwrap(), charge.fee),
        );
    }
    fixture.reserved("vault_ok").await;
    fixture.paid("vault_declined").await;
    let paid = fixture.paid("vault_ok").await;
    let charge = charge_of(&paid.1).clone();
    let of_paid = (Movement::Charge, Some(paid.0.reference.clone()), paid.0.money, charge.fee);
    expected.insert(charge.charge_ref.unwrap().to_string(), of_paid);
    let refund = fixture.refund_request(&paid, "49.90");
    let report = fixture.send(&Ready::Refund(refund.clone())).await.report;
    let of_refund = (Movement::Refund, Some(refund.reference), money("49.90", "EUR"), None);
    expected.insert(charge_of(&report).gateway_ref.to_string(), of_refund);

    let disputed = fixture.paid("vault_ok").await;
    let charge = charge_of(&disputed.1).clone();
    let reference = Some(disputed.0.reference.clone());
    let of_disputed = (Movement::Charge, reference.clone(), disputed.0.money, charge.fee);
    expected.insert(charge.charge_ref.unwrap().to_string(), of_disputed);
    fixture.control("dispute", json!({ "reference": reference, "outcome": "won" })).await;

    let mut disputes = Vec::new();
    for line in fixture.settlement_report(FORTY_DAYS).await {
        let Line::Movement { reference: about, gateway_ref, movement, money, fee } = line else {
            panic!("{line:?}")
        };
        if matches!(movement, Movement::Dispute | Movement::DisputeReversal) {
            assert_eq!(about, reference);
            disputes.push((movement, money.to_string(), fee.map(|fee| fee.to_string())));
        } else {
            assert_eq!(expected.remove(&gateway_ref), Some((movement, about, money, fee)), "{gateway_ref}");
        }
    }
    assert!(expected.is_empty(), "not told: {expected:?}");
    // Both may be of the same moment, and then come in either order.
    disputes.sort_by_key(|(movement, ..)| movement.as_str());
    let fee = Some("20.00 EUR".to_owned());
    let told = [
        (Movement::Dispute, "49.90 EUR".to_owned(), fee),
        (Movement::DisputeReversal, "49.90 EUR".into(), None),
    ];
    assert_eq!(disputes, told);
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error_and_not_an_empty_account() {
    let fixture = fixture().await;
    let between = (from_now(-60), from_now(0));
    for gateway in [&fixture.stranger, &fixture.unreachable] {
        assert!(gateway.settlement_report(between, None).await.is_err());
    }
    assert!(fixture.gateway.settlement_report(between, Some("nonsense")).await.is_err());
}

#[tokio::test]
async fn a_payment_is_found_by_our_reference_once_the_report_has_it() {
    let fixture = fixture().await;
    fixture.control("paypal/reporting_delay", json!({ "seconds": 3 * 3600 })).await;
    let (request, report) = fixture.paid("vault_ok").await;
    assert_eq!(fixture.found_charge(&request).await, Report::NotFound, "it lags");
    fixture.control("paypal/reporting_delay", json!({ "seconds": 0 })).await;
    assert_eq!(fixture.found_charge(&request).await, report);
    // A refund carries the order's invoice in the report where it has none of its own.
    let paid = (request, report);
    fixture.send(&Ready::Refund(fixture.refund_request(&paid, "49.90"))).await;
    assert_eq!(fixture.found_charge(&paid.0).await, paid.1, "refunded, and it was paid all the same");
    fixture.control("down", json!({ "down": true })).await;
    assert!(is_to_be_looked_up(&fixture.found_charge(&paid.0).await));
}

#[tokio::test]
async fn one_among_many_is_found() {
    let fixture = fixture().await;
    let (wanted, report) = fixture.paid("vault_ok").await;
    for _ in 0..40 {
        fixture.paid("vault_ok").await;
    }
    assert_eq!(fixture.found_charge(&wanted).await, report);
    assert_eq!(fixture.found_charge(&fixture.charge_request("vault_ok")).await, Report::NotFound);
}

#[tokio::test]
async fn a_dispute_is_told_from_its_beginning_to_its_end() {
    let fixture = fixture().await;
    for (outcome, status) in [("won", DisputeStatus::Won), ("lost", DisputeStatus::Lost)] {
        let inbox = Inbox::open(&fixture).await;
        let (request, _) = fixture.paid("vault_ok").await;
        fixture.control("dispute", json!({ "reference": request.reference })).await;
        let told = inbox
            .eventually("a dispute is told", |event| match &event.about {
                About::Dispute { dispute_ref } => Some(dispute_ref.clone()),
                _ => None,
            })
            .await;
        let Found::One(open) = fixture.gateway.find_dispute(&told).await else { panic!("{told}") };
        assert_eq!(
            (open.status, open.funds_withdrawn, open.money),
            (DisputeStatus::Open, true, request.money)
        );
        assert_eq!((open.dispute_ref, open.reference), (told.clone(), Some(request.reference.clone())));
        assert!(open.reason.is_some());
        fixture.control("dispute", json!({ "reference": request.reference, "outcome": outcome })).await;
        let Found::One(closed) = fixture.gateway.find_dispute(&told).await else { panic!("{told}") };
        assert_eq!((closed.status, closed.funds_withdrawn), (status, true), "{outcome}");
    }
}
