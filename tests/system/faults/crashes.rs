//! Operations that follow a payment, when everything dies around them: done once, and known.

use serde_json::{Value, json};
use tests::{Deployment, Service, Settings, card, eventually, paypal};

/// Later than the kill; until then the gateway calls the key one in use.
const ANSWER_COMES_TOO_LATE: &str = "slow_after_10000";

/// A deployment whose workers wait for a slow answer until they are killed.
async fn patient() -> Deployment {
    let settings = Settings { gateway_timeout_ms: 20_000, lease_ms: 43_000, ..Settings::default() };
    Deployment::start_with(settings).await
}

/// The gateway has done it, and the worker is killed before it has learnt so.
#[tokio::test]
async fn a_worker_killed_between_an_operation_and_its_answer() {
    let mut deployment = patient().await;
    let merchant = deployment.merchant.clone();
    let mut expected = Vec::new();
    for operation in ["capture", "cancel", "refund"] {
        let names = ["pm_sandbox", "vault_sandbox"]
            .map(|start| format!("{start}_{operation}_{ANSWER_COMES_TOO_LATE}"));
        for mut body in [card("10.00", "EUR", &names[0]), paypal("10.00", "EUR", Some(&names[1]))] {
            let key = format!("{operation} {}", body["payment_method"]["type"]);
            if operation != "refund" {
                body["capture"] = json!("manual");
            }
            let payment = merchant.paid(&key, &body).await;
            merchant.payment_with(&payment, &["authorized", "succeeded"]).await;
            let end = match operation {
                "capture" => merchant.capture(&payment, Some("4.00")).await,
                "cancel" => merchant.cancel(&payment).await,
                _ => merchant.refund(&key, &payment, Some("4.00")).await,
            };
            assert_eq!(end.status, 202, "{end:?}");
            eventually("the gateway has done it", || async {
                let books =
                    deployment.sandbox("GET", &format!("/books?reference={payment}"), &Value::Null).await;
                let (charge, refund) = (&books["charges"][0], &books["refunds"][0]);
                let done = match operation {
                    "capture" => charge["captured"] == 400,
                    "cancel" => charge["status"] == "released",
                    _ => refund["status"] == "succeeded",
                };
                done.then_some(())
            })
            .await;
            expected.push((operation, payment, end.text("id").to_owned()));
        }
    }
    deployment.kill(Service::Worker).await;
    deployment.run(Service::Worker).await;
    deployment.advance(43).await;
    for (operation, payment, id) in expected {
        match operation {
            "capture" => {
                let payment = merchant.payment_with(&payment, &["succeeded"]).await;
                assert_eq!(payment["amount_captured"], "4.00");
            }
            "cancel" => drop(merchant.payment_with(&payment, &["canceled"]).await),
            _ => drop(merchant.refund_with(&id, &["succeeded"]).await),
        }
    }
    deployment.quiet().await;
    deployment.check_books().await;
}

#[tokio::test]
async fn a_broker_that_lost_everything_loses_no_refund_and_no_capture() {
    let mut deployment = Deployment::start().await;
    let merchant = deployment.merchant.clone();
    let payment = merchant.paid_up("p", &card("50.00", "EUR", "pm_card_visa")).await;
    let mut body = paypal("50.00", "EUR", Some("vault_ok"));
    body["capture"] = json!("manual");
    let reserved = merchant.paid("reserved", &body).await;
    merchant.payment_with(&reserved, &["authorized"]).await;
    deployment.quiet().await;
    deployment.stop(Service::Worker).await;
    let mut refunds = Vec::new();
    for i in 0..10 {
        refunds.push(merchant.refunded(&format!("on the queue {i}"), &payment, Some("2.00")).await);
    }
    deployment.rabbitmq.cut();
    for i in 0..10 {
        refunds.push(merchant.refunded(&format!("not on the queue {i}"), &payment, Some("3.00")).await);
    }
    assert_eq!(merchant.capture(&reserved, None).await.status, 202);
    deployment.wipe_broker().await;
    deployment.kill(Service::Api).await;
    deployment.rabbitmq.heal();
    deployment.run(Service::Worker).await;
    deployment.run(Service::Api).await;
    deployment.advance(15).await;
    for refund in &refunds {
        merchant.refund_with(refund, &["succeeded"]).await;
    }
    merchant.payment_with(&reserved, &["succeeded"]).await;
    assert_eq!(merchant.payment(&payment).await.text("amount_refunded"), "50.00");
    deployment.quiet().await;
    deployment.check_books().await;
}

/// Whatever either gateway is asked to do, it does, and then answers 500.
#[tokio::test]
async fn gateways_that_do_everything_and_answer_500() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let rules: Vec<Value> = ["/v1/payment_intents", "/v1/refunds", "/v2/"]
        .map(|path| json!({ "fault": "500_after", "match": { "method": "POST", "path_prefix": path } }))
        .into();
    deployment.faults(json!(rules)).await;
    let mut asked = Vec::new();
    for body in [card("10.00", "EUR", "pm_card_visa"), paypal("10.00", "EUR", Some("vault_ok"))] {
        let r#type = body["payment_method"]["type"].as_str().unwrap();
        for operation in ["refund", "capture", "cancel"] {
            let (key, mut body) = (format!("{operation} {type}"), body.clone());
            if operation != "refund" {
                body["capture"] = json!("manual");
            }
            let payment = merchant.paid(&key, &body).await;
            asked.push((operation, key, payment));
        }
    }
    let mut refunds = Vec::new();
    for (operation, key, payment) in &asked {
        merchant.payment_with(payment, &["succeeded", "authorized"]).await;
        let answer = match *operation {
            "capture" => merchant.capture(payment, Some("4.00")).await,
            "cancel" => merchant.cancel(payment).await,
            _ => merchant.refund(key, payment, Some("4.00")).await,
        };
        assert_eq!(answer.status, 202, "{key}: {answer:?}");
        if *operation == "refund" {
            refunds.push(answer.text("id").to_owned());
        }
    }
    for refund in &refunds {
        merchant.refund_with(refund, &["succeeded"]).await;
    }
    for (operation, _, payment) in &asked {
        let end = if *operation == "cancel" { "canceled" } else { "succeeded" };
        merchant.payment_with(payment, &[end]).await;
    }
    deployment.quiet().await;
    deployment.check_books().await;
}

/// Refunds of many payments while workers are killed in the middle of them.
#[tokio::test]
async fn workers_killed_again_and_again_among_refunds() {
    let mut deployment = Deployment::start().await;
    let merchant = deployment.merchant.clone();
    let mut payments = Vec::new();
    for i in 0..40 {
        let body = match i % 2 {
            0 => card("10.00", "EUR", "pm_card_visa"),
            _ => paypal("10.00", "EUR", Some("vault_ok")),
        };
        payments.push(merchant.paid(&i.to_string(), &body).await);
    }
    for payment in &payments {
        merchant.payment_with(payment, &["succeeded"]).await;
    }
    let refunding = tokio::spawn(async move {
        for (i, payment) in payments.iter().enumerate() {
            for part in 0..4 {
                merchant.refunded(&format!("{i} {part}"), payment, Some("2.50")).await;
            }
        }
    });
    for least in [20, 60, 100] {
        eventually("some are made", || async {
            let done = deployment.count("SELECT count(*) FROM refunds WHERE status = 'succeeded'").await;
            (done >= least).then_some(())
        })
        .await;
        deployment.kill(Service::Worker).await;
        deployment.run(Service::Worker).await;
    }
    refunding.await.unwrap();
    let given_back = "SELECT count(*) FROM payments WHERE amount_refunded = 10 AND amount_refunding = 0";
    eventually("all is given back", || async {
        deployment.advance(5).await;
        (deployment.count(given_back).await == 40).then_some(())
    })
    .await;
    deployment.quiet().await;
    deployment.check_books().await;
}
