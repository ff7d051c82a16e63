//! The contract that every adapter passes: the same outcomes, in the same vocabulary, from a gateway that
//! speaks its protocol over HTTP. What a charge is called, a look-up calls by the same name.

use std::time::Duration;

use common::{
    gateway::{
        Answer, Capture, ChargeRequest, DeclineClass, Gateway, LookUp, MethodType, Report, Resolution,
        stripe::{Stripe, StripeConfig},
    },
    id::PaymentId,
    money::{Currency, Money},
};
use serde_json::json;
use tests::{Deployment, Service, Settings};

/// An adapter, and the gateway that it is pointed at.
struct Bench {
    deployment: Deployment,
    gateway: Box<dyn Gateway>,
}

async fn bench() -> Bench {
    let settings = Settings { services: vec![Service::Sandbox], ..Settings::default() };
    let deployment = Deployment::start_with(settings).await;
    let gateway = Box::new(stripe(deployment.sandbox_url(), "sk_test_contract"));
    Bench { deployment, gateway }
}

fn stripe(url: &str, secret_key: &str) -> Stripe {
    Stripe::new(StripeConfig {
        base_url: url.parse().unwrap(),
        secret_key: secret_key.to_owned().into(),
        version: "2023-08-16".into(),
        timeout: Duration::from_millis(700),
    })
    .unwrap()
}

fn money(amount: &str, currency: &str) -> Money {
    Money::parse_positive(amount, Currency::from_code(currency).unwrap()).unwrap()
}

fn request(token: &str) -> ChargeRequest {
    let reference = PaymentId::new().to_string();
    ChargeRequest {
        key: reference.clone(),
        reference,
        money: money("49.90", "EUR"),
        method: MethodType::Card,
        token: Some(token.into()),
        capture: Capture::Automatic,
        description: Some("a thing".into()),
        return_url: None,
        approved: None,
        traceparent: None,
    }
}

fn question(request: &ChargeRequest, gateway_ref: Option<String>) -> LookUp {
    let now = i64::try_from(uuid::Uuid::now_v7().get_timestamp().unwrap().to_unix().0).unwrap();
    let at = |seconds| common::clock::Timestamp::from_timestamp(seconds, 0).unwrap();
    let made_between = (at(now - 60), at(now));
    LookUp { reference: request.reference.clone(), gateway_ref, made_between, traceparent: None }
}

impl Bench {
    async fn charge(&self, request: &ChargeRequest) -> Answer {
        self.gateway.charge(request).await
    }

    async fn found(&self, request: &ChargeRequest) -> Report {
        self.gateway.look_up(&question(request, None)).await.report
    }

    async fn charges(&self, request: &ChargeRequest) -> usize {
        self.deployment.charges(&request.reference).await.len()
    }
}

#[tokio::test]
async fn a_success_says_what_was_taken() {
    let bench = bench().await;
    for (amount, currency) in [("49.90", "EUR"), ("500", "JPY"), ("1.230", "KWD"), ("250", "ISK")] {
        let request = ChargeRequest { money: money(amount, currency), ..request("pm_card_visa") };
        let answer = bench.charge(&request).await;
        let Report::Succeeded(charge) = &answer.report else { panic!("{answer:?}") };
        assert_eq!(charge.money, Some(request.money), "{currency}");
        assert_eq!(charge.card.as_ref().and_then(|card| card.last4.as_deref()), Some("4242"));
        assert!(charge.charge_ref.is_some() && answer.call.request_id.is_some());
        assert_eq!(bench.found(&request).await, answer.report, "{currency}");
        let by_id = question(&request, Some(charge.gateway_ref.clone()));
        assert_eq!(bench.gateway.look_up(&by_id).await.report, answer.report);
        assert_eq!(bench.charge(&request).await.report, answer.report, "a replay says the same");
        assert_eq!(bench.charges(&request).await, 1);
    }
}

#[tokio::test]
async fn a_reservation_says_what_was_reserved() {
    let bench = bench().await;
    let request = ChargeRequest { capture: Capture::Manual, ..request("pm_card_visa") };
    let answer = bench.charge(&request).await;
    let Report::Authorized(charge) = &answer.report else { panic!("{answer:?}") };
    assert_eq!(charge.money, Some(request.money));
    assert_eq!(bench.found(&request).await, answer.report);
}

#[tokio::test]
async fn a_decline_is_definite_and_classed() {
    let bench = bench().await;
    for (token, class) in [
        ("pm_card_visa_chargeDeclined", DeclineClass::Soft),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", DeclineClass::Soft),
        ("pm_card_visa_chargeDeclinedLostCard", DeclineClass::Hard),
        ("pm_card_chargeDeclinedExpiredCard", DeclineClass::Hard),
        ("pm_card_chargeDeclinedIncorrectCvc", DeclineClass::Customer),
        ("pm_card_chargeDeclinedProcessingError", DeclineClass::Soft),
    ] {
        let request = request(token);
        let answer = bench.charge(&request).await;
        let Report::Declined(decline) = &answer.report else { panic!("{token}: {answer:?}") };
        assert_eq!(decline.class, class, "{token}");
        assert!(decline.gateway_ref.is_some(), "{token}");
        assert_eq!(bench.charge(&request).await.report, answer.report, "{token}: a replay says the same");
        let Report::Declined(found) = bench.found(&request).await else { panic!("{token}") };
        assert_eq!((found.class, found.code), (decline.class, decline.code.clone()), "{token}");
        assert_eq!(bench.charges(&request).await, 0);
    }
}

#[tokio::test]
async fn an_authentication_has_a_page() {
    let bench = bench().await;
    for return_url in [None, Some("https://shop.example/back".to_owned())] {
        let request = ChargeRequest { return_url, ..request("pm_card_authenticationRequired") };
        let answer = bench.charge(&request).await;
        let Report::RequiresAction { url: Some(url), .. } = &answer.report else { panic!("{answer:?}") };
        assert!(url.starts_with("http"));
        assert_eq!(bench.found(&request).await, answer.report);
    }
}

#[tokio::test]
async fn a_bank_debit_takes_its_time() {
    let bench = bench().await;
    let request = ChargeRequest {
        method: MethodType::BankDebit,
        money: money("10.00", "USD"),
        ..request("pm_usBankAccount_success")
    };
    bench.deployment.sandbox("POST", "/control/settle_after", &json!({ "milliseconds": 3_600_000 })).await;
    let answer = bench.charge(&request).await;
    assert!(matches!(answer.report, Report::Processing { .. }), "{answer:?}");
    bench.deployment.sandbox("POST", "/control/settle", &json!({ "reference": request.reference })).await;
    assert!(matches!(bench.found(&request).await, Report::Succeeded(_)));
}

#[tokio::test]
async fn silence_is_unknown_and_a_replay_tells() {
    let bench = bench().await;
    for token in
        ["timeout_before", "timeout_after", "drop_before", "drop_after", "slow_after_1500", "503_once"]
    {
        let request = request(&format!("pm_sandbox_{token}"));
        let first = bench.charge(&request).await.report;
        assert!(
            matches!(first, Report::Unknown { resolution: Resolution::Replay, .. }),
            "{token}: {first:?}"
        );
        let mut last = bench.charge(&request).await.report;
        while matches!(last, Report::Unknown { resolution: Resolution::Replay, .. }) {
            tokio::time::sleep(Duration::from_millis(100)).await;
            last = bench.charge(&request).await.report;
        }
        assert!(matches!(last, Report::Succeeded(_)), "{token}: {last:?}");
        assert_eq!(bench.charges(&request).await, 1, "{token}");
    }
}

#[tokio::test]
async fn a_500_is_kept_under_the_key_and_only_a_look_up_tells() {
    let bench = bench().await;
    for (token, charged) in [("pm_sandbox_500_after", true), ("pm_sandbox_500_before", false)] {
        let request = request(token);
        for _ in 0..2 {
            let report = bench.charge(&request).await.report;
            assert!(matches!(report, Report::Unknown { resolution: Resolution::LookUp, .. }), "{report:?}");
        }
        let found = bench.found(&request).await;
        assert_eq!(matches!(found, Report::Succeeded(_)), charged, "{token}: {found:?}");
        assert_eq!(found == Report::NotFound, !charged, "{token}: {found:?}");
        assert_eq!(bench.charges(&request).await, usize::from(charged));
    }
}

#[tokio::test]
async fn what_did_not_run_is_told_apart_from_what_may_have() {
    let bench = bench().await;
    let limited = request("pm_sandbox_429_once");
    let report = bench.charge(&limited).await.report;
    assert!(matches!(report, Report::NotSent { .. }), "{report:?}");
    assert!(matches!(bench.charge(&limited).await.report, Report::Succeeded(_)));

    let conflict = bench.charge(&request("pm_sandbox_409_once")).await.report;
    assert!(matches!(conflict, Report::Unknown { resolution: Resolution::Replay, .. }), "{conflict:?}");

    let nobody = stripe("http://127.0.0.1:9", "sk_test_contract");
    let report = nobody.charge(&request("pm_card_visa")).await.report;
    assert!(matches!(report, Report::NotSent { .. }), "{report:?}");
    let report = nobody.look_up(&question(&request("x"), None)).await.report;
    assert!(matches!(report, Report::Unknown { .. }), "a look-up that fails says nothing: {report:?}");
}

#[tokio::test]
async fn a_refused_request_is_ours_to_mend() {
    let bench = bench().await;
    let report = bench.charge(&request("pm_nobody_knows")).await.report;
    assert!(matches!(report, Report::Refused { alarm: false, .. }), "{report:?}");
    let stranger = stripe(bench.deployment.sandbox_url(), "nonsense");
    let report = stranger.charge(&request("pm_card_visa")).await.report;
    assert!(matches!(report, Report::Refused { alarm: true, .. }), "{report:?}");
}

/// The same key with another body is a defect of ours, and must not pass for a failed payment.
#[tokio::test]
async fn a_key_sent_with_another_body_is_looked_up() {
    let bench = bench().await;
    let first = request("pm_card_visa");
    bench.charge(&first).await;
    let changed = ChargeRequest { money: money("50.00", "EUR"), ..first };
    let report = bench.charge(&changed).await.report;
    assert!(matches!(report, Report::Unknown { resolution: Resolution::LookUp, .. }), "{report:?}");
    assert_eq!(bench.charges(&changed).await, 1);
}

#[tokio::test]
async fn a_look_up_finds_one_among_many() {
    let bench = bench().await;
    let wanted = request("pm_card_visa");
    bench.charge(&wanted).await;
    for _ in 0..130 {
        bench.charge(&request("pm_card_visa")).await;
    }
    assert!(matches!(bench.found(&wanted).await, Report::Succeeded(_)), "two pages deep");
    assert_eq!(bench.found(&request("pm_card_visa")).await, Report::NotFound);
}
