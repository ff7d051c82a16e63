//! Stripe's fixture, and what only Stripe promises: lists that can be searched for our reference; and,
//! table by table, what its signals, codes and statuses mean.

mod amounts;
mod declines;
mod keys;
mod lists;
mod signals;
mod statuses;
mod told;

mod customers;

use std::time::Duration;

use common::gateway::{
    CaptureRequest, ChargeRequest, DeclineClass, EventTrust, GatewayName, MethodType, RefundRequest,
    Resolution,
    protection::{Protected, Protection, breaker::Rule},
    stripe::{Stripe, StripeConfig, VERSION},
};
use serde_json::json;
use tests::{Deployment, Service, Settings, eventually};

use super::fixture::{GatewayFixture, Operation, Ready, Tokens, money};
use crate::contract::vocabulary::{Adapter, Report};

suite!(crate::contract::stripe::fixture);

const SECRET: &str = "whsec_contract";

pub async fn fixture() -> GatewayFixture {
    let settings = Settings { services: vec![Service::Sandbox], ..Settings::default() };
    let deployment = Deployment::start_with(settings).await;
    let url = deployment.sandbox_url().to_owned();
    GatewayFixture {
        deployment,
        name: GatewayName::Stripe,
        gateway: Adapter::new(stripe(&url, "sk_test_contract")),
        stranger: Adapter::new(stripe(&url, "nonsense")),
        unreachable: Adapter::new(stripe("http://127.0.0.1:9", "sk_test_contract")),
        at: |url| Adapter::new(stripe(url, "sk_test_contract")),
        method: MethodType::Card,
        tokens: Tokens {
            good: "pm_card_visa",
            unknown: "pm_nobody_knows",
            misbehaving: "pm_sandbox_",
            declines: &[
                ("pm_card_visa_chargeDeclined", DeclineClass::Soft),
                ("pm_card_visa_chargeDeclinedInsufficientFunds", DeclineClass::Soft),
                ("pm_card_visa_chargeDeclinedLostCard", DeclineClass::Hard),
                ("pm_card_chargeDeclinedExpiredCard", DeclineClass::Hard),
                ("pm_card_chargeDeclinedIncorrectCvc", DeclineClass::Customer),
                ("pm_card_chargeDeclinedProcessingError", DeclineClass::Soft),
            ],
            saved_declines: &[
                ("pm_card_chargeCustomerFail", DeclineClass::Soft),
                ("pm_sandbox_saved_chargeDeclinedInsufficientFunds", DeclineClass::Soft),
                ("pm_sandbox_saved_chargeDeclinedLostCard", DeclineClass::Hard),
                ("pm_sandbox_saved_chargeDeclinedExpiredCard", DeclineClass::Hard),
                ("pm_sandbox_saved_chargeDeclinedIncorrectCvc", DeclineClass::Customer),
            ],
            asks_the_payer: "pm_card_authenticationRequired",
            pending_refund: "pm_card_pendingRefund",
            failing_refund: "pm_card_refundFail",
        },
        webhooks: |url| json!({ "stripe": { "url": url, "secret": SECRET } }),
        trust: EventTrust { stripe: vec!["whsec_next".into(), SECRET.into()], paypal: None },
    }
}

fn stripe(url: &str, secret_key: &str) -> Stripe {
    Stripe::new(StripeConfig {
        base_url: url.parse().unwrap(),
        secret_key: secret_key.to_owned().into(),
        version: VERSION.into(),
        timeout: Duration::from_millis(700),
        ahead: Default::default(),
    })
    .unwrap()
}

fn is_to_be_looked_up(report: &Report) -> bool {
    matches!(report, Report::Unknown { resolution: Resolution::LookUp, .. })
}

/// The same key with another body is a defect of ours, and must not pass for a failure.
#[tokio::test]
async fn a_key_sent_with_another_body_is_looked_up() {
    let fixture = fixture().await;
    let part = money("9.90", "EUR");
    for operation in [Operation::Charge, Operation::Capture, Operation::Refund] {
        let ready = fixture.ready(operation, "pm_card_visa").await;
        fixture.send(&ready).await;
        let changed = match ready.clone() {
            Ready::Charge(request) => Ready::Charge(ChargeRequest { money: part, ..request }),
            Ready::Capture(request) => Ready::Capture(CaptureRequest { money: part, ..request }),
            Ready::Refund(request) => Ready::Refund(RefundRequest { money: part, ..request }),
            Ready::Cancel(_) => unreachable!("it has no body"),
        };
        let report = fixture.send(&changed).await.report;
        assert!(is_to_be_looked_up(&report), "{operation:?}: {report:?}");
        assert_eq!(fixture.times_done(&ready).await, 1, "{operation:?}");
    }
}

#[tokio::test]
async fn a_look_up_finds_one_among_many() {
    let fixture = fixture().await;
    let (wanted, _) = fixture.paid("pm_card_visa").await;
    let paid = fixture.paid("pm_card_visa").await;
    let refund = Ready::Refund(fixture.refund_request(&paid, "0.01"));
    fixture.send(&refund).await;
    for _ in 0..130 {
        fixture.paid("pm_card_visa").await;
        fixture.send(&Ready::Refund(fixture.refund_request(&paid, "0.01"))).await;
    }
    assert!(matches!(fixture.found_charge(&wanted).await, Report::Succeeded(_)), "two pages deep");
    assert!(matches!(fixture.found(&refund).await, Report::Succeeded(_)), "two pages deep");
    assert_eq!(fixture.found_charge(&fixture.charge_request("pm_card_visa")).await, Report::NotFound);
}

#[tokio::test]
async fn what_expired_is_looked_up_and_was_called_off() {
    let fixture = fixture().await;
    let reserved = fixture.reserved("pm_card_visa").await;
    fixture.control("clock", json!({ "advance_seconds": 8 * 24 * 3600 })).await;
    let ready = Ready::Capture(fixture.capture_request(&reserved));
    let report = fixture.send(&ready).await.report;
    assert!(is_to_be_looked_up(&report), "{report:?}");
    let found = fixture.found(&ready).await;
    assert!(matches!(found, Report::Canceled { .. }), "{found:?}");
}

#[tokio::test]
async fn refusals_of_a_refund_keep_their_code() {
    let fixture = fixture().await;
    let code = async |paid: &(ChargeRequest, Report), amount| match fixture
        .send(&Ready::Refund(fixture.refund_request(paid, amount)))
        .await
        .report
    {
        Report::Declined(decline) => decline.code,
        other => format!("{other:?}"),
    };
    let paid = fixture.paid("pm_card_visa").await;
    assert_eq!(code(&paid, "50.00").await, "amount_too_large");
    fixture.send(&Ready::Refund(fixture.refund_request(&paid, "49.90"))).await;
    assert_eq!(code(&paid, "1.00").await, "charge_already_refunded");
    let disputed = fixture.paid("pm_card_visa").await;
    fixture.control("dispute", json!({ "reference": disputed.0.reference })).await;
    assert_eq!(code(&disputed, "1.00").await, "charge_disputed");
    let reserved = fixture.reserved("pm_card_visa").await;
    assert_eq!(code(&reserved, "1.00").await, "charge_not_refundable");
}

/// The protection, around a gateway that really is down and comes back.
#[tokio::test]
async fn a_gateway_that_is_down_is_left_alone_until_it_answers() {
    let fixture = fixture().await;
    let rule = Rule { failures: 3, rest: Duration::from_millis(300) };
    let protection = Protection { breaker: rule, ..Protection::suiting(GatewayName::Stripe) };
    let adapter = Box::new(stripe(fixture.deployment.sandbox_url(), "sk_test_contract"));
    let protected = Adapter::new(Protected::new(GatewayName::Stripe, adapter, protection));
    let request = fixture.charge_request("pm_card_visa");

    fixture.control("down", json!({ "down": true })).await;
    for _ in 0..rule.failures {
        let report = protected.charge(&request).await.report;
        assert!(matches!(report, Report::Unknown { resolution: Resolution::Replay, .. }), "{report:?}");
    }
    let answer = protected.charge(&request).await;
    assert!(matches!(answer.report, Report::Deferred { .. }), "{answer:?}");

    fixture.control("down", json!({ "down": false })).await;
    let answered = eventually("it is called again", || async {
        Some(protected.charge(&request).await.report)
            .filter(|report| !matches!(report, Report::Deferred { .. }))
    });
    assert!(matches!(answered.await, Report::Succeeded(_)));
    assert_eq!(fixture.times_done(&Ready::Charge(request)).await, 1);
}
