//! A body that is there is read, however it comes; and whoever sends one where there is none is told.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Deployment, Heard, Wire, card};

/// A request whose body comes as the caller likes.
async fn post(deployment: &Deployment, path: &str, headers: &str, parts: &[&str]) -> Heard {
    let mut wire = Wire::open(&deployment.merchant.url).await;
    let key = &deployment.merchant.key;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {key}\r\n{headers}\r\n"
    );
    wire.send(head).await;
    for part in parts {
        // In a segment of its own.
        tokio::time::sleep(Duration::from_millis(20)).await;
        wire.send(part).await;
    }
    wire.hear(tests::PATIENCE).await
}

const JSON: &str = "content-type: application/json\r\n";
const CHUNKED: &str = "content-type: application/json\r\ntransfer-encoding: chunked\r\n";

#[tokio::test]
async fn a_capture_takes_what_its_body_says_however_it_comes() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    for (name, headers, parts, status, captured) in [
        ("chunked", CHUNKED.to_owned(), vec!["11\r\n{\"amount\":\"1.00\"}\r\n0\r\n\r\n"], 202, "1.00"),
        (
            "in pieces",
            CHUNKED.to_owned(),
            vec!["a\r\n{\"amount\":\r\n", "7\r\n\"1.00\"}\r\n", "0\r\n\r\n"],
            202,
            "1.00",
        ),
        (
            "with its length",
            format!("{JSON}content-length: 17\r\n"),
            vec!["{\"amount\":", "\"1.00\"}"],
            202,
            "1.00",
        ),
        ("no body", String::new(), vec![], 202, "100.00"),
        ("of no length", "content-length: 0\r\n".to_owned(), vec![], 202, "100.00"),
        ("of no length, written otherwise", "content-length: 00\r\n".to_owned(), vec![], 202, "100.00"),
        ("chunked, and empty", CHUNKED.to_owned(), vec!["0\r\n\r\n"], 202, "100.00"),
        ("of no type", "content-length: 17\r\n".to_owned(), vec!["{\"amount\":\"1.00\"}"], 415, "0.00"),
        ("blank", format!("{JSON}content-length: 1\r\n"), vec![" "], 400, "0.00"),
        ("null", format!("{JSON}content-length: 4\r\n"), vec!["null"], 422, "0.00"),
    ] {
        let mut body = card("100.00", "EUR", "pm_card_visa");
        body["capture"] = json!("manual");
        let id = merchant.paid(name, &body).await;
        merchant.payment_with(&id, &["authorized"]).await;
        let heard = post(&deployment, &format!("/payments/{id}/capture"), &headers, &parts).await;
        assert_eq!(heard.status(), Some(status), "{name}: {heard:?}");
        let then = if status == 202 { "succeeded" } else { "authorized" };
        assert_eq!(merchant.payment_with(&id, &[then]).await["amount_captured"], captured, "{name}");
    }
    deployment.settled().await;
    deployment.check_books().await;
}

#[tokio::test]
async fn a_pause_is_what_its_body_says_however_it_comes() {
    let deployment = Deployment::start().await;
    let plan = deployment.merchant.plan("30.00", "month").await;
    for (name, headers, parts, status) in [
        ("chunked", CHUNKED, "19\r\n{\"when\": \"at_period_end\"}\r\n0\r\n\r\n", "active"),
        ("no body", "", "", "paused"),
    ] {
        let subscription = deployment.merchant.subscribed(name, &plan, 1).await;
        let heard =
            post(&deployment, &format!("/subscriptions/{subscription}/pause"), headers, &[parts]).await;
        assert_eq!(
            (heard.status(), &heard.body()["status"]),
            (Some(202), &json!(status)),
            "{name}: {heard:?}"
        );
    }
}

/// A body in which a caller says how, and which nobody would read, is not answered as if it had been.
#[tokio::test]
async fn a_body_that_nobody_reads_is_refused() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let id = merchant.paid("k", &card("5.00", "EUR", "pm_card_visa")).await;
    let says = json!({ "at_period_end": true });
    for (method, path) in [
        (Method::POST, format!("/payments/{id}/cancel")),
        (Method::DELETE, "/plans/plan_0193a3f1c2d87b51a9f0c4d2e8b7a601".into()),
        (Method::DELETE, "/cancel-subscription/sub_0193a3f1c2d87b51a9f0c4d2e8b7a601".into()),
        (Method::POST, "/invoices/in_0193a3f1c2d87b51a9f0c4d2e8b7a601/pay".into()),
        (Method::POST, "/invoices/in_0193a3f1c2d87b51a9f0c4d2e8b7a601/void".into()),
        (Method::POST, "/invoices/in_0193a3f1c2d87b51a9f0c4d2e8b7a601/mark-uncollectible".into()),
    ] {
        let answer = merchant.send(method.clone(), &path, &[], &says).await;
        assert_eq!(
            (answer.status, answer.body["code"].as_str()),
            (422, Some("validation-failed")),
            "{path} {answer:?}"
        );
        assert_eq!(answer.body["errors"][0]["pointer"], "/at_period_end");
    }
    assert_eq!(merchant.payment(&id).await.text("status"), "pending");
    // What says nothing is no body.
    let answer = merchant.send(Method::POST, &format!("/payments/{id}/cancel"), &[], &json!({})).await;
    assert_eq!(answer.status, 202, "{answer:?}");
}

/// Whatever a dependency's features switch on: over HTTP/2 a body needs no header that says it is there.
#[tokio::test]
async fn http_2_is_not_spoken() {
    let deployment = Deployment::api_alone().await;
    let mut wire = Wire::open(&deployment.merchant.url).await;
    // The preface, and an empty SETTINGS frame: what a client with prior knowledge begins with.
    wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    let heard = wire.hear(Duration::from_secs(5)).await;
    assert!(heard.closed, "{heard:?}");
    assert!(heard.text.is_empty() || heard.text.starts_with("HTTP/1.1 "), "{heard:?}");
    // Nor is it offered as an upgrade.
    let mut wire = Wire::open(&deployment.merchant.url).await;
    wire.send("GET /livez HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings, close\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n").await;
    let heard = wire.hear(tests::PATIENCE).await;
    assert_eq!((heard.status(), heard.text.ends_with("ok")), (Some(200), true), "{heard:?}");
}

/// Ten seconds, however little comes however often.
#[tokio::test]
async fn what_does_not_arrive_is_not_waited_for() {
    let deployment = Deployment::api_alone().await;
    let key = &deployment.merchant.key;
    let head = format!(
        "POST /process-payment HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nidempotency-key: k\r\n\
         content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{"
    );
    let half_a_head = &head[..40];
    let begun = tokio::time::Instant::now();
    let url = &deployment.merchant.url;
    let heard = async |begins: &str, goes_on: bool| {
        let mut wire = Wire::open(url).await;
        wire.send(begins).await;
        let mut heard = Heard { text: String::new(), closed: false };
        while !heard.closed {
            assert!(begun.elapsed() < Duration::from_secs(25), "{heard:?}");
            let more = wire.hear(Duration::from_millis(500)).await;
            heard = Heard { text: heard.text + &more.text, closed: more.closed };
            if goes_on {
                wire.send(" ").await;
            }
        }
        (heard, begun.elapsed())
    };
    let (nothing, half, head_only, trickle) =
        tokio::join!(heard("", false), heard(half_a_head, false), heard(&head, false), heard(&head, true));
    for (name, (heard, after), status) in [
        ("nothing", nothing, None),
        ("half a head", half, None),
        ("a head", head_only, Some(408)),
        ("a trickle", trickle, Some(408)),
    ] {
        assert!((9..15).contains(&after.as_secs()), "{name}: {after:?}");
        assert_eq!(heard.status(), status, "{name}: {heard:?}");
        if status.is_some() {
            assert_eq!(heard.body()["code"], "body-too-slow", "{heard:?}");
        }
    }
    assert_eq!(deployment.count("SELECT count(*) FROM payments").await, 0);
    assert_eq!(
        deployment.merchant.pay("k", &card("1.00", "EUR", "pm_1")).await.body["status"],
        Value::from("pending")
    );
}
