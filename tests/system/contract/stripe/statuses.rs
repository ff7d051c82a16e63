//! Every status of a payment intent and of a refund, as a look-up meets it.

use common::gateway::{
    ChargeRequest,
    DeclineClass::{Hard, Soft},
    MethodType,
};
use serde_json::{Value, json};

use super::bench;
use crate::contract::{
    bench::{Bench, Ready, charge_of, money, refund_question},
    table::{Means, Means::*, meaning},
    vocabulary::Report,
};

/// Makes an intent with our reference, as somebody in the dashboard might.
async fn made_by_hand(bench: &Bench, request: &ChargeRequest, more: &[(&str, &str)]) -> Value {
    let mut form = vec![
        ("amount", "4990"),
        ("currency", "eur"),
        ("automatic_payment_methods[enabled]", "true"),
        ("automatic_payment_methods[allow_redirects]", "never"),
        ("metadata[remit_payment]", &request.reference),
    ];
    form.extend_from_slice(more);
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    let url = format!("{}/v1/payment_intents", bench.deployment.sandbox_url());
    let answer = client.post(url).bearer_auth("sk_test_contract").form(&form).send().await.unwrap();
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn every_status_of_an_intent_has_a_meaning() {
    let bench = bench().await;
    // Never tried: there is no reason to tell.
    for (more, status) in [
        (&[][..], "requires_payment_method"),
        (&[("payment_method", "pm_card_visa")], "requires_confirmation"),
    ] {
        let request = bench.charge_request("pm_card_visa");
        assert_eq!(made_by_hand(&bench, &request, more).await["status"], status);
        let found = bench.found_charge(&request).await;
        assert_eq!(meaning(&found), LookUp, "{status}: {found:?}");
    }
    let debit = |token: &str| ChargeRequest {
        method: MethodType::BankDebit,
        money: money("10.00", "USD"),
        ..bench.charge_request(token)
    };
    let manual =
        ChargeRequest { capture: common::gateway::Capture::Manual, ..bench.charge_request("pm_card_visa") };
    for (status, word, request) in [
        ("requires_payment_method", "declined", bench.charge_request("pm_card_visa_chargeDeclined")),
        ("requires_action", "requires_action", bench.charge_request("pm_card_authenticationRequired")),
        ("processing", "processing", debit("pm_usBankAccount_processing")),
        ("requires_capture", "authorized", manual),
        ("succeeded", "succeeded", bench.charge_request("pm_card_visa")),
    ] {
        let (request, report) = bench.charged(request).await;
        assert_eq!(report.word(), word, "{status}: {report:?}");
        assert_eq!(bench.found_charge(&request).await, report, "{status}");
    }
    let reserved = bench.reserved("pm_card_visa").await;
    bench.send(&Ready::Cancel(bench.cancel_request(&reserved))).await;
    assert_eq!(meaning(&bench.found_charge(&reserved.0).await), Canceled);
}

/// Days pass between the order and the money, and it may not come.
#[tokio::test]
async fn a_debit_ends_as_its_bank_says() {
    let bench = bench().await;
    bench.control("settle_after", json!({ "milliseconds": 3_600_000 })).await;
    for (token, means) in [
        ("pm_usBankAccount_success", Done),
        ("pm_usBankAccount_insufficientFunds", Declined(Soft)),
        ("pm_usBankAccount_accountClosed", Declined(Hard)),
        ("pm_usBankAccount_debitNotAuthorized", Declined(Hard)),
    ] {
        let request = ChargeRequest {
            method: MethodType::BankDebit,
            money: money("10.00", "USD"),
            ..bench.charge_request(token)
        };
        let (request, report) = bench.charged(request).await;
        assert_eq!(meaning(&report), Processing, "{token}: {report:?}");
        assert_eq!(bench.found_charge(&request).await, report, "{token}");
        bench.settle(&request.reference, None).await;
        let found = bench.found_charge(&request).await;
        assert_eq!(meaning(&found), means, "{token}: {found:?}");
        assert_eq!(bench.times_done(&Ready::Charge(request)).await, usize::from(means == Done), "{token}");
    }
}

/// A failed authentication returns the intent to its beginning, with the reason.
#[tokio::test]
async fn an_authentication_ends_as_its_payer_does() {
    let bench = bench().await;
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    for (done, means) in [("approve", Done), ("fail", Declined(common::gateway::DeclineClass::Customer))] {
        let (request, report) = bench.paid("pm_card_authenticationRequired").await;
        let Report::RequiresAction { url: Some(url), .. } = report else { panic!("{report:?}") };
        client.post(format!("{url}/{done}")).send().await.unwrap();
        let found = bench.found_charge(&request).await;
        assert_eq!(meaning(&found), means, "{done}: {found:?}");
    }
}

/// Pending ones end, or go on waiting for the payer, or are called off.
const REFUNDS: [(&str, Means); 5] = [
    ("pending", Processing),
    ("requires_action", Processing),
    ("succeeded", Done),
    ("failed", Declined(Hard)),
    ("canceled", Canceled),
];

#[tokio::test]
async fn every_status_of_a_refund_has_a_meaning() {
    let bench = bench().await;
    bench.control("settle_after", json!({ "milliseconds": 3_600_000 })).await;
    for (status, means) in REFUNDS {
        let paid = bench.paid("pm_card_pendingRefund").await;
        let request = bench.refund_request(&paid, "9.90");
        let ready = Ready::Refund(request.clone());
        let Report::Processing { gateway_ref } = bench.send(&ready).await.report else { panic!("{status}") };
        if status != "pending" {
            bench.settle(&request.reference, Some(status)).await;
        }
        let by_id = refund_question(&request, Some(gateway_ref));
        let found = bench.gateway.look_up_refund(&by_id).await.report;
        assert_eq!(meaning(&found), means, "{status}: {found:?}");
        assert_eq!(bench.found(&ready).await, found, "{status}: by our reference");
        assert_eq!(bench.times_done(&ready).await, usize::from(means == Done), "{status}");
        if means == Done {
            assert_eq!(charge_of(&found).money, Some(request.money));
        }
    }
}
