//! Orders that a payer approves on PayPal's page, and that are completed afterwards, once.

use common::gateway::{Capture, ChargeRequest, Fault, GatewayKey, GatewayRef};
use serde_json::json;

use super::{bench, found, taken};
use crate::contract::{
    bench::{Bench, Ready},
    vocabulary::Report,
};

pub fn by_the_payer(bench: &Bench) -> ChargeRequest {
    let return_url = Some("https://shop.example/back".into());
    ChargeRequest { token: None, return_url, ..bench.charge_request("") }
}

/// The second half of a charge, as it is asked for after the payer's approval.
pub fn second_half(request: &ChargeRequest, order: &str) -> ChargeRequest {
    let key = GatewayKey(format!("{}-capture", request.key));
    ChargeRequest { key, approved: Some(order.into()), ..request.clone() }
}

pub async fn order_to_approve(bench: &Bench, request: &ChargeRequest) -> GatewayRef {
    match bench.gateway.charge(request).await.report {
        Report::RequiresAction { gateway_ref, url: Some(url) } => {
            assert!(url.starts_with("http") && url.contains(&*gateway_ref), "{url}");
            gateway_ref
        }
        other => panic!("{other:?}"),
    }
}

/// The payer approves, and pays with this.
pub async fn approve(bench: &Bench, order: &str, instrument: &str) {
    let url = format!("{}/checkoutnow/{order}/approve", bench.deployment.sandbox_url());
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    let answer = client.post(url).json(&json!({ "instrument": instrument })).send().await.unwrap();
    assert_eq!(answer.status(), 303, "the payer is sent home");
}

#[tokio::test]
async fn an_order_is_approved_and_completed_once() {
    let bench = bench().await;
    for capture in [Capture::Automatic, Capture::Manual] {
        let request = ChargeRequest { capture, ..by_the_payer(&bench) };
        let order = order_to_approve(&bench, &request).await;
        assert_eq!(order_to_approve(&bench, &request).await, order, "a replay is the same order");
        let waiting = found(&bench, &request, &order).await;
        assert!(matches!(waiting, Report::RequiresAction { url: Some(_), .. }), "{waiting:?}");
        let completion = second_half(&request, &order);
        let too_early = bench.gateway.charge(&completion).await.report;
        assert!(matches!(too_early, Report::RequiresAction { url: Some(_), .. }), "{too_early:?}");

        approve(&bench, &order, "vault_ok").await;
        assert_eq!(found(&bench, &request, &order).await, Report::Approved { gateway_ref: order.clone() });
        let done = bench.gateway.charge(&completion).await.report;
        assert!(matches!(&done, Report::Succeeded(_) | Report::Authorized(_)), "{done:?}");
        let other_key =
            ChargeRequest { key: format!("{}-again", completion.key).into(), ..completion.clone() };
        for again in [&completion, &other_key, &request] {
            assert_eq!(
                bench.gateway.charge(again).await.report,
                done,
                "{}: what was done is told",
                again.key
            );
        }
        assert_eq!(found(&bench, &request, &order).await, done);
        assert_eq!(bench.times_done(&Ready::Charge(request)).await, 1);
    }
}

#[tokio::test]
async fn an_approval_that_is_there_is_used_in_the_same_call() {
    let bench = bench().await;
    let (request, report) = bench.paid("vault_approved_only").await;
    assert!(matches!(report, Report::Succeeded(_)), "{report:?}");
    assert_eq!(taken(&bench, &request).await, [4990]);

    let request = by_the_payer(&bench);
    let order = order_to_approve(&bench, &request).await;
    approve(&bench, &order, "vault_ok").await;
    let report = bench.gateway.charge(&request).await.report;
    assert!(matches!(report, Report::Succeeded(_)), "a replay finds it approved: {report:?}");
    assert_eq!(taken(&bench, &request).await, [4990]);
}

#[tokio::test]
async fn whoever_is_declined_may_pay_otherwise() {
    let bench = bench().await;
    let request = by_the_payer(&bench);
    let order = order_to_approve(&bench, &request).await;
    approve(&bench, &order, "declined").await;
    let completion = second_half(&request, &order);
    let again = bench.gateway.charge(&completion).await.report;
    assert!(matches!(again, Report::RequiresAction { url: Some(_), .. }), "{again:?}");
    approve(&bench, &order, "vault_ok").await;
    assert!(matches!(bench.gateway.charge(&completion).await.report, Report::Succeeded(_)));
    assert_eq!(taken(&bench, &request).await, [4990]);

    let request = by_the_payer(&bench);
    let order = order_to_approve(&bench, &request).await;
    approve(&bench, &order, "vault_capture_issue_PAYER_CANNOT_PAY").await;
    let report = bench.gateway.charge(&second_half(&request, &order)).await.report;
    assert!(matches!(&report, Report::Declined(no) if no.gateway_ref.as_ref() == Some(&order)), "{report:?}");
}

#[tokio::test]
async fn a_saved_payer_may_be_asked_to_come_back() {
    let bench = bench().await;
    for return_url in [None, Some("https://shop.example/back".to_owned())] {
        let is_sent_home = return_url.is_some();
        let request = ChargeRequest { return_url, ..bench.charge_request("vault_payer_action") };
        let order = order_to_approve(&bench, &request).await;
        if is_sent_home {
            approve(&bench, &order, "vault_ok").await;
            assert!(matches!(bench.gateway.charge(&request).await.report, Report::Succeeded(_)));
        }
    }
}

#[tokio::test]
async fn what_nobody_approves_is_called_off_without_a_call_and_gone_in_time() {
    let bench = bench().await;
    let request = by_the_payer(&bench);
    let waiting = bench.charged(request.clone()).await;
    let answer = bench.gateway.cancel(&bench.cancel_request(&waiting)).await;
    assert!(matches!(answer.report, Report::Canceled { .. }), "{answer:?}");
    assert!(!answer.call.was_made());

    let order = order_to_approve(&bench, &request).await;
    bench.control("clock", json!({ "advance_seconds": 7 * 3600 })).await;
    assert_eq!(found(&bench, &request, &order).await, Report::NotFound);
    let report = bench.gateway.charge(&second_half(&request, &order)).await.report;
    assert!(matches!(report, Report::Refused { fault: Fault::Request, .. }), "{report:?}");
}
