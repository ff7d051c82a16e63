//! The same key is the same payment, for ever.

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
