//! Every status of a payment intent and of a refund, as a look-up meets it.

use common::gateway::{
    ChargeRequest,
    DeclineClass::{Hard, Soft},
    MethodType,
};
use serde_json::{Value, json};

use super::fixture;
use crate::contract::{
    fixture::{GatewayFixture, Ready, charge_of, money, refund_question},
    table::{Meaning, Meaning::*, meaning},
    vocabulary::Report,
};

/// Makes an intent with our reference, as somebody in the dashboard might.
async fn made_by_hand(fixture: &GatewayFixture, request: &ChargeRequest, more: &[(&str, &str)]) -> Value {
    let mut form = vec![
        ("amount", "4990"),
        ("currency", "eur"),
        ("automatic_payment_methods[enabled]", "true"),
        ("automatic_payment_methods[allow_redirects]", "never"),
        ("metadata[remit_payment]", &request.reference),
    ];
    form.extend_from_slice(more);
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    let url = format!("{}/v1/payment_intents", fixture.deployment.sandbox_url());
    let answer = client.post(url).bearer_auth("sk_test_contract").form(&form).send().await.unwrap();
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn every_status_of_an_intent_has_a_meaning() {
    let fixture = fixture().await;
    // Never tried: there is no reason to tell.
    for (more, status) in [
        (&[][..], "requires_payment_method"),
        (&[("payment_method", "pm_card_visa")], "requires_confirmation"),
    ] {
        let request = fixture.charge_request("pm_card_visa");
        assert_eq!(made_by_hand(&fixture, &request, more).await["status"], status);
        let found = fixture.found_charge(&request).await;
        assert_eq!(meaning(&found), LookUp, "{status}: {found:?}");
    }
    let debit = |token: &str| ChargeRequest {
        method: MethodType::BankDebit,
        money: money("10.00", "USD"),
        ..fixture.charge_request(token)
    };
    let manual =
        ChargeRequest { capture: common::gateway::Capture::Manual, ..fixture.charge_request("pm_card_visa") };
    for (status, word, request) in [
        ("requires_payment_method", "declined", fixture.charge_request("pm_card_visa_chargeDeclined")),
        ("requires_action", "requires_action", fixture.charge_request("pm_card_authenticationRequired")),
        ("processing", "processing", debit("pm_usBankAccount_processing")),
        ("requires_capture", "authorized", manual),
        ("succeeded", "succeeded", fixture.charge_request("pm_card_visa")),
    ] {
        let (request, report) = fixture.charged(request).await;
        assert_eq!(report.word(), word, "{status}: {report:?}");
        assert_eq!(fixture.found_charge(&request).await, report, "{status}");
    }
    let reserved = fixture.reserved("pm_card_visa").await;
    fixture.send(&Ready::Cancel(fixture.cancel_request(&reserved))).await;
    assert_eq!(meaning(&fixture.found_charge(&reserved.0).await), Canceled);
}

/// Days pass between the order and the money, and it may not come.
#[tokio::test]
async fn a_debit_ends_as_its_bank_says() {
    let fixture = fixture().await;
    fixture.control("settle_after", json!({ "milliseconds": 3_600_000 })).await;
    for (token, expected) in [
        ("pm_usBankAccount_success", Done),
        ("pm_usBankAccount_insufficientFunds", Declined(Soft)),
        ("pm_usBankAccount_accountClosed", Declined(Hard)),
        ("pm_usBankAccount_debitNotAuthorized", Declined(Hard)),
    ] {
        let request = ChargeRequest {
            method: MethodType::BankDebit,
            money: money("10.00", "USD"),
            ..fixture.charge_request(token)
        };
        let (request, report) = fixture.charged(request).await;
        assert_eq!(meaning(&report), Processing, "{token}: {report:?}");
        assert_eq!(fixture.found_charge(&request).await, report, "{token}");
        fixture.settle(&request.reference, None).await;
        let found = fixture.found_charge(&request).await;
        assert_eq!(meaning(&found), expected, "{token}: {found:?}");
        assert_eq!(
            fixture.times_done(&Ready::Charge(request)).await,
            usize::from(expected == Done),
            "{token}"
        );
    }
}

/// A failed authentication returns the intent to its beginning, with the reason.
#[tokio::test]
async fn an_authentication_ends_as_its_payer_does() {
    let fixture = fixture().await;
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    for (done, expected) in [("approve", Done), ("fail", Declined(common::gateway::DeclineClass::Customer))] {
        let (request, report) = fixture.paid("pm_card_authenticationRequired").await;
        let Report::RequiresAction { url: Some(url), .. } = report else { panic!("{report:?}") };
        client.post(format!("{url}/{done}")).send().await.unwrap();
        let found = fixture.found_charge(&request).await;
        assert_eq!(meaning(&found), expected, "{done}: {found:?}");
    }
}

/// Pending ones end, or go on waiting for the payer, or are called off.
const REFUNDS: [(&str, Meaning); 5] = [
    ("pending", Processing),
    ("requires_action", Processing),
    ("succeeded", Done),
    ("failed", Declined(Hard)),
    ("canceled", Canceled),
];

#[tokio::test]
async fn every_status_of_a_refund_has_a_meaning() {
    let fixture = fixture().await;
    fixture.control("settle_after", json!({ "milliseconds": 3_600_000 })).await;
    for (status, expected) in REFUNDS {
        let paid = fixture.paid("pm_card_pendingRefund").await;
        let request = fixture.refund_request(&paid, "9.90");
        let ready = Ready::Refund(request.clone());
        let Report::Processing { gateway_ref } = fixture.send(&ready).await.report else {
            panic!("{status}")
        };
        if status != "pending" {
            fixture.settle(&request.reference, Some(status)).await;
        }
        let by_id = refund_question(&request, Some(gateway_ref));
        let found = fixture.gateway.look_up_refund(&by_id).await.report;
        assert_eq!(meaning(&found), expected, "{status}: {found:?}");
        assert_eq!(fixture.found(&ready).await, found, "{status}: by our reference");
        assert_eq!(fixture.times_done(&ready).await, usize::from(expected == Done), "{status}");
        if expected == Done {
            assert_eq!(charge_of(&found).money, Some(request.money));
        }
    }
}
