//! Taking what was reserved, and calling off what has not moved: at one gateway and at the other, once, and
//! whoever comes first wins.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Deployment, Merchant, Service, card, eventually, paypal};

/// A payment that only reserves, at either gateway.
fn manual(amount: &str, stripe: &str, vault: &str) -> [(&'static str, Value); 2] {
    let mut bodies =
        [("stripe", card(amount, "EUR", stripe)), ("paypal", paypal(amount, "EUR", Some(vault)))];
    bodies.iter_mut().for_each(|(_, body)| body["capture"] = json!("manual"));
    bodies
}

/// A payment whose money is reserved; answers its id.
async fn authorized(merchant: &Merchant, key: &str, body: &Value) -> String {
    let payment = merchant.paid(key, body).await;
    merchant.payment_with(&payment, &["authorized"]).await;
    payment
}

fn refused(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.text("code"))
}

#[tokio::test]
async fn what_is_reserved_is_captured_once_whole_or_in_part() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    for (gateway, body) in manual("50.00", "pm_card_visa", "vault_ok") {
        for (amount, captured, minor) in [(None, "50.00", 5000), (Some("20.00"), "20.00", 2000)] {
            let payment = authorized(merchant, &format!("{gateway} {captured}"), &body).await;
            let too_much = merchant.capture(&payment, Some("50.01")).await;
            assert_eq!(refused(&too_much), (409, "capture-exceeds-authorization"));
            let too_fine = merchant.capture(&payment, Some("1.001")).await;
            assert_eq!((too_fine.status, &too_fine.body["errors"][0]["pointer"]), (422, &json!("/amount")));

            let asked = amount.map_or(Value::Null, |amount| json!({ "amount": amount }));
            let path = format!("/payments/{payment}/capture");
            let done = merchant.send(Method::POST, &path, &[("prefer", "wait=30")], &asked).await;
            assert_eq!((done.status, done.text("status")), (202, "succeeded"), "{done:?}");
            assert_eq!(done.text("amount_captured"), captured);
            let again = merchant.capture(&payment, Some(captured)).await;
            assert_eq!((again.status, again.header("idempotent-replayed")), (202, "true"), "{again:?}");
            for answer in [merchant.capture(&payment, Some("0.50")).await, merchant.cancel(&payment).await] {
                assert_eq!(answer.status, 409, "{gateway}: {answer:?}");
            }
            let charges = deployment.charges(&payment).await;
            assert_eq!((charges.len(), &charges[0]["captured"]), (1, &json!(minor)), "{charges:?}");
            // What was captured can be given back, and no more.
            let refund = merchant.refunded(&format!("{gateway} {captured}"), &payment, None).await;
            assert_eq!(merchant.refund_with(&refund, &["succeeded"]).await["amount"], captured);
        }
    }
    deployment.quiet().await;
    deployment.check_books().await;
}

#[tokio::test]
async fn what_is_reserved_can_be_given_free() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    for (gateway, body) in manual("50.00", "pm_card_visa", "vault_ok") {
        let payment = authorized(merchant, gateway, &body).await;
        let asked = merchant.cancel(&payment).await;
        assert_eq!((asked.status, asked.text("status")), (202, "processing"), "{asked:?}");
        merchant.payment_with(&payment, &["canceled"]).await;
        assert_eq!(deployment.charges(&payment).await[0]["status"], "released", "{gateway}");
        let again = merchant.cancel(&payment).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (202, "true"));
        assert_eq!(refused(&merchant.capture(&payment, None).await), (409, "payment-not-authorized"));
    }
    deployment.quiet().await;
    assert_eq!(deployment.count("SELECT count(*) FROM events WHERE type = 'payment.canceled'").await, 2);
    deployment.check_books().await;
}

#[tokio::test]
async fn what_is_not_reserved_is_not_captured_and_what_has_ended_is_not_canceled() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    for (status, token, capture, cancel) in [
        ("succeeded", "pm_card_visa", "payment-not-authorized", "payment-ended"),
        ("failed", "pm_card_visa_chargeDeclined", "payment-not-authorized", "payment-ended"),
    ] {
        let payment = merchant.paid(status, &card("10.00", "EUR", token)).await;
        merchant.payment_with(&payment, &[status]).await;
        for (answer, code) in
            [(merchant.capture(&payment, None).await, capture), (merchant.cancel(&payment).await, cancel)]
        {
            assert_eq!(refused(&answer), (409, code), "{status}");
            assert!(answer.text("detail").contains(status), "{answer:?}");
        }
        let rival = deployment.new_merchant("Rival").await;
        assert_eq!(rival.capture(&payment, None).await.status, 404);
        assert_eq!(rival.cancel(&payment).await.status, 404);
    }
    // Its charge is at the gateway: nobody can say how it ends.
    let payment = merchant.paid("slow", &card("10.00", "EUR", "pm_sandbox_slow_before_900")).await;
    merchant.payment_with(&payment, &["processing"]).await;
    assert_eq!(refused(&merchant.cancel(&payment).await), (409, "payment-under-way"));
    assert_eq!(refused(&merchant.capture(&payment, None).await), (409, "payment-not-authorized"));
    merchant.payment_with(&payment, &["succeeded"]).await;
    deployment.quiet().await;
    deployment.check_books().await;
}

#[tokio::test]
async fn a_payment_that_waits_is_canceled_and_never_sent() {
    let mut deployment = Deployment::start().await;
    let merchant = deployment.merchant.clone();
    deployment.stop(Service::Worker).await;
    let payment = merchant.paid("a", &card("10.00", "EUR", "pm_card_visa")).await;
    let canceled = merchant.cancel(&payment).await;
    assert_eq!((canceled.status, canceled.text("status")), (202, "canceled"));
    assert_eq!(canceled.header("retry-after"), "", "it is final");
    deployment.run(Service::Worker).await;
    deployment.advance(15).await;
    deployment.quiet().await;
    assert_eq!(deployment.requests(&payment).await, [] as [String; 0]);
    assert_eq!(merchant.payment(&payment).await.text("status"), "canceled");
    let again = merchant.pay("a", &card("10.00", "EUR", "pm_card_visa")).await;
    assert_eq!((again.text("id"), again.text("status")), (payment.as_str(), "canceled"));
    deployment.check_books().await;
}

/// The payer is at work when the merchant calls it off: their approval comes to nothing.
#[tokio::test]
async fn a_payment_whose_payer_is_at_work_is_canceled() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    for body in [card("10.00", "EUR", "pm_card_authenticationRequired"), paypal("10.00", "EUR", None)] {
        let payment = merchant.paid(&body.to_string(), &body).await;
        let page = merchant.payment_with(&payment, &["requires_action"]).await;
        let page = page["next_action"]["url"].as_str().expect("a page").to_owned();
        assert_eq!(merchant.cancel(&payment).await.status, 202);
        let canceled = merchant.payment_with(&payment, &["canceled"]).await;
        assert!(canceled["next_action"].is_null(), "{canceled}");
        let page = page.replace("?token=", "/");
        let client = common::gateway::http_client(tests::PATIENCE).unwrap();
        client.post(format!("{page}/approve")).send().await.unwrap();
        deployment.advance(301).await;
        deployment.quiet().await;
        assert_eq!(merchant.payment(&payment).await.text("status"), "canceled");
        assert_eq!(deployment.charges(&payment).await, [] as [Value; 0]);
    }
    deployment.check_books().await;
}

/// Twenty want the money and twenty want it given free, in the same instant.
#[tokio::test]
async fn of_captures_and_cancellations_one_kind_wins() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let bodies = manual("10.00", "pm_card_visa", "vault_ok");
    for (round, (gateway, body)) in bodies.iter().chain(&bodies).chain(&bodies).enumerate() {
        let payment = authorized(merchant, &round.to_string(), body).await;
        let asking: Vec<_> = (0..40)
            .map(|i| {
                let (merchant, payment) = (merchant.clone(), payment.clone());
                let captures = (i + round) % 2 == 0;
                tokio::spawn(async move {
                    let answer = match captures {
                        true => merchant.capture(&payment, None).await,
                        false => merchant.cancel(&payment).await,
                    };
                    (captures, answer)
                })
            })
            .collect();
        let mut granted: BTreeMap<bool, usize> = BTreeMap::new();
        for one in asking {
            let (captures, answer) = one.await.unwrap();
            match answer.status {
                202 => *granted.entry(captures).or_default() += 1,
                409 => assert!(!answer.text("detail").is_empty(), "{answer:?}"),
                other => panic!("{other}: {answer:?}"),
            }
        }
        let winners: Vec<_> = granted.into_iter().collect();
        let [(captured, 20)] = winners[..] else { panic!("{gateway}: {winners:?}") };
        let expected = if captured { "succeeded" } else { "canceled" };
        merchant.payment_with(&payment, &[expected]).await;
    }
    deployment.quiet().await;
    deployment.check_books().await;
}

#[tokio::test]
async fn through_every_fault_it_is_done_once() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let faults = ["timeout_before", "timeout_after", "drop_before", "drop_after", "500_before", "500_after"];
    let faults = faults.into_iter().chain(["503_once", "429_once", "409_once", "slow_after_1500"]);
    let mut asked = Vec::new();
    for fault in faults {
        for (operation, end) in [("capture", "succeeded"), ("cancel", "canceled")] {
            let names = ["pm_sandbox", "vault_sandbox"].map(|start| format!("{start}_{operation}_{fault}"));
            for (gateway, body) in manual("12.34", &names[0], &names[1]) {
                let which = format!("{gateway} {operation} {fault}");
                let payment = authorized(merchant, &which, &body).await;
                let answer = match operation {
                    "capture" => merchant.capture(&payment, Some("10.00")).await,
                    _ => merchant.cancel(&payment).await,
                };
                assert_eq!(answer.status, 202, "{answer:?}");
                // Stripe repeats a 500 for ever; that nothing was done is found out, and told.
                let end = if (gateway, fault) == ("stripe", "500_before") { "authorized" } else { end };
                asked.push((which, payment, end));
            }
        }
    }
    for (which, payment, end) in asked {
        let ends = ["succeeded", "canceled", "authorized", "failed", "needs_review"];
        let ended = merchant.payment_with(&payment, &ends).await;
        assert_eq!(ended["status"], end, "{which}: {ended}");
        assert_eq!(ended["failure"].is_object(), end == "authorized", "{which}: {ended}");
        // Under a new key it can be asked for once more.
        if end == "authorized" {
            deployment.faults(json!([])).await;
            assert_eq!(merchant.capture(&payment, None).await.status, 202, "{which}");
        }
    }
    deployment.quiet().await;
    let open = "SELECT count(*) FROM payments WHERE status NOT IN ('succeeded', 'canceled', 'authorized')";
    assert_eq!(deployment.count(open).await, 0);
    deployment.check_books().await;
}

/// A gateway that refuses for good leaves the money reserved, and says why.
#[tokio::test]
async fn a_refused_capture_leaves_the_money_reserved() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let mut body = paypal("10.00", "EUR", Some("vault_capture_issue_TRANSACTION_REFUSED"));
    body["capture"] = json!("manual");
    let payment = authorized(merchant, "a", &body).await;
    assert_eq!(merchant.capture(&payment, None).await.status, 202);
    let back = eventually("it is as it was", || async {
        let payment = merchant.payment(&payment).await.body;
        (payment["status"] == "authorized" && payment["failure"].is_object()).then_some(payment)
    })
    .await;
    assert_eq!(back["failure"]["code"], "transaction_refused");
    assert_eq!(merchant.cancel(&payment).await.status, 202);
    let canceled = merchant.payment_with(&payment, &["canceled"]).await;
    assert!(canceled["failure"].is_null(), "{canceled}");
    deployment.quiet().await;
    deployment.check_books().await;
}

/// Nobody captures in time: the gateway lets go, and tells, or answers so when it is asked.
#[tokio::test]
async fn a_reservation_whose_time_is_over_is_canceled() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    for told in [true, false] {
        if !told {
            deployment.sandbox("POST", "/control/webhooks", &json!({})).await;
        }
        let mut payments = Vec::new();
        for (gateway, body) in manual("10.00", "pm_card_visa", "vault_ok") {
            payments.push(authorized(merchant, &format!("{gateway} {told}"), &body).await);
        }
        // Stripe waits for 7 days, PayPal for 29.
        deployment.advance_all(30 * 24 * 3600).await;
        for payment in payments {
            if !told {
                assert_eq!(merchant.capture(&payment, None).await.status, 202);
            }
            merchant.payment_with(&payment, &["canceled"]).await;
            assert_eq!(deployment.charges(&payment).await[0]["status"], "released");
        }
    }
    deployment.settled().await;
    deployment.check_books().await;
}

/// The event about the reservation makes a worker ask at the moment at which the merchant captures: what
/// was reserved until then is no answer to the capture.
#[tokio::test]
async fn a_capture_that_follows_at_once_is_not_lost_to_a_look_up() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let asking: Vec<_> = (0..40)
        .map(|i| {
            let merchant = merchant.clone();
            let [(_, stripe), (_, paypal)] = manual("10.00", "pm_card_visa", "vault_ok");
            let body = if i % 2 == 0 { stripe } else { paypal };
            tokio::spawn(async move {
                let payment = authorized(&merchant, &i.to_string(), &body).await;
                assert_eq!(merchant.capture(&payment, None).await.status, 202);
                let ended = merchant.payment_with(&payment, &["succeeded", "authorized", "failed"]).await;
                assert_eq!(ended["status"], "succeeded", "{ended}");
            })
        })
        .collect();
    for one in asking {
        one.await.unwrap();
    }
    deployment.quiet().await;
    deployment.check_books().await;
}
