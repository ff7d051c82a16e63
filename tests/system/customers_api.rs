//! Customers through the API: that they can be changed, that their addresses are ones that a gateway takes, and that
//! they are found by them.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Deployment, Merchant, Service, eventually, ids};

async fn patch(merchant: &Merchant, customer: &str, body: &Value) -> Answer {
    merchant.send(Method::PATCH, &format!("/customers/{customer}"), &[], body).await
}

#[tokio::test]
async fn a_customer_is_changed_by_what_is_named() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let metadata = json!({ "tier": "silver", "trial": "yes", "ref": "7" });
    let ada = json!({ "email": "ada@example.com", "name": "Ada", "metadata": metadata });
    let id = merchant.made("/customers", &ada).await;
    let before = merchant.get(&format!("/customers/{id}")).await.body;

    let more =
        json!({ "email": "Ada@Shop.example", "metadata": { "tier": "gold", "trial": null, "new": "1" } });
    let changed = patch(merchant, &id, &more).await;
    assert_eq!(
        (changed.status, changed.text("email"), changed.text("name")),
        (200, "Ada@Shop.example", "Ada")
    );
    assert_eq!(changed.body["metadata"], json!({ "tier": "gold", "ref": "7", "new": "1" }));
    assert_eq!(merchant.get(&format!("/customers/{id}")).await.body, changed.body);
    assert_eq!((&changed.body["created_at"], &changed.body["id"]), (&before["created_at"], &before["id"]));
    assert_ne!(changed.body["updated_at"], before["updated_at"]);
    assert_eq!(patch(merchant, &id, &more).await.body, changed.body, "asked again, nothing changes");

    let cleared = patch(merchant, &id, &json!({ "email": null, "name": null, "metadata": null })).await;
    let (email, name) = (&cleared.body["email"], &cleared.body["name"]);
    assert_eq!((email, name, &cleared.body["metadata"]), (&Value::Null, &Value::Null, &json!({})));

    let many = |from: usize, to| (from..to).map(|i| (i.to_string(), json!("x"))).collect::<Value>();
    assert_eq!(patch(merchant, &id, &json!({ "metadata": many(0, 30) })).await.status, 200);
    for (body, pointers) in [
        (json!({}), vec![""]),
        (json!([]), vec![""]),
        (json!({ "email": "otameshi@com", "name": "", "id": "cus_1" }), vec!["/email", "/name", "/id"]),
        (json!({ "metadata": { "a": 1 } }), vec!["/metadata"]),
        (json!({ "metadata": [] }), vec!["/metadata"]),
        (json!({ "metadata": many(30, 51) }), vec!["/metadata"]),
        (json!({ "balances": [] }), vec!["/balances"]),
    ] {
        let refused = patch(merchant, &id, &body).await;
        assert_eq!((refused.status, refused.text("code")), (422, "validation-failed"), "{body}");
        let faults = refused.body["errors"].as_array().unwrap();
        let found: Vec<_> = faults.iter().map(|fault| fault["pointer"].as_str().unwrap()).collect();
        assert_eq!(found, pointers, "{body}");
    }
    let card = patch(merchant, &id, &json!({ "name": "4242 4242 4242 4242" })).await;
    assert_eq!((card.status, card.text("code")), (422, "card-data-refused"));
    let rival = deployment.new_merchant("Rival").await;
    assert_eq!(patch(&rival, &id, &json!({ "name": "Mallory" })).await.status, 404);
    assert_eq!(patch(&rival, "cus_x", &json!({ "name": "Mallory" })).await.status, 404);
    let after = merchant.get(&format!("/customers/{id}")).await.body;
    assert_eq!((&after["name"], after["metadata"].as_object().unwrap().len()), (&Value::Null, 30));
}

/// Two who change different keys at once: neither undoes the other.
#[tokio::test]
async fn changes_at_once_are_all_kept() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let id = merchant.customer().await;
    let changes = (0..20).map(|place| {
        let (merchant, id) = (merchant.clone(), id.clone());
        tokio::spawn(async move {
            patch(&merchant, &id, &json!({ "metadata": { place.to_string(): "x" } })).await.status
        })
    });
    for change in changes.collect::<Vec<_>>() {
        assert_eq!(change.await.unwrap(), 200);
    }
    let customer = merchant.get(&format!("/customers/{id}")).await.body;
    assert_eq!(customer["metadata"].as_object().unwrap().len(), 20, "{customer}");
}

#[tokio::test]
async fn an_address_that_no_gateway_takes_is_refused_when_it_comes() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let id = merchant.customer().await;
    for address in ["otameshi@com", "a@b@c.com", "a..b@example.com", "ada", "Ada <ada@example.com>", ""] {
        let made = merchant.post("/customers", &json!({ "email": address })).await;
        let changed = patch(merchant, &id, &json!({ "email": address })).await;
        let mut payment = tests::card("1.00", "EUR", "pm_card_visa");
        payment["customer"] = json!({ "email": address });
        let paid = merchant.pay("k", &payment).await;
        for (answer, pointer) in [(made, "/email"), (changed, "/email"), (paid, "/customer/email")] {
            assert_eq!(
                (answer.status, answer.text("code")),
                (422, "validation-failed"),
                "{address} {answer:?}"
            );
            assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{address}");
        }
    }
    assert_eq!(deployment.count("SELECT count(*) FROM customers").await, 1);
    assert_eq!(deployment.count("SELECT count(*) FROM payments").await, 0);
}

#[tokio::test]
async fn a_customer_is_found_by_the_address_in_any_case() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let first = merchant.made("/customers", &json!({ "email": "Ada.Lovelace@Example.COM" })).await;
    let second = merchant.made("/customers", &json!({ "email": "ada.lovelace@example.com" })).await;
    merchant.made("/customers", &json!({ "email": "bob@example.com" })).await;
    for address in ["ada.lovelace@example.com", "ADA.LOVELACE@EXAMPLE.COM", "Ada.Lovelace@Example.COM"] {
        let found = merchant.get(&format!("/customers?email={address}")).await.body;
        assert_eq!(ids(&found), [&second, &first], "{address}");
        assert_eq!(found["data"][1]["email"], "Ada.Lovelace@Example.COM", "it is shown as it came");
    }
    let found = merchant.get("/customers?email=ada.lovelace@example.org").await.body;
    assert_eq!(ids(&found), [] as [&str; 0]);
}

/// What Stripe is told of a customer changes between two tries to save a card: those are two requests, and one key
/// carries one request.
#[tokio::test]
async fn an_address_that_changes_while_a_card_is_saved_spoils_no_payment() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let silent = json!({ "method": "POST", "path_prefix": "/v1/customers" });
    for fault in ["timeout_before", "timeout_after"] {
        deployment.faults(json!([{ "fault": fault, "match": silent }])).await;
        let customer = merchant.made("/customers", &json!({ "email": "ada@example.com" })).await;
        let order = tests::subscribing::subscription(&customer, &merchant.plan("9.90", "month").await, 1);
        let headers = [("idempotency-key", fault)];
        let answer = merchant.send(Method::POST, "/create-subscription", &headers, &order).await;
        let id = answer.text("id").to_owned();
        eventually("it was tried, and nobody knows", || async {
            let tries = "SELECT count(*) FROM jobs WHERE kind = 'charge_payment' AND attempt > 0 AND state = 'queued'";
            (deployment.count(tries).await == 1).then_some(())
        })
        .await;
        assert_eq!(patch(merchant, &customer, &json!({ "email": "ada@shop.example" })).await.status, 200);
        deployment.faults(json!([])).await;
        deployment.advance(60).await;
        merchant.subscription_with(&id, "active").await;
        deployment.idle().await;
    }
    let log = deployment.log(Service::Worker);
    assert!(!log.contains("a key was sent with two different bodies"), "{log}");
    deployment.check_billing().await;
}
