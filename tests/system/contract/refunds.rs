//! Refunds: never more than was taken, and not always final.

use common::gateway::{DeclineClass, GatewayRefund, RefundsAsked};

use super::fixture::{GatewayFixture, Ready, charge_of, money, refund_question};
use crate::contract::vocabulary::Report;

pub async fn a_payment_is_given_back_in_parts_and_never_more(fixture: &GatewayFixture) {
    let paid = fixture.paid(fixture.tokens.good).await;
    for (amount, given_back) in [("20.00", true), ("29.91", false), ("29.90", true), ("0.01", false)] {
        let request = fixture.refund_request(&paid, amount);
        let ready = Ready::Refund(request.clone());
        let report = fixture.send(&ready).await.report;
        if given_back {
            let refund = charge_of(&report);
            assert_eq!(refund.money, Some(money(amount, "EUR")));
            assert!(refund.fee.is_some(), "{refund:?}");
            let by_id = refund_question(&request, Some(refund.gateway_ref.clone()));
            assert_eq!(fixture.gateway.look_up_refund(&by_id).await.report, report);
            assert_eq!(fixture.found(&ready).await, report);
        } else {
            assert!(
                matches!(&report, Report::Declined(decline) if decline.class == DeclineClass::Hard),
                "{amount}: {report:?}"
            );
            assert_eq!(fixture.found(&ready).await, Report::NotFound, "{amount}");
        }
    }
    assert_eq!(fixture.books(&paid.0.reference).await["charges"][0]["refunded"], 4990);
}

pub async fn a_refund_may_take_its_time_and_may_fail(fixture: &GatewayFixture) {
    fixture.control("settle_after", serde_json::json!({ "milliseconds": 3_600_000 })).await;
    for outcome in ["succeeded", "failed"] {
        let paid = fixture.paid(fixture.tokens.pending_refund).await;
        let request = fixture.refund_request(&paid, "9.90");
        let ready = Ready::Refund(request.clone());
        let pending = fixture.send(&ready).await.report;
        let Report::Processing { gateway_ref } = &pending else { panic!("{pending:?}") };
        assert_eq!(fixture.found(&ready).await, pending);
        fixture.settle(&request.reference, Some(outcome)).await;
        let by_id = refund_question(&request, Some(gateway_ref.clone()));
        let settled = fixture.gateway.look_up_refund(&by_id).await.report;
        match outcome {
            "succeeded" => assert_eq!(charge_of(&settled).money, Some(request.money)),
            _ => assert!(matches!(settled, Report::Declined(_)), "{settled:?}"),
        }
        assert_eq!(fixture.found(&ready).await, settled);
        assert_eq!(fixture.times_done(&ready).await, usize::from(outcome == "succeeded"));
    }
}

pub async fn a_refund_may_fail_after_it_succeeded(fixture: &GatewayFixture) {
    fixture.control("settle_after", serde_json::json!({ "milliseconds": 3_600_000 })).await;
    let paid = fixture.paid(fixture.tokens.failing_refund).await;
    let request = fixture.refund_request(&paid, "9.90");
    let ready = Ready::Refund(request.clone());
    let report = fixture.send(&ready).await.report;
    assert!(matches!(report, Report::Succeeded(_)), "{report:?}");
    fixture.settle(&request.reference, None).await;
    let Report::Declined(decline) = fixture.found(&ready).await else { panic!("it failed") };
    assert_eq!(decline.class, DeclineClass::Hard);
    assert_eq!(decline.gateway_ref, Some(charge_of(&report).gateway_ref.clone()));
}

pub async fn a_refund_of_nobody_is_not_found(fixture: &GatewayFixture) {
    let paid = fixture.paid(fixture.tokens.good).await;
    fixture.send(&Ready::Refund(fixture.refund_request(&paid, "1.00"))).await;
    let never_sent = fixture.refund_request(&paid, "1.00");
    assert_eq!(fixture.found(&Ready::Refund(never_sent)).await, Report::NotFound);
}

/// Whoever made it: by its own name, and among those of its payment.
pub async fn a_refund_is_found_with_all_that_says_whose_it_is(fixture: &GatewayFixture) {
    let paid = fixture.paid(fixture.tokens.good).await;
    let request = fixture.refund_request(&paid, "9.90");
    let report = fixture.send(&Ready::Refund(request.clone())).await.report;
    let name = charge_of(&report).gateway_ref.clone();
    let named = fixture.gateway.find_refunds(RefundsAsked::Named(&name)).await.unwrap();
    let of_payment =
        fixture.gateway.find_refunds(RefundsAsked::OfPayment(&request.payment_ref)).await.unwrap();
    assert_eq!(named, of_payment);
    let expected = GatewayRefund {
        gateway_ref: name,
        reference: Some(request.reference),
        payment_reference: Some(paid.0.reference.clone()),
        payment_ref: Some(request.payment_ref),
        charge_ref: request.charge_ref,
        money: request.money,
        made_at: named[0].made_at,
        report: named[0].report.clone(),
    };
    assert_eq!(named, [expected]);
    assert_eq!(Report::from(named[0].report.clone()), report);
    assert!(named[0].made_at.is_some_and(|at| (at - super::now()).num_seconds().abs() < 60), "{named:?}");
    let nobodys = fixture.gateway.find_refunds(RefundsAsked::Named("re1nobody")).await;
    assert_eq!(nobodys, Ok(Vec::new()));
}
