//! Refunds that were made before, and refunds that are refused.

use common::gateway::RefundRequest;

use super::fixture;
use crate::contract::{
    fixture::{Ready, charge_of},
    vocabulary::Report,
};

/// Under another key, as after PayPal has forgotten the first.
fn again(request: &RefundRequest) -> Ready {
    Ready::Refund(RefundRequest { key: format!("{}-again", request.key).into(), ..request.clone() })
}

#[tokio::test]
async fn what_is_given_back_already_is_told_at_once() {
    let fixture = fixture().await;
    let paid = fixture.paid("vault_ok").await;
    let part = fixture.refund_request(&paid, "20.00");
    let report = fixture.send(&Ready::Refund(part.clone())).await.report;
    assert_eq!(fixture.send(&again(&part)).await.report, report, "its invoice is known");

    // Whoever does not know the capture finds it in the order.
    let rest = RefundRequest { charge_ref: None, ..fixture.refund_request(&paid, "29.90") };
    let report = fixture.send(&Ready::Refund(rest.clone())).await.report;
    assert_eq!(charge_of(&report).money, Some(rest.money));
    assert_eq!(fixture.send(&again(&rest)).await.report, report, "all is given back, this among it");
    let other = Ready::Refund(fixture.refund_request(&paid, "1.00"));
    let report = fixture.send(&other).await.report;
    assert!(matches!(&report, Report::Declined(no) if no.code == "capture_fully_refunded"), "{report:?}");

    let (request, paid) = paid;
    assert_eq!(fixture.found_charge(&request).await, paid, "it was paid all the same");
}
