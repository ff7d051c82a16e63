//! The gateway's settlement report.

use std::collections::HashMap;

use common::{
    gateway::{Line, Movement},
    money::Money,
};
use serde_json::json;

use super::fixture::{GatewayFixture, Ready, charge_of, money};
use crate::contract::vocabulary::Report;

/// More than one page of payments.
const PAYMENTS: usize = 120;

pub async fn the_account_of_a_time_has_every_payment_and_every_movement_once(fixture: &GatewayFixture) {
    let mut payments = HashMap::new();
    for _ in 0..PAYMENTS {
        let (request, report) = fixture.paid(fixture.tokens.good).await;
        payments.insert(request.reference, report);
    }
    let reserved = fixture.reserved(fixture.tokens.good).await;
    payments.insert(reserved.0.reference, reserved.1);
    let (refunded, paid) = fixture.paid(fixture.tokens.failing_refund).await;
    payments.insert(refunded.reference.clone(), paid.clone());
    let refund = fixture.refund_request(&(refunded, paid), "9.90");
    fixture.send(&Ready::Refund(refund.clone())).await;
    fixture.settle(&refund.reference, None).await;
    let (disputed, paid) = fixture.paid(fixture.tokens.good).await;
    payments.insert(disputed.reference.clone(), paid);
    fixture.control("dispute", json!({ "reference": disputed.reference, "outcome": "won" })).await;

    let mut moved: HashMap<Movement, Vec<(Option<String>, Money)>> = HashMap::new();
    let mut told = HashMap::new();
    for line in fixture.settlement_report(600).await {
        match line {
            Line::Payment { reference, report, .. } => {
                let reference = reference.expect("a reference of ours");
                assert_eq!(told.insert(reference.clone(), Report::from(report)), None, "{reference} twice");
            }
            Line::Movement { reference, movement, money, .. } => {
                moved.entry(movement).or_default().push((reference, money));
            }
        }
    }
    assert_eq!(told, payments, "every payment once, and as it was told");
    let mut charged: Vec<_> = moved.remove(&Movement::Charge).unwrap();
    charged.sort_by_key(|(reference, _)| reference.clone());
    let mut expected: Vec<_> = payments
        .into_iter()
        .filter(|(_, report)| matches!(report, Report::Succeeded(_)))
        .map(|(reference, report)| (Some(reference), charge_of(&report).money.unwrap()))
        .collect();
    expected.sort_by_key(|(reference, _)| reference.clone());
    assert_eq!(charged, expected, "every charge once");
    for movement in [Movement::Refund, Movement::RefundReversal] {
        assert_eq!(moved[&movement], [(Some(refund.reference.clone()), money("9.90", "EUR"))], "{movement}");
    }
    for movement in [Movement::Dispute, Movement::DisputeReversal] {
        let amounts: Vec<_> = moved[&movement].iter().map(|(_, money)| *money).collect();
        assert_eq!(amounts, [money("49.90", "EUR")], "{movement}");
    }
}
