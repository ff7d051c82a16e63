//! Events that others make up in PayPal's name, with real signatures and real certificates that are not PayPal's: they
//! are refused where they come in, and cost nobody else anything.

pub mod forger;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use common::{
    gateway::{About, Event, GatewayName, Received},
    gateway_event::store::{Accepted, accept},
};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Deployment, Merchant, Service, Settings, WEBHOOK_ID, card, eventually, paypal};

use forger::{Forgery, KINDS, Key, Kind, Transmission};

/// Events of the flood; `./dev faults` sends more.
fn flood_size() -> usize {
    std::env::var("REMIT_FORGED_EVENTS").map_or(2000, |text| text.parse().unwrap())
}

/// How many send them at once, and how often each: 400 in a second.
const SENDERS: usize = 4;
const SENDER_INTERVAL: Duration = Duration::from_millis(10);

/// What is no difference yet, on a machine that runs other tests beside this one. Without the signature's check on
/// arrival the flood takes more than ten times as long.
const NOISE: Duration = Duration::from_millis(100);

async fn tell(merchant: &Merchant, sent: &Transmission) -> Answer {
    let mut headers: Vec<_> =
        sent.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    headers.push(("authorization", "Bearer nobody"));
    let path = "/gateways/paypal/webhook";
    let body = Some(sent.body.clone());
    merchant.try_send(Method::POST, path, &headers, body).await.expect("an answer")
}

/// How often the sandbox was asked for something.
async fn asked(deployment: &Deployment, path: &str) -> usize {
    let log = deployment.sandbox("GET", "/requests", &Value::Null).await;
    let requests = log["data"].as_array().unwrap().iter();
    requests.filter(|request| request["path"].as_str().unwrap().starts_with(path)).count()
}

/// The middle one of some payments' times, until they have succeeded.
async fn p50(merchant: &Merchant, name: &str, body: &Value) -> Duration {
    let mut times = Vec::new();
    for number in 0..15 {
        let started = Instant::now();
        let key = format!("{name} {number}");
        let headers = [("idempotency-key", key.as_str()), ("prefer", "wait=20")];
        let answer = merchant.send(Method::POST, "/process-payment", &headers, body).await;
        assert_eq!(answer.text("status"), "succeeded", "{answer:?}");
        times.push(started.elapsed());
    }
    times.sort();
    times[times.len() / 2]
}

async fn both_p50(merchant: &Merchant, name: &str) -> [Duration; 2] {
    let (stripe, paypal) = (card("10.00", "EUR", "pm_card_visa"), paypal("10.00", "EUR", Some("vault_ok")));
    [p50(merchant, &format!("{name} s"), &stripe).await, p50(merchant, &format!("{name} p"), &paypal).await]
}

/// Sends all of them, and again while something else is being done. At a steady rate: it is to be seen whether they
/// stand in the way, not how much this machine can do.
async fn in_a_flood<T>(
    merchant: &Merchant,
    forgeries: &[Transmission],
    meanwhile: impl Future<Output = T>,
) -> T {
    let ended = AtomicBool::new(false);
    let senders = (0..SENDERS).map(|sender| {
        let ended = &ended;
        async move {
            let mut turns = tokio::time::interval(SENDER_INTERVAL);
            for number in (sender..).step_by(SENDERS) {
                if number >= forgeries.len() && ended.load(Ordering::Relaxed) {
                    return;
                }
                turns.tick().await;
                let refused = tell(merchant, &forgeries[number % forgeries.len()]).await;
                // Whoever names certificates by the dozen is told to come back later.
                assert!(matches!(refused.status, 400 | 503), "{number}: {refused:?}");
            }
        }
    });
    let meanwhile = async {
        let done = meanwhile.await;
        ended.store(true, Ordering::Relaxed);
        done
    };
    tokio::join!(join_all(senders), meanwhile).1
}

/// Each kind is refused, by itself and two thousand at once; nothing of it is stored, no worker hears of it, payments
/// take no longer, and what PayPal really sends meanwhile is taken.
#[tokio::test]
async fn a_flood_of_forged_events_is_refused_and_stops_nobody() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let sandbox = deployment.sandbox_url();
    for (number, kind) in KINDS.into_iter().enumerate() {
        let refused = tell(merchant, &Forgery { kind, sandbox, number }.make()).await;
        assert_eq!((refused.status, refused.text("code")), (400, "signature-invalid"), "{kind:?}");
    }
    let forge = |number| Forgery { kind: KINDS[number % KINDS.len()], sandbox, number }.make();
    let forgeries: Vec<_> = (0..flood_size()).map(forge).collect();
    let before = both_p50(merchant, "before").await;
    let during = in_a_flood(merchant, &forgeries, both_p50(merchant, "during")).await;
    let after = both_p50(merchant, "after").await;
    for (gateway, number) in [("Stripe", 0), ("PayPal", 1)] {
        let idle = before[number].max(after[number]).max(NOISE);
        println!("{gateway}: p50 {idle:?} idle, {:?} in the flood", during[number]);
        assert!(during[number] <= 2 * idle, "{gateway}: {idle:?}, and {:?} in the flood", during[number]);
    }
    deployment.quiet().await;
    let told = deployment.sandbox("GET", "/control/webhooks", &Value::Null).await;
    assert_eq!(told["failed_attempts"], 0, "each genuine event is taken at once: {told}");
    let strange = "SELECT count(*) FROM gateway_events WHERE event_id LIKE 'WH-FORGED%' OR NOT verified";
    assert_eq!(deployment.count(strange).await, 0);
    assert_eq!(asked(&deployment, "/v1/notifications/verify-webhook-signature").await, 0);
    let fetched = asked(&deployment, "/v1/notifications/certs/").await;
    assert!(fetched <= 60, "{fetched} certificates were fetched");
    deployment.check_books().await;
}

/// A new process knows no certificate yet, and others name so many that it fetches no more: it fetches the one that
/// has proved something before.
#[tokio::test]
async fn after_a_start_invented_certificates_keep_no_genuine_event_out() {
    let mut deployment = Deployment::start().await;
    let own = |deployment: &Deployment, id| Transmission::of_paypal(deployment.sandbox_url(), id, 0);
    assert_eq!(tell(&deployment.merchant, &own(&deployment, "WH-FIRST")).await.status, 200);
    eventually("it is remembered what the certificate has proved", || async {
        (deployment.count("SELECT count(*) FROM paypal_certificates").await == 1).then_some(())
    })
    .await;
    deployment.stop(Service::Api).await;
    deployment.run(Service::Api).await;
    let merchant = deployment.new_merchant("After").await;
    let invented = |number| {
        let kind = Kind::UnknownCertificate;
        Forgery { kind, sandbox: deployment.sandbox_url(), number }.make()
    };
    let refused = join_all((0..60).map(|number| {
        let (merchant, forged) = (&merchant, invented(number));
        async move { tell(merchant, &forged).await.status }
    }));
    assert!(refused.await.contains(&503), "what is fetched of invented ones is used up");
    assert_eq!(tell(&merchant, &own(&deployment, "WH-SECOND")).await.status, 200);
}

/// The certificate is away: PayPal is asked. Its events are kept until then, few of them, and none that is long.
#[tokio::test]
async fn without_the_certificate_paypal_is_asked_and_little_is_kept() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.sandbox("POST", "/control/paypal/certificates", &json!({ "away": true })).await;
    let own = |id: &str, padding: usize| Transmission::of_paypal(deployment.sandbox_url(), id, padding);
    assert_eq!(tell(merchant, &own("WH-LONG", 9000)).await.status, 413);
    let mut forged = own("WH-FORGED", 0);
    forged.sign(Key::Forger, WEBHOOK_ID);
    assert_eq!(tell(merchant, &forged).await.status, 200, "only PayPal can tell");
    let mut noted = own("WH-NOTED", 0);
    noted.body = noted.body.replacen('{', "{\"note\":\"4242 4242 4242 4242\",", 1);
    assert_eq!(tell(merchant, &noted).await.text("code"), "card-data-refused", "all of it would be kept");
    assert_eq!(tell(merchant, &own("WH-OWN", 0)).await.status, 200);
    deployment.settled().await;
    let left = "SELECT count(*) FROM gateway_events WHERE event_id = 'WH-OWN' AND verified AND body IS NULL";
    assert_eq!(deployment.count(left).await, 1);
    assert_eq!(deployment.count("SELECT count(*) FROM gateway_events").await, 1);

    deployment.sandbox("POST", "/control/paypal/certificates", &json!({ "away": false })).await;
    eventually("a long one is taken once its signature can be checked", || async {
        (tell(merchant, &own("WH-LONG", 9000)).await.status == 200).then_some(())
    })
    .await;
    deployment.settled().await;
    assert_eq!(asked(&deployment, "/v1/notifications/verify-webhook-signature").await, 2);
}

/// PayPal's server may leave out what leads to the root: then its signature is right, and PayPal is asked.
#[tokio::test]
async fn a_certificate_that_came_alone_is_asked_about() {
    let deployment = Deployment::start().await;
    let mut event = Transmission::of_paypal(deployment.sandbox_url(), "WH-OWN", 0);
    event.certificate(deployment.sandbox_url(), "CERT-without-issuer");
    assert_eq!(tell(&deployment.merchant, &event).await.status, 200);
    let mut forged = event.clone();
    forged.sign(Key::Forger, WEBHOOK_ID);
    assert_eq!(tell(&deployment.merchant, &forged).await.status, 400, "the signature is looked at first");
    deployment.settled().await;
    assert_eq!(asked(&deployment, "/v1/notifications/verify-webhook-signature").await, 1);
    assert_eq!(deployment.count("SELECT count(*) FROM gateway_events WHERE verified").await, 1);
}

/// What cannot be told from a forgery is not taken.
#[tokio::test]
async fn a_gateway_that_is_not_configured_sends_nothing() {
    let settings = Settings { services: vec![Service::Sandbox], ..Settings::default() };
    let mut deployment = Deployment::start_with(settings).await;
    for name in ["REMIT_PAYPAL_WEBHOOK_ID", "REMIT_STRIPE_WEBHOOK_SECRETS"] {
        deployment.set(name, "");
    }
    deployment.run(Service::Api).await;
    let merchant = deployment.new_merchant("Other").await;
    let event = Transmission::of_paypal(deployment.sandbox_url(), "WH-OWN", 0);
    let refused = tell(&merchant, &event).await;
    assert_eq!((refused.status, refused.text("code")), (404, "gateway-not-configured"));
    let stripe = merchant.try_send(Method::POST, "/gateways/stripe/webhook", &[], Some("{}".into())).await;
    assert_eq!(stripe.unwrap().text("code"), "gateway-not-configured");
    assert_eq!(deployment.count("SELECT count(*) FROM gateway_events").await, 0);
}

/// Whatever PayPal may have signed, what cannot be stored is the sender's fault.
#[tokio::test]
async fn odd_names_are_refused_and_no_fault_of_ours() {
    let deployment = Deployment::start().await;
    for body in [
        r#"{"id":"WH-\u0000","event_type":"CUSTOMER.DISPUTE.CREATED","resource":{"dispute_id":"PP-D-1"}}"#,
        r#"{"id":"WH-1","event_type":"CUSTOMER.DISPUTE.\u0000","resource":{"dispute_id":"PP-D-1"}}"#,
        r#"{"id":"WH-1","event_type":"CUSTOMER.DISPUTE.CREATED","resource":{"dispute_id":"PP-D-\u0000"}}"#,
        r#"{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED","resource":{"custom_id":"pay_\u0000"}}"#,
        r#"{"id":"","event_type":"CUSTOMER.DISPUTE.CREATED","resource":{"dispute_id":"PP-D-1"}}"#,
        "{",
    ] {
        let mut event = Transmission::of_paypal(deployment.sandbox_url(), "WH-1", 0);
        event.body = body.into();
        event.sign(Key::Paypal, WEBHOOK_ID);
        let answer = tell(&deployment.merchant, &event).await;
        assert!(matches!(answer.status, 200 | 400), "{body}: {answer:?}");
    }
    assert_eq!(deployment.count("SELECT count(*) FROM gateway_events").await, 0);
}

/// However many come at once, no more of one gateway are kept than are allowed; and what is verified is taken.
#[tokio::test]
async fn what_is_not_verified_is_bounded_exactly_and_for_each_gateway() {
    let deployment = Deployment::start_with(Settings { services: Vec::new(), ..Settings::default() }).await;
    let pool = &deployment.pool;
    sqlx::query(
        "INSERT INTO gateway_events (id, gateway, event_id, kind, about, verified)
         SELECT gen_random_uuid(), 'paypal', 'WH-' || n, 'X', '\"nothing\"', false
         FROM generate_series(1, 990) n",
    )
    .execute(pool)
    .await
    .unwrap();
    let received = Received { headers: Default::default(), body: b"{}".to_vec() };
    let event = |id: String| Event {
        id,
        kind: "CUSTOMER.DISPUTE.CREATED".into(),
        about: About::Dispute { dispute_ref: "PP-D-1".into() },
    };
    let many = join_all((0..60).map(|n| {
        let (event, received) = (event(format!("WH-NEW-{n}")), &received);
        async move { accept(pool, (GatewayName::Paypal, None), &event, Some(received)).await.unwrap() }
    }));
    let accepted = many.await;
    assert_eq!(accepted.iter().filter(|accepted| matches!(accepted, Accepted::New(..))).count(), 10);
    assert_eq!(deployment.count("SELECT count(*) FROM gateway_events").await, 1000);
    let verified = accept(pool, (GatewayName::Paypal, None), &event("WH-OWN".into()), None).await.unwrap();
    assert!(matches!(verified, Accepted::New(..)), "a genuine one is never kept out");
    let of_another =
        accept(pool, (GatewayName::Stripe, None), &event("evt_1".into()), Some(&received)).await.unwrap();
    assert!(matches!(of_another, Accepted::New(..)), "each gateway has room of its own");
}
