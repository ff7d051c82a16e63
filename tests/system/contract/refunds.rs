//! Refunds: never more than was taken, and not always final.

use common::gateway::{DeclineClass, GatewayRefund, RefundsAsked};

use super::bench::{Bench, Ready, charge_of, money, refund_question};
use crate::contract::vocabulary::Report;

pub async fn a_payment_is_given_back_in_parts_and_never_more(bench: &Bench) {
    let paid = bench.paid(bench.tokens.good).await;
    for (amount, given_back) in [("20.00", true), ("29.91", false), ("29.90", true), ("0.01", false)] {
        let request = bench.refund_request(&paid, amount);
        let ready = Ready::Refund(request.clone());
        let report = bench.send(&ready).await.report;
        if given_back {
            let refund = charge_of(&report);
            assert_eq!(refund.money, Some(money(amount, "EUR")));
            assert!(refund.fee.is_some(), "{refund:?}");
            let by_id = refund_question(&request, Some(refund.gateway_ref.clone()));
            assert_eq!(bench.gateway.look_up_refund(&by_id).await.report, report);
            assert_eq!(bench.found(&ready).await, report);
        } else {
            assert!(
                matches!(&report, Report::Declined(decline) if decline.class == DeclineClass::Hard),
                "{amount}: {report:?}"
            );
            assert_eq!(bench.found(&ready).await, Report::NotFound, "{amount}");
        }
    }
    assert_eq!(bench.books(&paid.0.reference).await["charges"][0]["refunded"], 4990);
}

pub async fn a_refund_may_take_its_time_and_may_fail(bench: &Bench) {
    bench.control("settle_after", serde_json::json!({ "milliseconds": 3_600_000 })).await;
    for outcome in ["succeeded", "failed"] {
        let paid = bench.paid(bench.tokens.pending_refund).await;
        let request = bench.refund_request(&paid, "9.90");
        let ready = Ready::Refund(request.clone());
        let pending = bench.send(&ready).await.report;
        let Report::Processing { gateway_ref } = &pending else { panic!("{pending:?}") };
        assert_eq!(bench.found(&ready).await, pending);
        bench.settle(&request.reference, Some(outcome)).await;
        let by_id = refund_question(&request, Some(gateway_ref.clone()));
        let settled = bench.gateway.look_up_refund(&by_id).await.report;
        match outcome {
            "succeeded" => assert_eq!(charge_of(&settled).money, Some(request.money)),
            _ => assert!(matches!(settled, Report::Declined(_)), "{settled:?}"),
        }
        assert_eq!(bench.found(&ready).await, settled);
        assert_eq!(bench.times_done(&ready).await, usize::from(outcome == "succeeded"));
    }
}

pub async fn a_refund_may_fail_after_it_succeeded(bench: &Bench) {
    bench.control("settle_after", serde_json::json!({ "milliseconds": 3_600_000 })).await;
    let paid = bench.paid(bench.tokens.failing_refund).await;
    let request = bench.refund_request(&paid, "9.90");
    let ready = Ready::Refund(request.clone());
    let report = bench.send(&ready).await.report;
    assert!(matches!(report, Report::Succeeded(_)), "{report:?}");
    bench.settle(&request.reference, None).await;
    let Report::Declined(decline) = bench.found(&ready).await else { panic!("it failed") };
    assert_eq!(decline.class, DeclineClass::Hard);
    assert_eq!(decline.gateway_ref, Some(charge_of(&report).gateway_ref.clone()));
}

pub async fn a_refund_of_nobody_is_not_found(bench: &Bench) {
    let paid = bench.paid(bench.tokens.good).await;
    bench.send(&Ready::Refund(bench.refund_request(&paid, "1.00"))).await;
    let never_sent = bench.refund_request(&paid, "1.00");
    assert_eq!(bench.found(&Ready::Refund(never_sent)).await, Report::NotFound);
}

/// Whoever made it: by its own name, and among those of its payment.
pub async fn a_refund_is_found_with_all_that_says_whose_it_is(bench: &Bench) {
    let paid = bench.paid(bench.tokens.good).await;
    let request = bench.refund_request(&paid, "9.90");
    let report = bench.send(&Ready::Refund(request.clone())).await.report;
    let name = charge_of(&report).gateway_ref.clone();
    let named = bench.gateway.find_refunds(RefundsAsked::Named(&name)).await.unwrap();
    let of_payment = bench.gateway.find_refunds(RefundsAsked::OfPayment(&request.payment_ref)).await.unwrap();
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
    let nobodys = bench.gateway.find_refunds(RefundsAsked::Named("re1nobody")).await;
    assert_eq!(nobodys, Ok(Vec::new()));
}
