//! API keys: what a merchant makes of them, how long they hold, and from where; caps are in [`caps`], and what operators
//! do in [`operators`].

mod caps;
mod operators;

use std::time::Duration;

use common::{
    id::ApiKeyId,
    merchant::{
        Rights,
        caps::Caps,
        key::ApiKey,
        scope::{Scope, Scopes},
        store::{
            self,
            keys::{self, NewKey},
        },
    },
    money::{Currency, Money},
};
use rand::{SeedableRng as _, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Deployment, Merchant, card, eventually, ids, within};
use tokio::time::Instant;

async fn make(merchant: &Merchant, body: Value) -> Answer {
    merchant.send(Method::POST, "/api-keys", &[], &body).await
}

/// Somebody with the key that was just made.
fn holder(of: &Merchant, made: &Answer) -> Merchant {
    Merchant::new(of.url.clone(), made.text("secret").to_owned())
}

async fn revoke(merchant: &Merchant, id: &str) -> Answer {
    merchant.send(Method::DELETE, &format!("/api-keys/{id}"), &[], &Value::Null).await
}

#[tokio::test]
async fn a_key_is_made_shown_once_and_revoked() {
    let deployment = Deployment::api_alone().await;
    let admin = &deployment.merchant;
    let body = json!({
        "name": "shop plugin", "scopes": ["refunds:read", "payments:write", "payments:write"],
        "allowed_addresses": ["127.0.0.1", "2001:db8::/32"],
    });
    let made = admin.send(Method::POST, "/api-keys", &[("idempotency-key", "one")], &body).await;
    assert_eq!((made.status, made.header("cache-control")), (201, "no-store"), "{made:?}");
    assert_eq!(made.body["scopes"], json!(["payments:write", "refunds:read"]));
    assert_eq!(made.body["allowed_addresses"], json!(["127.0.0.1/32", "2001:db8::/32"]));
    let (id, secret) = (made.text("id").to_owned(), made.text("secret").to_owned());
    assert!(secret.starts_with("rmt_test_") && secret.ends_with(made.text("last4")));

    let again = admin.send(Method::POST, "/api-keys", &[("idempotency-key", "one")], &body).await;
    assert_eq!((again.status, again.text("id")), (201, id.as_str()));
    assert_eq!((again.header("idempotent-replayed"), &again.body["secret"]), ("true", &Value::Null));
    let other = admin
        .send(Method::POST, "/api-keys", &[("idempotency-key", "one")], &json!({ "scopes": ["admin"] }))
        .await;
    assert_eq!(other.text("code"), "idempotency-key-reused");

    let found = admin.get(&format!("/api-keys/{id}")).await;
    assert_eq!((found.status, &found.body["secret"]), (200, &Value::Null));
    assert_eq!(admin.all("/api-keys?limit=1").await.len(), 2);
    let plugin = holder(admin, &made);
    assert_eq!(plugin.get("/payments").await.status, 200);
    assert_eq!(plugin.get("/api-keys").await.text("code"), "scope-missing");
    for _ in 0..2 {
        assert_eq!(revoke(admin, &id).await.status, 204);
    }
    assert!(admin.get(&format!("/api-keys/{id}")).await.body["revoked_at"].is_string());
    // What was shown to nobody but its owner is written nowhere.
    assert!(!deployment.dump().await.contains(&secret));
}

#[tokio::test]
async fn what_a_key_cannot_have_is_said_with_its_field() {
    let deployment = Deployment::api_alone().await;
    let admin = &deployment.merchant;
    let eur = json!([{ "amount": "10.00", "currency": "EUR" }]);
    for (body, pointer) in [
        (json!({ "scopes": [] }), "/scopes"),
        (json!({}), "/scopes"),
        (json!({ "scopes": ["admin"], "expires_at": "2026-01-01T00:00:00Z" }), "/expires_at"),
        (json!({ "scopes": ["payments"] }), "/scopes/0"),
        (json!({ "scopes": ["payments:read"], "allowed_addresses": ["10.0.0.1/8"] }), "/allowed_addresses/0"),
        (json!({ "scopes": ["admin"], "caps": { "amount_per_day": eur } }), "/scopes"),
        (json!({ "scopes": ["subscriptions:write"], "caps": { "own_payments_only": true } }), "/scopes"),
        (
            json!({ "scopes": ["payments:write"], "caps": { "amount_per_payment": [eur[0], eur[0]] } }),
            "/caps/amount_per_payment",
        ),
        (
            json!({ "scopes": ["payments:write"], "caps": { "amount_per_day": [{ "amount": "1.001", "currency": "EUR" }] } }),
            "/caps/amount_per_day/0/amount",
        ),
    ] {
        assert_eq!(make(admin, body.clone()).await.fault(), pointer, "{body}");
    }

    // Whoever is bounded gives no more than that.
    let bounded = json!({
        "scopes": ["admin"], "expires_at": "2090-01-01T00:00:00Z", "allowed_addresses": ["127.0.0.0/8"],
    });
    let bounded = holder(admin, &make(admin, bounded).await);
    for (body, pointer) in [
        (json!({ "scopes": ["payments:read"], "allowed_addresses": ["127.0.0.1"] }), "/expires_at"),
        (json!({ "scopes": ["payments:read"], "expires_at": "2089-01-01T00:00:00Z" }), "/allowed_addresses"),
    ] {
        assert_eq!(make(&bounded, body.clone()).await.fault(), pointer, "{body}");
    }
    let within = json!({
        "scopes": ["payments:read"], "expires_at": "2089-01-01T00:00:00Z", "allowed_addresses": ["127.0.0.1"],
    });
    assert_eq!(make(&bounded, within).await.status, 201);
    let first = admin.all("/api-keys").await.pop().unwrap();
    let path = format!("/api-keys/{}/rotate", first["id"].as_str().unwrap());
    let refused = bounded.send(Method::POST, &path, &[], &Value::Null).await;
    assert_eq!((refused.status, refused.text("code")), (403, "key-exceeds-yours"), "{refused:?}");
}

#[tokio::test]
async fn a_key_is_read_as_it_was_written() {
    let deployment = Deployment::api_alone().await;
    let mut db = deployment.pool.acquire().await.unwrap();
    let merchant = store::find_or_create(&mut db, "Bakery", true).await.unwrap();
    let amount = |text: &str, code| Money::parse_positive(text, Currency::from_code(code).unwrap()).unwrap();
    let rights = Rights {
        scopes: Scopes::new(vec![Scope::PaymentsWrite, Scope::EventsRead]).unwrap(),
        expires_at: Some("2090-01-01T00:00:00Z".parse().unwrap()),
        allowed_addresses: vec!["203.0.113.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
        caps: Caps {
            payment: vec![amount("50.25", "EUR"), amount("1", "JPY")],
            day: vec![amount("1000", "EUR")],
            own_payments_only: true,
        },
    };
    let (id, first) = (ApiKeyId::new(), ApiKeyId::new());
    let key = ApiKey::generate(&mut StdRng::seed_from_u64(1), true);
    let new = NewKey { id, merchant, first_key: Some(first), name: Some("agent"), rights: &rights };
    keys::add(&mut *db, &key, &new).await.unwrap();
    let read = keys::find(&mut *db, merchant, id).await.unwrap().unwrap();
    assert_eq!((read.id, read.merchant_id, read.first_key_id), (id, merchant, first));
    assert_eq!(
        (read.name.as_deref(), read.prefix.as_str(), read.last4.as_str()),
        (Some("agent"), "rmt_live_", key.last4())
    );
    assert_eq!((read.livemode, &read.rights), (true, &rights));
    assert_eq!((read.overlap_ends_at, read.last_used_at, read.revoked_at), (None, None, None));
}

#[tokio::test]
async fn the_last_key_that_makes_keys_stays() {
    let deployment = Deployment::api_alone().await;
    let admin = &deployment.merchant;
    let first = ids(&admin.get("/api-keys").await.body)[0].to_owned();
    assert_eq!(revoke(admin, &first).await.text("code"), "last-admin-key");
    let made = make(admin, json!({ "scopes": ["admin"] })).await;
    let (second, other) = (made.text("id").to_owned(), holder(admin, &made));
    // Each wants the other to go: one of them stays.
    let (one, two) = tokio::join!(revoke(admin, &second), revoke(&other, &first));
    let mut answers = [one.status, two.status];
    answers.sort_unstable();
    assert_eq!(answers, [204, 409], "{one:?} {two:?}");
}

#[tokio::test]
async fn a_key_is_rotated_and_both_hold_for_a_while() {
    let deployment = Deployment::api_alone().await;
    let admin = &deployment.merchant;
    let made = make(admin, json!({ "name": "plugin", "scopes": ["payments:write"] })).await;
    let (id, old) = (made.text("id").to_owned(), holder(admin, &made));
    let path = format!("/api-keys/{id}/rotate");
    let asked = json!({ "expires_old_in": 3600 });
    let rotated = admin.send(Method::POST, &path, &[("idempotency-key", "r")], &asked).await;
    assert_eq!((rotated.status, rotated.text("name")), (201, "plugin"), "{rotated:?}");
    assert_eq!(rotated.body["scopes"], json!(["payments:write"]));
    assert_eq!(rotated.body["expires_at"], Value::Null);
    let again = admin.send(Method::POST, &path, &[("idempotency-key", "r")], &asked).await;
    assert_eq!((again.text("id"), &again.body["secret"]), (rotated.text("id"), &Value::Null));

    // A second time, because the first was lost: it ends as the first of all was to.
    let lost = admin.send(Method::POST, &path, &[], &Value::Null).await;
    assert_eq!((lost.status, &lost.body["expires_at"]), (201, &Value::Null));
    let new = holder(admin, &rotated);
    for key in [&old, &new] {
        assert_eq!(key.get("/payments").await.status, 200);
    }
    deployment.advance(3601).await;
    eventually("the old key has expired", || async {
        let answer = old.get("/payments").await;
        (answer.status == 401 && answer.text("detail").contains("expired")).then_some(())
    })
    .await;
    assert_eq!(new.get("/payments").await.status, 200);
    let ended = admin.send(Method::POST, &path, &[], &asked).await;
    assert_eq!((ended.status, ended.text("code")), (409, "api-key-ended"));
}

/// What is believed for a while is not believed past the end.
#[tokio::test]
async fn a_key_ends_to_the_moment_however_often_it_is_used() {
    let deployment = Deployment::api_alone().await;
    let admin = &deployment.merchant;
    let now: String = sqlx::query_scalar("SELECT to_char((remit_now() + interval '2 s') AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')")
        .fetch_one(&deployment.pool)
        .await
        .unwrap();
    let began = Instant::now();
    let short = holder(admin, &make(admin, json!({ "scopes": ["payments:read"], "expires_at": now })).await);
    let mut uses = 0;
    let ended = within(Duration::from_secs(4), || {
        uses += 1;
        async { (short.get("/payments").await.status == 401).then_some(()) }
    })
    .await;
    assert!(ended.is_some() && uses > 1, "after {uses} uses in {:?}", began.elapsed());
}

#[tokio::test]
async fn a_key_is_used_from_where_it_may_be() {
    let deployment = Deployment::api_alone().await;
    let admin = &deployment.merchant;
    for (networks, status) in [
        (json!(["127.0.0.0/8"]), 200),
        (json!(["203.0.113.0/24", "127.0.0.1"]), 200),
        (json!(["203.0.113.0/24", "::/0"]), 403),
    ] {
        let body = json!({ "scopes": ["payments:read"], "allowed_addresses": networks });
        let key = holder(admin, &make(admin, body).await);
        // The second time it is remembered. What a caller says of itself is no address.
        for headers in [&[][..], &[("x-forwarded-for", "203.0.113.7"), ("forwarded", "for=203.0.113.7")]] {
            let answer = key.send(Method::GET, "/payments", headers, &Value::Null).await;
            assert_eq!(answer.status, status, "{networks}: {answer:?}");
            assert!(status == 200 || answer.text("code") == "address-not-allowed");
        }
    }
}

#[tokio::test]
async fn a_revoked_key_stops_on_every_process_within_five_seconds() {
    let mut deployment = Deployment::api_alone().await;
    let elsewhere = deployment.another_api(&[]).await;
    let admin = deployment.merchant.clone();
    let made = make(&admin, json!({ "scopes": ["payments:read"] })).await;
    let here = holder(&admin, &made);
    let there = Merchant::new(elsewhere, here.key.clone());
    for key in [&here, &there] {
        assert_eq!(key.get("/payments").await.status, 200);
    }
    assert_eq!(revoke(&admin, made.text("id")).await.status, 204);
    for key in [&here, &there] {
        let refused = within(Duration::from_secs(6), || async {
            (key.get("/payments").await.status == 401).then_some(())
        });
        assert!(refused.await.is_some(), "it works still, more than 5 s later");
    }
}

#[tokio::test]
async fn the_last_use_of_a_key_is_told_to_the_minute() {
    let deployment = Deployment::api_alone().await;
    let admin = &deployment.merchant;
    let made = make(admin, json!({ "scopes": ["payments:write"], "allowed_addresses": ["127.0.0.1"] })).await;
    assert_eq!(made.body["last_used_at"], Value::Null);
    let path = format!("/api-keys/{}", made.text("id"));
    let used = || async { admin.get(&path).await.body["last_used_at"].as_str().map(str::to_owned) };
    let key = holder(admin, &made);
    key.paid("k", &card("1.00", "EUR", "pm_card_visa")).await;
    let first = eventually("it is told", used).await;
    // Within the minute it is not written again, whichever process says so.
    deployment.advance(50).await;
    keys::tell_use(&deployment.pool, made.text("id").parse().unwrap()).await.unwrap();
    assert_eq!(used().await.as_ref(), Some(&first));
    deployment.advance(15).await;
    eventually("a later use is told", || async {
        key.get("/payments").await;
        used().await.filter(|last| *last > first)
    })
    .await;
    let revoked_elsewhere =
        make(admin, json!({ "scopes": ["payments:read"], "allowed_addresses": ["::1"] })).await;
    assert_eq!(holder(admin, &revoked_elsewhere).get("/payments").await.status, 403);
    let path = format!("/api-keys/{}", revoked_elsewhere.text("id"));
    assert_eq!(admin.get(&path).await.body["last_used_at"], Value::Null, "it was refused");
}
