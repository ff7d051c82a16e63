//! The same key is the same payment, for ever.

use reqwest::Method;
use serde_json::json;
use tests::{Deployment, Service, Settings, card};

#[tokio::test]
async fn fifty_requests_at_once_with_one_key_are_one_payment_and_one_charge() {
    let deployment = Deployment::start().await;
    let body = card("49.90", "EUR", "pm_card_visa");
    let requests: Vec<_> = (0..50)
        .map(|_| {
            let (merchant, body) = (deployment.merchant.clone(), body.clone());
            tokio::spawn(async move { merchant.pay("one", &body).await })
        })
        .collect();
    let mut ids = std::collections::BTreeSet::new();
    let mut new = 0;
    for request in requests {
        let answer = request.await.unwrap();
        assert_eq!(answer.status, 202, "{answer:?}");
        new += u32::from(answer.header("idempotent-replayed") != "true");
        ids.insert(answer.text("id").to_owned());
    }
    assert_eq!((ids.len(), new), (1, 1));
    let id = ids.pop_first().unwrap();
    deployment.merchant.payment_with(&id, &["succeeded"]).await;
    assert_eq!(deployment.count("SELECT count(*) FROM payments").await, 1);
    assert_eq!(deployment.charges(&id).await.len(), 1);
    deployment.check_books().await;
}

#[tokio::test]
async fn a_key_is_for_one_request_only() {
    let services = vec![Service::Api];
    let deployment = Deployment::start_with(Settings { services, ..Settings::default() }).await;
    let merchant = &deployment.merchant;
    let first = merchant.pay("k", &card("10.00", "EUR", "pm_card_visa")).await;

    // Written otherwise, but the same.
    let same = json!({
        "payment_method": { "token": "pm_card_visa", "type": "card" },
        "currency": "EUR", "amount": "10", "capture": "automatic", "metadata": {}, "description": null,
    });
    let again = merchant.pay("k", &same).await;
    assert_eq!((again.status, again.text("id")), (202, first.text("id")));
    assert_eq!(again.header("idempotent-replayed"), "true");

    // Quoted, as the draft standard has it.
    assert_eq!(merchant.pay("\"k\"", &same).await.text("id"), first.text("id"));

    for other in [
        card("10.01", "EUR", "pm_card_visa"),
        card("10.00", "USD", "pm_card_visa"),
        card("10.00", "EUR", "pm_card_mastercard"),
    ] {
        let refused = merchant.pay("k", &other).await;
        assert_eq!((refused.status, refused.text("code")), (422, "idempotency-key-reused"));
    }
    assert_eq!(deployment.count("SELECT count(*) FROM payments").await, 1);
    assert_eq!(deployment.count("SELECT count(*) FROM jobs").await, 1);
}

/// Of what needs no key: with one, it is made once for it.
#[tokio::test]
async fn a_customer_and_a_plan_are_made_once_for_a_key() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let customer = json!({ "email": "ada@example.com", "metadata": { "b": "2", "a": "1" } });
    let customer_again =
        json!({ "metadata": { "a": "1", "b": "2" }, "name": null, "email": "ada@example.com" });
    let plan = json!({ "name": "Team", "amount": "5", "currency": "EUR", "interval": "month" });
    let plan_again = json!({
        "currency": "EUR", "interval": { "unit": "month", "count": 1 }, "amount": "5.00", "name": "Team",
        "trial_days": 0,
    });
    for (path, first, again, field) in
        [("/customers", &customer, &customer_again, "email"), ("/plans", &plan, &plan_again, "name")]
    {
        let key = [("idempotency-key", "k")];
        let asked = (0..20).map(|_| {
            let (merchant, body) = (merchant.clone(), first.clone());
            tokio::spawn(async move { merchant.send(Method::POST, path, &key, &body).await })
        });
        let mut made = Vec::new();
        for answer in asked.collect::<Vec<_>>() {
            made.push(answer.await.unwrap());
        }
        assert!(made.iter().all(|answer| answer.status == 201), "{made:?}");
        assert!(made.iter().all(|answer| answer.text("id") == made[0].text("id")), "{made:?}");
        let new = made.iter().filter(|answer| answer.header("idempotent-replayed").is_empty());
        assert_eq!(new.count(), 1, "{path}");

        let repeated = merchant.send(Method::POST, path, &key, again).await;
        assert_eq!((repeated.status, repeated.header("idempotent-replayed")), (201, "true"), "{repeated:?}");
        assert_eq!(
            (repeated.text("id"), repeated.header("location")),
            (made[0].text("id"), made[0].header("location"))
        );
        let mut other = first.clone();
        other[field] = json!("bob@example.com");
        let refused = merchant.send(Method::POST, path, &key, &other).await;
        assert_eq!((refused.status, refused.text("code")), (422, "idempotency-key-reused"), "{refused:?}");
        // Another merchant's key is its own; and without one, each is another.
        let rival = deployment.new_merchant("Rival").await;
        let theirs = rival.send(Method::POST, path, &key, first).await;
        assert_eq!((theirs.status, theirs.header("idempotent-replayed")), (201, ""), "{theirs:?}");
        let (one, two) = (merchant.made(path, first).await, merchant.made(path, first).await);
        assert!(one != two && one != made[0].text("id"));
    }
}
