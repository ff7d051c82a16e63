//! What Stripe refuses, the sandbox refuses.

use reqwest::Method;

use super::{Server, payment_with, read};

#[tokio::test]
async fn a_key_is_needed_and_must_be_a_test_key() {
    let server = Server::start().await;
    let url = format!("{}/v1/payment_intents", server.url);
    for request in [
        server.client.get(&url),
        server.client.get(&url).bearer_auth("sk_live_1"),
        server.client.get(&url).bearer_auth("pk_test_1"),
    ] {
        let answer = read(request.send().await.unwrap()).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.body["error"]["type"], "invalid_request_error");
        assert!(answer.header("request-id").is_some());
    }
    let basic = server.client.get(&url).basic_auth("sk_test_1", None::<&str>);
    assert_eq!(basic.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn only_the_release_that_it_speaks_is_answered() {
    let server = Server::start().await;
    for (version, status) in [
        ("2026-11-18.endive", 200),
        ("2026-09-30.endive", 200),
        ("2026-12-16.endive", 200),
        ("2026-08-26.dahlia", 400),
        ("2025-03-31.basil", 400),
        ("2023-08-16", 400),
        ("endive", 400),
    ] {
        let request = server.request(Method::GET, "/v1/payment_intents", None);
        let answer = read(request.header("stripe-version", version).send().await.unwrap()).await;
        assert_eq!((answer.status, answer.header("stripe-version")), (status, Some(version)), "{answer:?}");
    }
    let unsaid = server.get("/v1/payment_intents").await;
    assert_eq!(unsaid.header("stripe-version"), Some("2026-11-18.endive"));
}

#[tokio::test]
async fn what_stripe_took_away_is_refused_in_its_words() {
    let server = Server::start().await;
    for (more, code, param) in [
        (
            &[("payment_method_types[0]", "card")][..],
            "payment_method_types_no_longer_supported",
            "payment_method_types",
        ),
        (&[("off_session", "true"), ("error_on_requires_action", "true")], "", "error_on_requires_action"),
        (&[("confirm", "false"), ("error_on_requires_action", "true")], "", "error_on_requires_action"),
    ] {
        let form = payment_with("pm_card_visa", "pay_1", more);
        let answer = server.post("/v1/payment_intents", Some("key"), &form).await;
        assert_eq!((answer.status, answer.error_code()), (400, code), "{answer:?}");
        assert_eq!(answer.body["error"]["param"], param, "{answer:?}");
    }
    // Before the endpoint has begun: the key is free for a request that makes sense.
    let form = payment_with("pm_card_visa", "pay_1", &[("off_session", "true")]);
    assert_eq!(server.post("/v1/payment_intents", Some("key"), &form).await.status, 200);
}

#[tokio::test]
async fn unknown_parameters_are_refused_at_every_level() {
    let server = Server::start().await;
    for name in [
        "colour",
        "automatic_payment_methods[colour]",
        "mandate_data[customer_acceptance][colour]",
        "metadata[a][b]",
        "amount[x]",
    ] {
        let form = payment_with("pm_card_visa", "pay_1", &[]);
        let form: Vec<_> = form.into_iter().chain([(name, "1")]).collect();
        let answer = server.post("/v1/payment_intents", None, &form).await;
        assert_eq!((answer.status, answer.error_code()), (400, "parameter_unknown"), "{name}");
        assert!(answer.body["error"]["message"].as_str().unwrap().contains(name.trim_end_matches("[]")));
    }
    let answer = server.get("/v1/payment_intents?colour=blue").await;
    assert_eq!((answer.status, answer.error_code()), (400, "parameter_unknown"));
    assert!(server.charges("pay_1").await.is_empty());
}

#[tokio::test]
async fn parameters_that_make_no_sense_are_refused() {
    let server = Server::start().await;
    for (more, param) in [
        (&[("amount", "10.99")][..], "amount"),
        (&[("amount", "")], "amount"),
        (&[("amount", "49")], "amount"),
        (&[("currency", "xxx")], "currency"),
        (&[("customer", "cus_nobody")], "customer"),
        (&[("payment_method", "pm_nothing")], "payment_method"),
        (&[("capture_method", "sometimes")], "capture_method"),
        (&[("confirm", "yes")], "confirm"),
        (&[("statement_descriptor", "SHOP")], "statement_descriptor"),
        (&[("statement_descriptor_suffix", "<order>")], "statement_descriptor_suffix"),
        (&[("confirm", "false"), ("off_session", "true")], "off_session"),
        (&[("expand[]", "colour")], "expand"),
    ] {
        let form = payment_with("pm_card_visa", "pay_1", more);
        let answer = server.post("/v1/payment_intents", None, &form).await;
        assert_eq!(answer.status, 400, "{more:?}: {answer:?}");
        assert_eq!(answer.body["error"]["type"], "invalid_request_error");
        assert_eq!(answer.body["error"]["param"], param, "{more:?}");
    }
    assert!(server.charges("pay_1").await.is_empty());
}

#[tokio::test]
async fn a_confirmation_that_may_redirect_needs_a_place_to_return_to() {
    let server = Server::start().await;
    let form =
        payment_with("pm_card_visa", "pay_1", &[("automatic_payment_methods[allow_redirects]", "always")]);
    let refused = server.post("/v1/payment_intents", None, &form).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body["error"]["message"].as_str().unwrap().contains("return_url"));
    for more in [("return_url", "https://shop.test/"), ("off_session", "true")] {
        let form: Vec<_> = form.iter().copied().chain([more]).collect();
        assert_eq!(server.post("/v1/payment_intents", None, &form).await.status, 200, "{more:?}");
    }
}

#[tokio::test]
async fn json_bodies_and_unknown_paths_are_refused() {
    let server = Server::start().await;
    let json =
        server.request(Method::POST, "/v1/payment_intents", None).json(&serde_json::json!({"amount": 1}));
    assert_eq!(json.send().await.unwrap().status(), 400);
    assert_eq!(server.get("/v1/tea").await.status, 404);
    let missing = server.get("/v1/payment_intents/pi_nothing").await;
    assert_eq!((missing.status, missing.error_code()), (404, "resource_missing"));
}
