//! What PayPal's adapter must do beyond the contract of all: approvals, completions, what was done
//! already, request ids that are forgotten, and one token between all calls.

use std::time::Duration;

use common::{
    gateway::{
        CancelRequest, Capture, CaptureRequest, Charge, ChargeRequest, DeclineClass, Gateway, LookUp,
        MethodType, RefundLookUp, RefundRequest, Report, Resolution,
        paypal::{Paypal, PaypalConfig},
    },
    id::PaymentId,
    money::{Currency, Money},
};
use serde_json::{Value, json};
use tests::{Deployment, Service, Settings};

/// The adapter, and the sandbox that it is pointed at.
struct Bench {
    deployment: Deployment,
    paypal: Paypal,
}

async fn bench() -> Bench {
    let settings = Settings { services: vec![Service::Sandbox], ..Settings::default() };
    let deployment = Deployment::start_with(settings).await;
    let paypal = paypal(deployment.sandbox_url(), "test_secret");
    Bench { deployment, paypal }
}

fn paypal(url: &str, secret: &str) -> Paypal {
    Paypal::new(PaypalConfig {
        base_url: url.parse().unwrap(),
        client_id: "test_client".into(),
        client_secret: secret.to_owned().into(),
        webhook_id: Some("WH-TEST".into()),
        timeout: Duration::from_millis(1500),
    })
    .unwrap()
}

fn money(amount: &str, currency: &str) -> Money {
    Money::parse_positive(amount, Currency::from_code(currency).unwrap()).unwrap()
}

fn saved(token: &str) -> ChargeRequest {
    let reference = PaymentId::new().to_string();
    ChargeRequest {
        key: format!("{reference}-create"),
        reference,
        money: money("49.90", "EUR"),
        method: MethodType::Paypal,
        token: Some(token.into()),
        capture: Capture::Automatic,
        description: Some("a thing".into()),
        return_url: None,
        approved: None,
        traceparent: None,
    }
}

fn reserved(token: &str) -> ChargeRequest {
    ChargeRequest { capture: Capture::Manual, ..saved(token) }
}

fn by_the_payer() -> ChargeRequest {
    ChargeRequest { token: None, return_url: Some("https://shop.example/back".into()), ..saved("") }
}

/// The second half of a charge, as a worker asks for it after the payer's approval.
fn second_half(request: &ChargeRequest, order: &str) -> ChargeRequest {
    let key = format!("{}-capture", request.key);
    ChargeRequest { key, approved: Some(order.into()), ..request.clone() }
}

fn take(request: &ChargeRequest, charge: &Charge, amount: &str) -> CaptureRequest {
    CaptureRequest {
        reference: request.reference.clone(),
        key: format!("{}-take", request.reference),
        gateway_ref: charge.gateway_ref.clone(),
        charge_ref: charge.charge_ref.clone(),
        money: money(amount, request.money.currency.code()),
        traceparent: None,
    }
}

fn call_off(request: &ChargeRequest, charge: &Charge, key: &str) -> CancelRequest {
    CancelRequest {
        reference: request.reference.clone(),
        key: format!("{}-{key}", request.reference),
        gateway_ref: charge.gateway_ref.clone(),
        charge_ref: charge.charge_ref.clone(),
        traceparent: None,
    }
}

fn give_back(request: &ChargeRequest, charge: &Charge, amount: &str) -> RefundRequest {
    let reference = format!("re_{}", PaymentId::new());
    RefundRequest {
        key: reference.clone(),
        reference,
        payment_reference: request.reference.clone(),
        payment_ref: charge.gateway_ref.clone(),
        charge_ref: charge.charge_ref.clone(),
        money: money(amount, request.money.currency.code()),
        reason: None,
        traceparent: None,
    }
}

fn refund_question(request: &RefundRequest, gateway_ref: Option<&str>) -> RefundLookUp {
    RefundLookUp {
        reference: request.reference.clone(),
        gateway_ref: gateway_ref.map(Into::into),
        payment_ref: request.payment_ref.clone(),
        charge_ref: request.charge_ref.clone(),
        traceparent: None,
    }
}

fn refund_ref(report: &Report) -> &str {
    match report {
        Report::Succeeded(Charge { gateway_ref, .. }) | Report::Processing { gateway_ref } => gateway_ref,
        other => panic!("{other:?}"),
    }
}

impl Bench {
    async fn charge(&self, request: &ChargeRequest) -> Report {
        let answer = self.paypal.charge(request).await;
        assert!(answer.call.request_id.is_some() || answer.call.http_status.is_none(), "{answer:?}");
        answer.report
    }

    async fn charged(&self, request: &ChargeRequest) -> Charge {
        match self.charge(request).await {
            Report::Succeeded(charge) | Report::Authorized(charge) => charge,
            other => panic!("{other:?}"),
        }
    }

    /// Asks by the gateway's name for it.
    async fn found(&self, request: &ChargeRequest, order: &str) -> Report {
        self.look_up(request, Some(order.into())).await
    }

    async fn look_up(&self, request: &ChargeRequest, gateway_ref: Option<String>) -> Report {
        let clock = self.deployment.sandbox("GET", "/control/clock", &Value::Null).await;
        let at = |seconds| common::clock::Timestamp::from_timestamp(seconds, 0).unwrap();
        let now = clock["now"].as_i64().unwrap();
        let question = LookUp {
            reference: request.reference.clone(),
            gateway_ref,
            made_between: (at(now - 60), at(now)),
            traceparent: None,
        };
        self.paypal.look_up(&question).await.report
    }

    /// What the sandbox took for a payment, in minor units.
    async fn books(&self, request: &ChargeRequest) -> Vec<i64> {
        let charges = self.deployment.charges(&request.reference).await;
        charges.iter().map(|charge| charge["captured"].as_i64().unwrap()).collect()
    }

    /// The payer approves, and pays with this.
    async fn approve(&self, order: &str, instrument: &str) {
        let path = format!("/checkoutnow/{order}/approve");
        let url = format!("{}{path}", self.deployment.sandbox_url());
        let client = common::gateway::http_client(tests::PATIENCE).unwrap();
        let answer = client.post(url).json(&json!({ "instrument": instrument })).send().await.unwrap();
        assert_eq!(answer.status(), 303, "the payer is sent home");
    }

    async fn order_to_approve(&self, request: &ChargeRequest) -> String {
        match self.charge(request).await {
            Report::RequiresAction { gateway_ref, url: Some(url) } => {
                assert!(url.contains(&gateway_ref), "{url}");
                gateway_ref
            }
            other => panic!("{other:?}"),
        }
    }

    async fn settle(&self, reference: &str) {
        self.deployment.sandbox("POST", "/control/settle", &json!({ "reference": reference })).await;
    }

    async fn tokens_issued(&self) -> u64 {
        let report = self.deployment.sandbox("GET", "/control/paypal", &Value::Null).await;
        report["tokens_issued"].as_u64().unwrap()
    }
}

#[tokio::test]
async fn a_saved_payer_pays_at_once() {
    let bench = bench().await;
    for (amount, currency, minor) in [("49.90", "EUR", 4990), ("5000", "HUF", 5000), ("500", "JPY", 500)] {
        let request = ChargeRequest { money: money(amount, currency), ..saved("vault_ok") };
        let report = bench.charge(&request).await;
        let Report::Succeeded(charge) = &report else { panic!("{report:?}") };
        assert_eq!(charge.money, Some(request.money), "{currency}");
        assert_eq!(charge.fee.unwrap().currency, request.money.currency);
        assert!(charge.charge_ref.is_some() && charge.card.is_none());
        assert_eq!(bench.found(&request, &charge.gateway_ref).await, report, "{currency}");
        assert_eq!(bench.charge(&request).await, report, "a replay says the same");
        assert_eq!(bench.books(&request).await, [minor]);
    }
}

#[tokio::test]
async fn a_payer_approves_and_the_order_is_completed_once() {
    let bench = bench().await;
    for capture in [Capture::Automatic, Capture::Manual] {
        let request = ChargeRequest { capture, ..by_the_payer() };
        let order = bench.order_to_approve(&request).await;
        assert_eq!(bench.order_to_approve(&request).await, order, "a replay is the same order");
        let not_yet = bench.charge(&second_half(&request, &order)).await;
        assert!(matches!(not_yet, Report::RequiresAction { url: Some(_), .. }), "{not_yet:?}");

        bench.approve(&order, "vault_ok").await;
        assert_eq!(bench.found(&request, &order).await, Report::Approved { gateway_ref: order.clone() });
        let first = bench.charge(&second_half(&request, &order)).await;
        assert!(matches!(&first, Report::Succeeded(_) | Report::Authorized(_)), "{first:?}");
        assert_eq!(bench.charge(&second_half(&request, &order)).await, first);
        assert_eq!(bench.charge(&request).await, first, "the first half replayed tells what came of it");
        let mut other_key = second_half(&request, &order);
        other_key.key += "-again";
        assert_eq!(bench.charge(&other_key).await, first, "done already, and adopted");
        assert_eq!(bench.found(&request, &order).await, first);
        assert_eq!(bench.books(&request).await.len(), 1);
    }
}

#[tokio::test]
async fn an_approval_that_is_there_is_used_in_the_same_call() {
    let bench = bench().await;
    let request = saved("vault_approved_only");
    assert!(matches!(bench.charge(&request).await, Report::Succeeded(_)));

    let request = by_the_payer();
    let order = bench.order_to_approve(&request).await;
    bench.approve(&order, "vault_ok").await;
    assert!(matches!(bench.charge(&request).await, Report::Succeeded(_)), "a replay finds it approved");
    assert_eq!(bench.books(&request).await, [4990]);
}

#[tokio::test]
async fn a_payer_whose_card_is_declined_may_choose_another() {
    let bench = bench().await;
    let request = by_the_payer();
    let order = bench.order_to_approve(&request).await;
    bench.approve(&order, "declined").await;
    let again = bench.charge(&second_half(&request, &order)).await;
    assert!(matches!(again, Report::RequiresAction { url: Some(_), .. }), "{again:?}");
    bench.approve(&order, "vault_ok").await;
    assert!(matches!(bench.charge(&second_half(&request, &order)).await, Report::Succeeded(_)));
    assert_eq!(bench.books(&request).await, [4990]);
}

#[tokio::test]
async fn a_saved_payer_may_be_asked_to_come_back() {
    let bench = bench().await;
    let request =
        ChargeRequest { return_url: Some("https://shop.example".into()), ..saved("vault_payer_action") };
    let order = bench.order_to_approve(&request).await;
    bench.approve(&order, "vault_ok").await;
    assert!(matches!(bench.charge(&request).await, Report::Succeeded(_)));
}

#[tokio::test]
async fn the_object_says_what_became_of_the_money_and_not_the_status_of_http() {
    let bench = bench().await;
    for (token, class) in [
        ("vault_declined", DeclineClass::Customer),
        ("vault_failed", DeclineClass::Soft),
        ("vault_issue_INSTRUMENT_DECLINED", DeclineClass::Customer),
        ("vault_issue_TRANSACTION_REFUSED", DeclineClass::Hard),
        ("vault_issue_PAYER_ACCOUNT_RESTRICTED", DeclineClass::Hard),
        ("vault_issue_COMPLIANCE_VIOLATION", DeclineClass::Hard),
        ("vault_capture_issue_PAYER_CANNOT_PAY", DeclineClass::Hard),
    ] {
        let mut request = saved(token);
        if token.starts_with("vault_capture_issue") {
            request = by_the_payer();
            let order = bench.order_to_approve(&request).await;
            bench.approve(&order, token).await;
        }
        let report = bench.charge(&request).await;
        let Report::Declined(decline) = &report else { panic!("{token}: {report:?}") };
        assert_eq!(decline.class, class, "{token}");
        assert_eq!(bench.charge(&request).await.word(), "declined", "{token}: a replay says the same");
        assert_eq!(bench.books(&request).await, [] as [i64; 0], "{token}");
    }
    for (token, alarmed) in [
        ("vault_issue_PAYEE_ACCOUNT_RESTRICTED", true),
        ("vault_issue_PERMISSION_DENIED", true),
        ("vault_issue_NOT_ENABLED_FOR_CARD_PROCESSING", true),
        ("vault_issue_MAX_VALUE_EXCEEDED", false),
        ("vault_nobody_knows", false),
    ] {
        let report = bench.charge(&saved(token)).await;
        assert!(matches!(report, Report::Refused { alarm, .. } if alarm == alarmed), "{token}: {report:?}");
    }
    let report = bench.charge(&reserved("vault_declined")).await;
    assert!(matches!(report, Report::Declined(_)), "{report:?}");
}

#[tokio::test]
async fn a_replay_tells_the_latest_status() {
    let bench = bench().await;
    bench.deployment.sandbox("POST", "/control/settle_after", &json!({ "milliseconds": 3_600_000 })).await;
    for (token, end) in [("vault_pending", "succeeded"), ("vault_pending_denied", "declined")] {
        let request = saved(token);
        let report = bench.charge(&request).await;
        let Report::Processing { gateway_ref } = &report else { panic!("{token}: {report:?}") };
        assert_eq!(bench.found(&request, gateway_ref).await, report);
        bench.settle(&request.reference).await;
        assert_eq!(bench.charge(&request).await.word(), end, "{token}");
        assert_eq!(bench.found(&request, gateway_ref).await.word(), end, "{token}");
    }
}

#[tokio::test]
async fn a_reservation_is_captured_once_and_for_less_if_wanted() {
    let bench = bench().await;
    let request = reserved("vault_ok");
    let charge = bench.charged(&request).await;
    assert_eq!(charge.money, Some(request.money));
    let capture = take(&request, &charge, "20.00");
    let report = bench.paypal.capture(&capture).await.report;
    let Report::Succeeded(taken) = &report else { panic!("{report:?}") };
    assert_eq!((taken.money, &taken.gateway_ref), (Some(capture.money), &charge.gateway_ref));
    assert_ne!(taken.charge_ref, charge.charge_ref, "it can be refunded by its own name");
    assert_eq!(bench.paypal.capture(&capture).await.report, report, "a replay says the same");
    let other_key = CaptureRequest { key: format!("{}-again", capture.key), ..capture };
    assert_eq!(bench.paypal.capture(&other_key).await.report, report, "done already, and adopted");
    assert_eq!(bench.found(&request, &charge.gateway_ref).await, report);
    let too_late = bench.paypal.cancel(&call_off(&request, &charge, "cancel")).await.report;
    assert_eq!(too_late, report, "what was taken cannot be called off");
    assert_eq!(bench.books(&request).await, [2000]);
}

#[tokio::test]
async fn a_reservation_that_is_called_off_takes_nothing() {
    let bench = bench().await;
    let request = reserved("vault_ok");
    let charge = bench.charged(&request).await;
    let canceled = Report::Canceled { gateway_ref: charge.gateway_ref.clone() };
    for key in ["cancel", "cancel", "cancel-again"] {
        assert_eq!(bench.paypal.cancel(&call_off(&request, &charge, key)).await.report, canceled, "{key}");
    }
    assert_eq!(bench.found(&request, &charge.gateway_ref).await, canceled);
    assert_eq!(bench.paypal.capture(&take(&request, &charge, "49.90")).await.report, canceled);
    assert_eq!(bench.books(&request).await, [0]);

    let expired = reserved("vault_ok");
    let charge = bench.charged(&expired).await;
    let month = json!({ "advance_seconds": 30 * 24 * 3600 });
    bench.deployment.sandbox("POST", "/control/clock", &month).await;
    let report = bench.paypal.capture(&take(&expired, &charge, "49.90")).await.report;
    assert_eq!(report, Report::Canceled { gateway_ref: charge.gateway_ref });
}

#[tokio::test]
async fn what_nobody_approved_is_called_off_without_a_call() {
    let bench = bench().await;
    let request = by_the_payer();
    let order = bench.order_to_approve(&request).await;
    let charge = Charge { gateway_ref: order, charge_ref: None, card: None, money: None, fee: None };
    let answer = bench.paypal.cancel(&call_off(&request, &charge, "cancel")).await;
    assert_eq!(answer.report, Report::Canceled { gateway_ref: charge.gateway_ref });
    assert_eq!(answer.call.http_status, None);
}

#[tokio::test]
async fn money_is_given_back_once_and_found_by_either_name() {
    let bench = bench().await;
    let request = saved("vault_ok");
    let charge = bench.charged(&request).await;
    let first = give_back(&request, &charge, "20.00");
    assert_eq!(bench.paypal.look_up_refund(&refund_question(&first, None)).await.report, Report::NotFound);
    let report = bench.paypal.refund(&first).await.report;
    let Report::Succeeded(given) = &report else { panic!("{report:?}") };
    assert_eq!(given.money, Some(first.money));
    assert_eq!(bench.paypal.refund(&first).await.report, report, "a replay says the same");
    for gateway_ref in [None, Some(refund_ref(&report))] {
        let question = refund_question(&first, gateway_ref);
        assert_eq!(bench.paypal.look_up_refund(&question).await.report, report);
    }
    let other_key = RefundRequest { key: format!("{}-again", first.key), ..first.clone() };
    assert_eq!(bench.paypal.refund(&other_key).await.report, report, "its invoice is known");
    assert!(matches!(bench.found(&request, &charge.gateway_ref).await, Report::Succeeded(_)));

    let too_much = give_back(&request, &charge, "29.91");
    assert!(matches!(bench.paypal.refund(&too_much).await.report, Report::Refused { alarm: false, .. }));
    // Whoever does not know the capture finds it in the order.
    let rest = RefundRequest { charge_ref: None, ..give_back(&request, &charge, "29.90") };
    let report = bench.paypal.refund(&rest).await.report;
    assert!(matches!(report, Report::Succeeded(_)), "{report:?}");
    let other_key = RefundRequest { key: format!("{}-again", rest.key), ..rest.clone() };
    assert_eq!(bench.paypal.refund(&other_key).await.report, report, "all is given back, ours among it");
    let nothing_left = bench.paypal.refund(&give_back(&request, &charge, "1.00")).await.report;
    assert!(matches!(nothing_left, Report::Refused { alarm: false, .. }), "{nothing_left:?}");
    assert!(matches!(bench.found(&request, &charge.gateway_ref).await, Report::Succeeded(_)));
}

#[tokio::test]
async fn a_refund_may_take_its_time_or_fail() {
    let bench = bench().await;
    bench.deployment.sandbox("POST", "/control/settle_after", &json!({ "milliseconds": 3_600_000 })).await;
    for (token, end) in [("vault_refund_pending", "succeeded"), ("vault_refund_failed", "declined")] {
        let request = saved(token);
        let charge = bench.charged(&request).await;
        let refund = give_back(&request, &charge, "49.90");
        let report = bench.paypal.refund(&refund).await.report;
        assert_eq!(report.word(), "processing", "{token}");
        bench.settle(&request.reference).await;
        assert_eq!(bench.paypal.refund(&refund).await.report.word(), end, "{token}");
        let question = refund_question(&refund, Some(refund_ref(&report)));
        assert_eq!(bench.paypal.look_up_refund(&question).await.report.word(), end, "{token}");
    }
    for (issue, word, alarmed) in [
        ("REFUND_FAILED_INSUFFICIENT_FUNDS", "refused", true),
        ("REFUND_TIME_LIMIT_EXCEEDED", "refused", true),
        ("REFUND_NOT_ALLOWED", "refused", false),
        ("TRANSACTION_REFUSED", "declined", false),
    ] {
        let request = saved(&format!("vault_refund_issue_{issue}"));
        let charge = bench.charged(&request).await;
        let report = bench.paypal.refund(&give_back(&request, &charge, "49.90")).await.report;
        assert_eq!(report.word(), word, "{issue}: {report:?}");
        assert_eq!(matches!(report, Report::Refused { alarm: true, .. }), alarmed, "{issue}");
    }
}

/// Silence, and what PayPal says when it cannot say: asked again with the same id, it tells.
#[tokio::test]
async fn silence_is_unknown_and_a_replay_tells() {
    let bench = bench().await;
    for fault in ["timeout_before", "timeout_after", "drop_before", "drop_after", "500_before", "500_after"]
        .into_iter()
        .chain(["503_once", "409_once", "slow_after_2000"])
    {
        let request = saved(&format!("vault_sandbox_{fault}"));
        let report = bench.charge(&request).await;
        assert!(
            matches!(report, Report::Unknown { resolution: Resolution::Replay, .. }),
            "{fault}: {report:?}"
        );
        let report = tests::eventually("an answer", || async {
            let report = bench.charge(&request).await;
            (!matches!(report, Report::Unknown { resolution: Resolution::Replay, .. })).then_some(report)
        })
        .await;
        assert!(matches!(report, Report::Succeeded(_)), "{fault}: {report:?}");
        assert_eq!(bench.books(&request).await, [4990], "{fault}");
    }
    let limited = saved("vault_sandbox_429_once");
    assert!(matches!(bench.charge(&limited).await, Report::NotSent { .. }));
    assert!(matches!(bench.charge(&limited).await, Report::Succeeded(_)));
}

#[tokio::test]
async fn silence_about_what_follows_a_charge_is_unknown_too() {
    let bench = bench().await;
    for fault in ["drop_before", "drop_after", "500_after", "503_once", "409_once"] {
        let unknown =
            |report: &Report| matches!(report, Report::Unknown { resolution: Resolution::Replay, .. });
        let request = reserved(&format!("vault_sandbox_capture_{fault}"));
        let charge = bench.charged(&request).await;
        let capture = take(&request, &charge, "49.90");
        let report = bench.paypal.capture(&capture).await.report;
        assert!(unknown(&report), "capture {fault}: {report:?}");
        assert!(matches!(bench.paypal.capture(&capture).await.report, Report::Succeeded(_)), "{fault}");
        assert_eq!(bench.books(&request).await, [4990], "{fault}");

        let request = reserved(&format!("vault_sandbox_cancel_{fault}"));
        let charge = bench.charged(&request).await;
        let cancel = call_off(&request, &charge, "cancel");
        let report = bench.paypal.cancel(&cancel).await.report;
        assert!(unknown(&report), "cancel {fault}: {report:?}");
        assert!(matches!(bench.paypal.cancel(&cancel).await.report, Report::Canceled { .. }), "{fault}");

        let request = saved(&format!("vault_sandbox_refund_{fault}"));
        let charge = bench.charged(&request).await;
        let refund = give_back(&request, &charge, "10.00");
        let report = bench.paypal.refund(&refund).await.report;
        assert!(unknown(&report), "refund {fault}: {report:?}");
        let found = bench.paypal.look_up_refund(&refund_question(&refund, None)).await.report;
        let ran = fault.ends_with("after");
        assert_eq!(found.word(), if ran { "succeeded" } else { "not_found" }, "refund {fault}");
        assert!(matches!(bench.paypal.refund(&refund).await.report, Report::Succeeded(_)), "{fault}");
    }
}

/// After six hours PayPal takes the same id for another request: the invoice stands guard.
#[tokio::test]
async fn a_forgotten_id_does_not_pay_twice() {
    let bench = bench().await;
    let request = saved("vault_ok");
    let charge = bench.charged(&request).await;
    bench.deployment.sandbox("POST", "/control/clock", &json!({ "advance_seconds": 7 * 3600 })).await;
    let report = bench.charge(&request).await;
    assert!(matches!(report, Report::Unknown { resolution: Resolution::LookUp, .. }), "{report:?}");
    assert!(matches!(bench.found(&request, &charge.gateway_ref).await, Report::Succeeded(_)));
    assert_eq!(bench.books(&request).await, [4990]);
}

/// The same id with another body is a defect of ours, and must not pass for a failed payment.
#[tokio::test]
async fn an_id_sent_with_another_body_is_looked_up() {
    let bench = bench().await;
    let request = saved("vault_ok");
    bench.charged(&request).await;
    let changed = ChargeRequest { money: money("50.00", "EUR"), ..request };
    let report = bench.charge(&changed).await;
    assert!(matches!(report, Report::Unknown { resolution: Resolution::LookUp, .. }), "{report:?}");
    assert_eq!(bench.books(&changed).await, [4990]);
}

#[tokio::test]
async fn an_order_that_nobody_approved_in_time_is_gone() {
    let bench = bench().await;
    let request = by_the_payer();
    let order = bench.order_to_approve(&request).await;
    bench.deployment.sandbox("POST", "/control/clock", &json!({ "advance_seconds": 7 * 3600 })).await;
    assert_eq!(bench.found(&request, &order).await, Report::NotFound);
    let report = bench.charge(&second_half(&request, &order)).await;
    assert!(matches!(report, Report::Refused { alarm: false, .. }), "{report:?}");
}

#[tokio::test]
async fn all_calls_share_one_token_and_exchange_it_once() {
    let bench = std::sync::Arc::new(bench().await);
    for issued in 1..=2 {
        let calls: Vec<_> = (0..50)
            .map(|_| {
                let bench = std::sync::Arc::clone(&bench);
                tokio::spawn(async move { bench.charge(&saved("vault_ok")).await })
            })
            .collect();
        for call in calls {
            let report = call.await.unwrap();
            assert!(matches!(report, Report::Succeeded(_)), "{report:?}");
        }
        assert_eq!(bench.tokens_issued().await, issued);
        // Every next call is told that it may not.
        bench.deployment.sandbox("POST", "/control/paypal/expire_tokens", &json!({})).await;
    }
}

#[tokio::test]
async fn without_a_token_nothing_was_sent() {
    let bench = bench().await;
    let stranger = paypal(bench.deployment.sandbox_url(), "nonsense");
    let report = stranger.charge(&saved("vault_ok")).await.report;
    assert!(matches!(report, Report::Refused { alarm: true, .. }), "{report:?}");
    let question = RefundLookUp {
        reference: "re_1".into(),
        gateway_ref: None,
        payment_ref: "5O1".into(),
        charge_ref: None,
        traceparent: None,
    };
    let report = stranger.look_up_refund(&question).await.report;
    assert!(matches!(report, Report::Unknown { .. }), "a look-up that fails says nothing: {report:?}");

    let nobody = paypal("http://127.0.0.1:9", "test_secret");
    let report = nobody.charge(&saved("vault_ok")).await.report;
    assert!(matches!(report, Report::NotSent { .. }), "{report:?}");
    let report = nobody.look_up_refund(&question).await.report;
    assert!(matches!(report, Report::Unknown { .. }), "{report:?}");
}
