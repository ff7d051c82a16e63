//! No card number enters, in whatever spelling and by whatever way, and none comes back from a gateway: not into
//! an answer, a line of the log, or a row.

use common::card_data;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Deployment, Merchant, Service, card, paypal};

const NUMBER: &str = "4242424242424242";

/// The same as the detector's own tests have: a JSON string a line.
fn spellings() -> Vec<String> {
    let lines = include_str!("../../common/src/card_data/tests/spellings.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn with(field: &str, value: Value) -> Value {
    let mut body = card("49.90", "EUR", "pm_card_visa");
    body[field] = value;
    body
}

/// For where only ASCII can stand.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

/// The text in every field of a payment that could hold it, and in those of the resources beside it.
async fn in_every_body(merchant: &Merchant, text: &str) -> Vec<(&'static str, Answer)> {
    let mut answers = Vec::new();
    for (place, body) in [
        ("metadata value", with("metadata", json!({ "note": text }))),
        ("metadata key", with("metadata", json!({ text: "x" }))),
        ("description", with("description", json!(text))),
        ("order_id", with("order_id", json!(text))),
        ("e-mail", with("customer", json!({ "email": format!("{text}@shop.example") }))),
        ("name", with("customer", json!({ "name": text }))),
        ("return_url", with("return_url", json!(format!("https://shop.example/{text}")))),
        ("token", with("payment_method", json!({ "type": "card", "token": text }))),
        ("vault id", with("payment_method", json!({ "type": "paypal", "token": text }))),
        ("an unknown field", with(text, json!(1))),
        (
            "fallback",
            with(
                "fallback",
                json!({ "payment_method": { "type": "paypal", "token": format!("vault_{text}") } }),
            ),
        ),
    ] {
        answers.push((place, merchant.pay("k", &body).await));
    }
    let post = async |path, body: Value| merchant.send(Method::POST, path, &[], &body).await;
    answers.push(("customer", post("/customers", json!({ "email": "a@b.example", "name": text })).await));
    let plan = json!({ "name": text, "amount": "1.00", "currency": "EUR", "interval": "month" });
    answers.push(("plan", post("/plans", plan).await));
    answers
}

#[tokio::test]
async fn no_card_number_enters_in_any_spelling() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let all = spellings();
    assert!(all.len() >= 64);
    let mut passed = Vec::new();
    for text in &all {
        let mut answers = in_every_body(merchant, text).await;
        let in_ascii = encoded(text);
        answers.push(("query", merchant.get(&format!("/payments?order_id={in_ascii}")).await));
        answers.push(("path", merchant.get(&format!("/payments/{in_ascii}")).await));
        let given = if is_plain(text) { text } else { &in_ascii };
        let visa = card("1.00", "EUR", "pm_card_visa");
        answers.push(("Idempotency-Key", merchant.pay(given, &visa).await));
        for header in ["x-request-id", "user-agent", "x-note"] {
            answers.push((
                "a header",
                merchant.send(Method::GET, "/payments", &[(header, given)], &Value::Null).await,
            ));
        }
        for (place, answer) in answers {
            let is_refused = answer.status == 422 && answer.body["code"] == "card-data-refused";
            let is_echoed = card_data::in_text(&format!("{:?} {}", answer.headers, answer.body));
            if !is_refused || is_echoed {
                passed.push(format!("{place}: {text:?}: {} {}", answer.status, answer.body));
            }
        }
    }
    assert!(passed.is_empty(), "{}: {:#?}", passed.len(), &passed[..passed.len().min(20)]);
    assert_eq!(deployment.count("SELECT count(*) FROM payments").await, 0);
    assert_nothing_kept(&deployment, &[Service::Api]).await;
}

#[tokio::test]
async fn names_of_card_data_are_refused_and_honest_ones_are_not() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    for name in
        ["cardNumber", "CARD-NUMBER", "cardCvv", "cvc", "cvv2", "pan", "pin", "track1", "securityCode"]
    {
        let answer = merchant.pay("k", &with("metadata", json!({ name: "123" }))).await;
        assert_eq!((answer.status, answer.text("code")), (422, "card-data-refused"), "{name}: {answer:?}");
        let queried = merchant.get(&format!("/payments?{name}=123")).await;
        assert_eq!(queried.text("code"), "card-data-refused", "{name}: {queried:?}");
    }
    let honest = json!({
        "span": "1", "pinned": "yes", "company": "Ada & Co", "tracking_number": "1Z999AA10123456784",
        "request": "0193a3f1-c2d8-7b51-a9f0-c4d2e8b7a601", "iban": "GB29 NWBK 6016 1331 9268 19",
        "ean": "4006381333931", "phone": "+49 151 23456789", "at": "2026-11-30 04:53:10.123456", "cvc_check": "pass",
    });
    let paid = merchant.pay("honest", &with("metadata", honest.clone())).await;
    assert_eq!((paid.status, &paid.body["metadata"]), (202, &honest), "{paid:?}");
}

/// A token is a name that the gateway gave: what does not look like one has its place told, and is not sent there.
#[tokio::test]
async fn a_token_looks_as_its_gateway_writes_it() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let customer = merchant.made("/customers", &json!({ "email": "ada@example.com" })).await;
    let plan = merchant.plan("9.90", "month").await;
    let methods = format!("/customers/{customer}/payment-methods");
    for (kind, token) in [
        ("card", "vault_ok"),
        ("card", "pm.card.visa"),
        ("card", "pm-card-visa"),
        ("card", "tok_visa"),
        ("google_pay", "visa"),
        ("bank_debit", "pm_"),
        ("paypal", "1234"),
        ("paypal", "vault.ok"),
    ] {
        let method = json!({ "type": kind, "token": token });
        let url = json!("https://shop.example/back");
        let mut paying = with("payment_method", method.clone());
        paying["return_url"] = url;
        let first = if kind == "paypal" {
            card("1.00", "EUR", "pm_card_visa")
        } else {
            paypal("1.00", "EUR", Some("vault_ok"))
        };
        let mut falling = first;
        falling["fallback"] = json!({ "payment_method": method });
        let subscribing = json!({ "customer": customer, "plan": plan, "payment_method": method });
        for (answer, pointer) in [
            (merchant.pay("k", &paying).await, "/payment_method/token"),
            (merchant.pay("k", &falling).await, "/fallback/payment_method/token"),
            (
                merchant.send(Method::POST, &methods, &[], &json!({ "payment_method": method })).await,
                "/payment_method/token",
            ),
            (merchant.subscribe("k", &subscribing).await, "/payment_method/token"),
        ] {
            assert_eq!(
                (answer.status, answer.text("code")),
                (422, "validation-failed"),
                "{token}: {answer:?}"
            );
            assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{token}: {answer:?}");
        }
    }
}

/// A gateway may repeat what it was sent, or what somebody has typed into its own forms: in each word of each refusal.
#[tokio::test]
async fn what_a_gateway_quotes_stays_with_it() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let held = merchant.paid_up("held", &card("30.00", "EUR", "pm_card_visa")).await;
    let words = format!(
        "(we were sent pm_{NUMBER}, 4242\u{a0}4242-4242.4242 12/30 123, NDI0MjQyNDI0MjQyNDI0Mg== and cvv: 123)"
    );
    deployment.sandbox("POST", "/control/words", &json!({ "words": words })).await;
    let mut told = Vec::new();
    for (key, body) in [
        ("unknown", card("10.00", "EUR", "pm_nobody_knows")),
        ("declined", card("10.00", "EUR", "pm_card_visa_chargeDeclined")),
        ("a code", card("10.00", "EUR", "pm_sandbox_code_something_new")),
        ("our credentials", card("10.00", "EUR", "pm_sandbox_401_once")),
        ("a slow one", card("10.00", "EUR", "pm_sandbox_409_once")),
        ("a vault", paypal("10.00", "EUR", Some("vault_nobody_knows"))),
        ("an issue", paypal("10.00", "EUR", Some("vault_issue_INSTRUMENT_DECLINED"))),
        ("a new issue", paypal("10.00", "EUR", Some("vault_issue_SOMETHING_NEW"))),
    ] {
        let id = merchant.paid(key, &body).await;
        told.push(merchant.payment_with(&id, &["failed", "succeeded"]).await);
    }
    deployment
        .faults(json!([{ "fault": "400", "count": 1, "match": { "path_prefix": "/v1/refunds" } }]))
        .await;
    let refund = json!({ "payment": held, "amount": "10.00" });
    let refund = merchant.send(Method::POST, "/refund-payment", &[("idempotency-key", "r")], &refund).await;
    told.push(merchant.refund_with(refund.text("id"), &["failed"]).await);
    deployment.settled().await;
    for end in &told {
        let text = end.to_string();
        assert!(!card_data::in_text(&text) && !text.contains("we were sent"), "{text}");
    }
    let message = told[0]["failure"]["message"].as_str().unwrap();
    assert_eq!(message, "The gateway knows no such thing: is the token one of this account's?");
    assert_eq!(told[0]["failure"]["code"], "resource_missing");
    let recorded = "SELECT count(*) FROM gateway_calls WHERE detail LIKE '%(we were sent pm_[card data]%'";
    assert!(deployment.count(recorded).await >= 2, "operators have the gateway's words, without the number");
    assert_nothing_kept(&deployment, &[Service::Api, Service::Worker, Service::Scheduler]).await;
}

/// Neither the logs nor a dump of the database hold a card number, nor its hexadecimal form.
async fn assert_nothing_kept(deployment: &Deployment, services: &[Service]) {
    for service in services {
        for line in deployment.log(*service).lines() {
            assert!(!card_data::in_text(line), "{service:?}: {line}");
        }
    }
    let dump = deployment.dump().await;
    assert!(dump.contains("merchants"), "it is a dump");
    for line in dump.lines() {
        assert!(
            !line.contains(NUMBER) && !line.contains("4242424242") && !line.contains("3432343234323432"),
            "{line}"
        );
        assert!(!line.contains("NDI0Mj"), "{line}");
    }
}
