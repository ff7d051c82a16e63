//! Orders that a payer approves on PayPal's page, and that are completed afterwards, once.

use common::gateway::{Capture, ChargeRequest, Fault, GatewayKey, GatewayRef};
use serde_json::json;

use super::{fixture, found, taken};
use crate::contract::{
    fixture::{GatewayFixture, Ready},
    vocabulary::Report,
};

pub fn by_the_payer(fixture: &GatewayFixture) -> ChargeRequest {
    let return_url = Some("https://shop.example/back".into());
    ChargeRequest { token: None, return_url, ..fixture.charge_request("") }
}

/// The second half of a charge, as it is asked for after the payer's approval.
pub fn second_half(request: &ChargeRequest, order: &str) -> ChargeRequest {
    let key = GatewayKey(format!("{}-capture", request.key));
    ChargeRequest { key, approved: Some(order.into()), ..request.clone() }
}

pub async fn order_to_approve(fixture: &GatewayFixture, request: &ChargeRequest) -> GatewayRef {
    match fixture.gateway.charge(request).await.report {
        Report::RequiresAction { gateway_ref, url: Some(url) } => {
            assert!(url.starts_with("http") && url.contains(&*gateway_ref), "{url}");
            gateway_ref
        }
        other => panic!("{other:?}"),
    }
}

/// The payer approves, and pays with this.
pub async fn approve(fixture: &GatewayFixture, order: &str, instrument: &str) {
    let url = format!("{}/checkoutnow/{order}/approve", fixture.deployment.sandbox_url());
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    let answer = client.post(url).json(&json!({ "instrument": instrument })).send().await.unwrap();
    assert_eq!(answer.status(), 303, "the payer is sent home");
}

#[tokio::test]
async fn an_order_is_approved_and_completed_once() {
    let fixture = fixture().await;
    for capture in [Capture::Automatic, Capture::Manual] {
        let request = ChargeRequest { capture, ..by_the_payer(&fixture) };
        let order = order_to_approve(&fixture, &request).await;
        assert_eq!(order_to_approve(&fixture, &request).await, order, "a replay is the same order");
        let waiting = found(&fixture, &request, &order).await;
        assert!(matches!(waiting, Report::RequiresAction { url: Some(_), .. }), "{waiting:?}");
        let completion = second_half(&request, &order);
        let too_early = fixture.gateway.charge(&completion).await.report;
        assert!(matches!(too_early, Report::RequiresAction { url: Some(_), .. }), "{too_early:?}");

        approve(&fixture, &order, "vault_ok").await;
        assert_eq!(found(&fixture, &request, &order).await, Report::Approved { gateway_ref: order.clone() });
        let done = fixture.gateway.charge(&completion).await.report;
        assert!(matches!(&done, Report::Succeeded(_) | Report::Authorized(_)), "{done:?}");
        let other_key =
            ChargeRequest { key: format!("{}-again", completion.key).into(), ..completion.clone() };
        for again in [&completion, &other_key, &request] {
            assert_eq!(
                fixture.gateway.charge(again).await.report,
                done,
                "{}: what was done is told",
                again.key
            );
        }
        assert_eq!(found(&fixture, &request, &order).await, done);
        assert_eq!(fixture.times_done(&Ready::Charge(request)).await, 1);
    }
}

#[tokio::test]
async fn an_approval_that_is_there_is_used_in_the_same_call() {
    let fixture = fixture().await;
    let (request, report) = fixture.paid("vault_approved_only").await;
    assert!(matches!(report, Report::Succeeded(_)), "{report:?}");
    assert_eq!(taken(&fixture, &request).await, [4990]);

    let request = by_the_payer(&fixture);
    let order = order_to_approve(&fixture, &request).await;
    approve(&fixture, &order, "vault_ok").await;
    let report = fixture.gateway.charge(&request).await.report;
    assert!(matches!(report, Report::Succeeded(_)), "a replay finds it approved: {report:?}");
    assert_eq!(taken(&fixture, &request).await, [4990]);
}

#[tokio::test]
async fn whoever_is_declined_may_pay_otherwise() {
    let fixture = fixture().await;
    let request = by_the_payer(&fixture);
    let order = order_to_approve(&fixture, &request).await;
    approve(&fixture, &order, "declined").await;
    let completion = second_half(&request, &order);
    let again = fixture.gateway.charge(&completion).await.report;
    assert!(matches!(again, Report::RequiresAction { url: Some(_), .. }), "{again:?}");
    approve(&fixture, &order, "vault_ok").await;
    assert!(matches!(fixture.gateway.charge(&completion).await.report, Report::Succeeded(_)));
    assert_eq!(taken(&fixture, &request).await, [4990]);

    let request = by_the_payer(&fixture);
    let order = order_to_approve(&fixture, &request).await;
    approve(&fixture, &order, "vault_capture_issue_PAYER_CANNOT_PAY").await;
    let report = fixture.gateway.charge(&second_half(&request, &order)).await.report;
    assert!(matches!(&report, Report::Declined(no) if no.gateway_ref.as_ref() == Some(&order)), "{report:?}");
}

#[tokio::test]
async fn a_saved_payer_may_be_asked_to_come_back() {
    let fixture = fixture().await;
    for return_url in [None, Some("https://shop.example/back".to_owned())] {
        let is_sent_home = return_url.is_some();
        let request = ChargeRequest { return_url, ..fixture.charge_request("vault_payer_action") };
        let order = order_to_approve(&fixture, &request).await;
        if is_sent_home {
            approve(&fixture, &order, "vault_ok").await;
            assert!(matches!(fixture.gateway.charge(&request).await.report, Report::Succeeded(_)));
        }
    }
}

#[tokio::test]
async fn what_nobody_approves_is_called_off_without_a_call_and_gone_in_time() {
    let fixture = fixture().await;
    let request = by_the_payer(&fixture);
    let waiting = fixture.charged(request.clone()).await;
    let answer = fixture.gateway.cancel(&fixture.cancel_request(&waiting)).await;
    assert!(matches!(answer.report, Report::Canceled { .. }), "{answer:?}");
    assert!(!answer.call.was_made());

    let order = order_to_approve(&fixture, &request).await;
    fixture.control("clock", json!({ "advance_seconds": 7 * 3600 })).await;
    assert_eq!(found(&fixture, &request, &order).await, Report::NotFound);
    let report = fixture.gateway.charge(&second_half(&request, &order)).await.report;
    assert!(matches!(report, Report::Refused { fault: Fault::Request, .. }), "{report:?}");
}
