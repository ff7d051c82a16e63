//! PayPal's fixture, and what only PayPal promises: orders that a payer approves, answers that tell what
//! was done already, request ids that are forgotten, and one token between all calls.

mod amounts;
mod approvals;
mod issues;
mod lists;
mod reports;
mod request_ids;
mod reservations;
mod returns;
mod signals;
mod statuses;
mod tokens;
mod told;

use std::time::Duration;

use common::config::EventArgs;
use common::gateway::{
    ChargeRequest, DeclineClass, EventTrust, GatewayName, LookUp, MethodType, Resolution,
    paypal::{Paypal, PaypalConfig},
};
use serde_json::json;
use tests::{Deployment, SANDBOX_ROOT, Service, Settings};

use super::fixture::{GatewayFixture, Tokens, from_now};
use crate::contract::vocabulary::{Adapter, Report};

// What is left out is otherwise at PayPal, and tested beside this: it answers at once what was done
// already; its report, the only place that is searched for our reference, tells neither reservations nor
// orders that wait for their payer; a payment may be captured for a little more than was reserved; no
// refund fails that has succeeded; a dispute does not say its fee; a settlement report has movements alone.
suite! { crate::contract::paypal::fixture;
    charges {
        a_success_says_what_was_taken
        a_decline_is_definite_and_classed
    }
    outcomes {
        what_is_done_is_told_alike_by_all_who_are_asked
        silence_is_unknown_and_a_replay_tells
        what_did_not_run_is_told_apart_from_what_may_have
        what_fails_before_sending_was_not_sent
        strangers_are_refused_and_somebody_is_woken
        what_the_gateway_has_never_heard_of_is_refused
    }
    captures {
        a_part_may_be_taken_and_the_rest_is_given_free
    }
    saving {
        what_is_saved_is_charged_without_its_payer_again_and_again
        without_its_payer_a_decline_is_definite_and_classed
        what_needs_the_payer_is_declined_without_them
        silence_about_a_saved_method_is_unknown_and_a_replay_tells
    }
    refunds {
        a_payment_is_given_back_in_parts_and_never_more
        a_refund_may_take_its_time_and_may_fail
        a_refund_of_nobody_is_not_found
        a_refund_is_found_with_all_that_says_whose_it_is
    }
    disputes {
        a_dispute_of_nobody_is_none
        a_disputed_payment_is_not_refunded
    }
    events {
        events_name_what_should_be_looked_at
        forged_events_are_known_as_such
    }
}

const WEBHOOK: &str = "WH00CONTRACT";

pub async fn fixture() -> GatewayFixture {
    let settings = Settings { services: vec![Service::Sandbox], ..Settings::default() };
    let deployment = Deployment::start_with(settings).await;
    let url = deployment.sandbox_url().to_owned();
    let fixture = GatewayFixture {
        deployment,
        name: GatewayName::Paypal,
        gateway: Adapter::new(paypal(&url, "test_secret")),
        stranger: Adapter::new(paypal(&url, "nonsense")),
        unreachable: Adapter::new(paypal("http://127.0.0.1:9", "test_secret")),
        at: |url| Adapter::new(paypal(url, "test_secret")),
        method: MethodType::Paypal,
        tokens: Tokens {
            good: "vault_ok",
            unknown: "vault_nobody_knows",
            misbehaving: "vault_sandbox_",
            declines: &[("vault_declined", DeclineClass::Customer)],
            saved_declines: &[
                ("vault_declined", DeclineClass::Customer),
                ("vault_issue_INSTRUMENT_DECLINED", DeclineClass::Customer),
                ("vault_issue_TRANSACTION_REFUSED", DeclineClass::Hard),
                ("vault_issue_AGREEMENT_ALREADY_CANCELLED", DeclineClass::Hard),
            ],
            asks_the_payer: "vault_payer_action",
            pending_refund: "vault_refund_pending",
            failing_refund: "vault_refund_failed",
        },
        webhooks: |url| json!({ "paypal": { "url": url, "webhook_id": WEBHOOK } }),
        trust: trust(&url),
    };
    fixture.control("paypal/reporting_delay", json!({ "seconds": 0 })).await;
    fixture
}

/// Events are PayPal's that a certificate vouches for which leads to the sandbox's root.
fn trust(url: &str) -> EventTrust {
    let args = EventArgs {
        stripe_webhook_secrets: Vec::new(),
        paypal_webhook_id: Some(WEBHOOK.into()),
        paypal_cert_hosts: vec![url.trim_start_matches("http://").into()],
        paypal_test_root: Some(SANDBOX_ROOT.into()),
    };
    args.trust().unwrap()
}

fn paypal(url: &str, secret: &str) -> Paypal {
    Paypal::new(PaypalConfig {
        base_url: url.parse().unwrap(),
        client_id: "test_client".into(),
        client_secret: secret.to_owned().into(),
        webhook_id: Some(WEBHOOK.into()),
        timeout: Duration::from_millis(700),
        ahead: Default::default(),
    })
    .unwrap()
}

fn is_to_be_looked_up(report: &Report) -> bool {
    matches!(report, Report::Unknown { resolution: Resolution::LookUp, .. })
}

/// What a look-up tells that knows the order.
async fn found(fixture: &GatewayFixture, request: &ChargeRequest, order: &str) -> Report {
    let question = LookUp {
        reference: request.reference.clone(),
        gateway_ref: Some(order.into()),
        made_between: (from_now(-60), from_now(0)),
        cursor: None,
        traceparent: None,
    };
    fixture.gateway.look_up(&question).await.report
}

/// What was taken for a payment, charge by charge, in minor units.
async fn taken(fixture: &GatewayFixture, request: &ChargeRequest) -> Vec<i64> {
    let books = fixture.books(&request.reference).await;
    let charges = books["charges"].as_array().unwrap();
    charges.iter().map(|charge| charge["captured"].as_i64().unwrap()).collect()
}

/// The payer did it at PayPal: nothing is asked, so nothing can go wrong.
#[tokio::test]
async fn a_vault_id_is_saved_already() {
    let fixture = fixture().await;
    let answer = fixture.unreachable.save_method(&fixture.save_request("vault_ok")).await;
    let Report::Saved { method, .. } = &answer.report else { panic!("{answer:?}") };
    assert_eq!((&*method.method_ref, answer.call.was_made()), ("vault_ok", false));
    assert!(matches!(fixture.charged(fixture.renewal(method)).await.1, Report::Succeeded(_)));
}
