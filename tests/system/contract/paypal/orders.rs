//! What an order's answer means: its object and its issue, never its status of HTTP.

use common::gateway::{ChargeRequest, DeclineClass, Report, Resolution};
use serde_json::json;

use super::{bench, found, is_to_be_looked_up, taken};
use crate::contract::bench::{Operation, Ready, charge_of, money};

#[tokio::test]
async fn amounts_have_paypals_decimals() {
    let bench = bench().await;
    for (amount, currency, minor) in [("49.90", "EUR", 4990), ("5000", "HUF", 5000), ("500", "JPY", 500)] {
        let request = ChargeRequest { money: money(amount, currency), ..bench.charge_request("vault_ok") };
        let paid = bench.charged(request.clone()).await;
        let charge = charge_of(&paid.1);
        assert_eq!(charge.money, Some(request.money), "{currency}");
        assert_eq!(charge.fee.map(|fee| fee.currency), Some(request.money.currency), "{currency}");
        assert_eq!(found(&bench, &request, &charge.gateway_ref).await, paid.1, "{currency}");
        assert_eq!(taken(&bench, &request).await, [minor]);
        let refund = Ready::Refund(bench.refund_request(&paid, amount));
        assert_eq!(charge_of(&bench.send(&refund).await.report).money, Some(request.money), "{currency}");
    }
    let unknown = ChargeRequest { money: money("10.00", "INR"), ..bench.charge_request("vault_ok") };
    let answer = bench.gateway.charge(&unknown).await;
    assert!(matches!(answer.report, Report::Refused { alarm: false, .. }), "{answer:?}");
    assert!(!answer.call.was_made());
}

#[tokio::test]
async fn an_issue_says_who_can_do_something_about_it() {
    let bench = bench().await;
    for (token, class) in [
        ("vault_failed", DeclineClass::Soft),
        ("vault_issue_INSTRUMENT_DECLINED", DeclineClass::Customer),
        ("vault_issue_REDIRECT_PAYER_FOR_ALTERNATE_FUNDING", DeclineClass::Customer),
        ("vault_issue_TRANSACTION_REFUSED", DeclineClass::Hard),
        ("vault_issue_PAYER_ACCOUNT_RESTRICTED", DeclineClass::Hard),
        ("vault_issue_COMPLIANCE_VIOLATION", DeclineClass::Hard),
    ] {
        let (request, report) = bench.paid(token).await;
        let Report::Declined(decline) = &report else { panic!("{token}: {report:?}") };
        assert_eq!(decline.class, class, "{token}");
        assert_eq!(bench.charged(request.clone()).await.1, report, "{token}: a replay says the same");
        assert_eq!(taken(&bench, &request).await, [] as [i64; 0], "{token}");
    }
    for (token, wakes_somebody) in [
        ("vault_issue_PAYEE_ACCOUNT_RESTRICTED", true),
        ("vault_issue_PERMISSION_DENIED", true),
        ("vault_issue_NOT_ENABLED_FOR_CARD_PROCESSING", true),
        ("vault_issue_MAX_VALUE_EXCEEDED", false),
    ] {
        let (_, report) = bench.paid(token).await;
        assert!(matches!(report, Report::Refused { alarm, .. } if alarm == wakes_somebody), "{report:?}");
    }
    let (_, denied) = bench.reserved("vault_declined").await;
    assert!(matches!(denied, Report::Declined(_)), "{denied:?}");
}

#[tokio::test]
async fn a_replay_tells_the_latest_status() {
    let bench = bench().await;
    bench.control("settle_after", json!({ "milliseconds": 3_600_000 })).await;
    for (token, end) in [("vault_pending", "succeeded"), ("vault_pending_denied", "declined")] {
        let (request, report) = bench.paid(token).await;
        let Report::Processing { gateway_ref } = &report else { panic!("{token}: {report:?}") };
        assert_eq!(found(&bench, &request, gateway_ref).await, report);
        assert_eq!(bench.found_charge(&request).await, report, "by our reference");
        bench.settle(&request.reference, None).await;
        let ended = bench.charged(request.clone()).await.1;
        assert_eq!(ended.word(), end, "{token}");
        assert_eq!(found(&bench, &request, gateway_ref).await, ended, "{token}");
        assert_eq!(bench.found_charge(&request).await, ended, "{token}: by our reference");
    }
}

/// PayPal keeps no 500: asked again, it tells.
#[tokio::test]
async fn after_a_500_a_replay_tells() {
    let bench = bench().await;
    for operation in Operation::ALL {
        for fault in ["500_before", "500_after"] {
            let ready = bench.misbehaving(operation, fault).await;
            let report = bench.send(&ready).await.report;
            assert!(
                matches!(report, Report::Unknown { resolution: Resolution::Replay, .. }),
                "{operation:?} {fault}: {report:?}"
            );
            let report = bench.send(&ready).await.report;
            assert!(operation.is_done(&report), "{operation:?} {fault}: {report:?}");
            assert_eq!(bench.times_done(&ready).await, 1, "{operation:?} {fault}");
        }
    }
}

/// After six hours PayPal takes the same id for another request: the invoice stands guard.
#[tokio::test]
async fn a_forgotten_id_does_not_pay_twice() {
    let bench = bench().await;
    let (request, report) = bench.paid("vault_ok").await;
    bench.control("clock", json!({ "advance_seconds": 7 * 3600 })).await;
    let again = bench.charged(request.clone()).await.1;
    assert!(is_to_be_looked_up(&again), "{again:?}");
    assert_eq!(found(&bench, &request, &charge_of(&report).gateway_ref).await, report);
    assert_eq!(taken(&bench, &request).await, [4990]);
}

/// The same id with another body is a defect of ours, and must not pass for a failure.
#[tokio::test]
async fn an_id_sent_with_another_body_is_looked_up() {
    let bench = bench().await;
    let (request, _) = bench.paid("vault_ok").await;
    let changed = ChargeRequest { money: money("50.00", "EUR"), ..request };
    let report = bench.charged(changed.clone()).await.1;
    assert!(is_to_be_looked_up(&report), "{report:?}");
    assert_eq!(taken(&bench, &changed).await, [4990]);
}
