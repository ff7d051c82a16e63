//! The access token: one between all calls, exchanged once when it is refused.

use std::sync::Arc;

use serde_json::{Value, json};

use super::fixture;
use crate::contract::{
    fixture::{GatewayFixture, from_now},
    vocabulary::Report,
};

async fn tokens_issued(fixture: &GatewayFixture) -> u64 {
    fixture.deployment.sandbox("GET", "/control/paypal", &Value::Null).await["tokens_issued"]
        .as_u64()
        .unwrap()
}

async fn expire_tokens(fixture: &GatewayFixture) {
    fixture.control("paypal/expire_tokens", json!({})).await;
}

#[tokio::test]
async fn all_calls_share_one_token_and_exchange_it_once() {
    let fixture = Arc::new(fixture().await);
    for issued in 1..=2 {
        let calls: Vec<_> = (0..50)
            .map(|_| {
                let fixture = Arc::clone(&fixture);
                tokio::spawn(async move { fixture.paid("vault_ok").await.1 })
            })
            .collect();
        for call in calls {
            let report = call.await.unwrap();
            assert!(matches!(report, Report::Succeeded(_)), "{report:?}");
        }
        assert_eq!(tokens_issued(&fixture).await, issued);
        // Whoever comes next is told that the token is not alive.
        expire_tokens(&fixture).await;
    }
}

#[tokio::test]
async fn a_token_is_exchanged_on_every_kind_of_call() {
    let fixture = fixture().await;
    let (request, report) = fixture.paid("vault_ok").await;
    expire_tokens(&fixture).await;
    assert_eq!(fixture.found_charge(&request).await, report);
    expire_tokens(&fixture).await;
    assert!(fixture.gateway.settlement_report((from_now(-60), from_now(60)), None).await.is_ok());
    assert_eq!(tokens_issued(&fixture).await, 3);
}

#[tokio::test]
async fn without_a_token_nothing_was_sent() {
    let fixture = fixture().await;
    // All of PayPal is away, and what is asked first is a token.
    fixture.control("down", json!({ "down": true })).await;
    let (request, report) = fixture.paid("vault_ok").await;
    assert!(matches!(report, Report::NotSent { .. }), "{report:?}");
    fixture.control("down", json!({ "down": false })).await;
    assert!(matches!(fixture.charged(request).await.1, Report::Succeeded(_)), "nobody remembers the failure");
}
