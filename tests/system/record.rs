//! The record of events: everything that a merchant can see is told, in the order of each object, and whoever reads on
//! misses nothing.

use std::{collections::HashMap, time::Duration};

use serde_json::Value;
use tests::{Deployment, Merchant, card, eventually};
use tokio::time::Instant;

/// The whole record, oldest first. Whatever has happened so far is settled, on a server that others use as well.
async fn record(deployment: &Deployment, merchant: &Merchant) -> Vec<Value> {
    eventually("all is settled", || async {
        let unsettled = "SELECT count(*) FROM events WHERE position >= remit_settled_position()";
        (deployment.count(unsettled).await == 0).then_some(())
    })
    .await;
    merchant.all("/events?after=beginning&limit=7").await
}

fn types(events: &[Value], object: &str) -> Vec<String> {
    let of = |event: &&Value| event["data"]["id"] == object;
    events.iter().filter(of).map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

/// What happened to each object is numbered from 1, and read in that order.
fn assert_in_order(events: &[Value]) {
    let mut seen: HashMap<&str, i64> = HashMap::new();
    for event in events {
        let (object, _) = event["id"].as_str().unwrap().rsplit_once('_').unwrap();
        let sequence = event["sequence"].as_i64().unwrap();
        assert_eq!(event["id"], format!("{object}_{sequence}"));
        let before = seen.insert(object, sequence).unwrap_or_default();
        assert_eq!(before + 1, sequence, "{event}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_a_merchant_can_see_is_told() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let good = merchant.paid_up("good", &card("49.90", "EUR", "pm_card_visa")).await;
    let bad = merchant.paid("bad", &card("9.00", "EUR", "pm_card_chargeDeclined")).await;
    merchant.payment_with(&bad, &["failed"]).await;
    let mut manual = card("5.00", "EUR", "pm_card_visa");
    manual["capture"] = "manual".into();
    let reserved = merchant.paid("reserved", &manual).await;
    merchant.payment_with(&reserved, &["authorized"]).await;
    merchant.cancel(&reserved).await;
    merchant.payment_with(&reserved, &["canceled"]).await;
    let refund = merchant.refunded("back", &good, Some("20.00")).await;
    merchant.refund_with(&refund, &["succeeded"]).await;
    let plan = merchant.plan("29.00", "month").await;
    let subscription = merchant.subscribed("sub", &plan, 1).await;
    merchant.cancel_subscription(&subscription, "", &[]).await;

    let events = record(&deployment, merchant).await;
    assert_in_order(&events);
    assert_eq!(types(&events, &good), ["payment.pending", "payment.succeeded"]);
    assert_eq!(types(&events, &bad), ["payment.pending", "payment.failed"]);
    assert_eq!(
        types(&events, &reserved),
        ["payment.pending", "payment.authorized", "payment.processing", "payment.canceled"]
    );
    assert_eq!(types(&events, &refund), ["refund.pending", "refund.succeeded"]);
    assert_eq!(
        types(&events, &subscription),
        ["subscription.incomplete", "subscription.active", "subscription.canceled"]
    );
    for r#type in ["invoice.open", "invoice.paid", "payment_method.added"] {
        assert!(events.iter().any(|event| event["type"] == r#type), "{type}");
    }
    let paid_for = events.iter().filter(|event| event["type"] == "payment.pending");
    assert_eq!(paid_for.filter(|event| event["data"]["invoice"].is_string()).count(), 1);

    // One by one, and back from the end, they are the same.
    let mut back = merchant.all("/events?limit=5").await;
    back.reverse();
    assert_eq!(back, events);
    let id = events[0]["id"].as_str().unwrap();
    assert_eq!(merchant.get(&format!("/events/{id}")).await.body, events[0]);
    assert_eq!(merchant.get("/events/evt_0193").await.status, 404);
    filters_pass_what_they_say(merchant, &events, &good).await;
    others_see_nothing(&deployment, id).await;
}

async fn filters_pass_what_they_say(merchant: &Merchant, events: &[Value], good: &str) {
    let of = |wanted: fn(&Value) -> bool| events.iter().filter(|e| wanted(e)).cloned().collect::<Vec<_>>();
    let failed = merchant.all("/events?after=beginning&types=payment.failed,refund.pending").await;
    assert_eq!(failed, of(|e| e["type"] == "payment.failed" || e["type"] == "refund.pending"));
    let about = merchant.all(&format!("/events?object={good}&limit=1")).await;
    assert_eq!(types(&about, good), ["payment.succeeded", "payment.pending"]);
    let middle = events[events.len() / 2]["timestamp"].as_str().unwrap();
    let (before, since) = (
        merchant.all(&format!("/events?after=beginning&until={middle}")).await,
        merchant.all(&format!("/events?after=beginning&from={middle}")).await,
    );
    assert!(!before.is_empty() && !since.is_empty());
    assert!(before.iter().all(|event| event["timestamp"].as_str().unwrap() < middle));
    assert_eq!(before.len() + since.len(), events.len());
    for (query, parameter) in [
        ("types=payment.paid", "types"),
        ("object=pay_1", "object"),
        ("from=yesterday", "from"),
        ("wait=5", "wait"),
        ("after=beginning&wait=31", "wait"),
        ("after=pay_1", "after"),
        ("after=beginning&starting_after=evt_0193a3f1c2d87b51a9f0c4d2e8b7a601_1", "starting_after"),
        ("after=evt_0193a3f1c2d87b51a9f0c4d2e8b7a601_1", "after"),
    ] {
        let answer = merchant.get(&format!("/events?{query}")).await;
        assert_eq!(
            (answer.status, &answer.body["errors"][0]["parameter"]),
            (400, &parameter.into()),
            "{query}"
        );
    }
}

async fn others_see_nothing(deployment: &Deployment, id: &str) {
    let other = deployment.new_merchant("Rival").await;
    assert_eq!(other.get(&format!("/events/{id}")).await.status, 404);
    assert_eq!(other.get(&format!("/events?after={id}")).await.status, 400);
    assert_eq!(record(deployment, &other).await, [] as [Value; 0]);
}

/// A transaction that is slow to commit writes what comes before others' in the record: nobody reads past it.
#[tokio::test(flavor = "multi_thread")]
async fn what_commits_late_is_not_missed() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let first = merchant.paid("first", &card("1.00", "EUR", "pm_card_visa")).await;
    let seen = merchant.get("/events?after=beginning&wait=10").await.body;
    assert_eq!(types(seen["data"].as_array().unwrap(), &first).len(), 1, "{seen}");
    let after = seen["next_after"].as_str().unwrap();

    let mut slow = deployment.pool.begin().await.unwrap();
    sqlx::query(
        "INSERT INTO events (subject_id, sequence, merchant_id, position, type, data)
         SELECT gen_random_uuid(), 1, merchant_id, remit_position(), type, data FROM events",
    )
    .execute(&mut *slow)
    .await
    .unwrap();
    for key in ["second", "third"] {
        merchant.paid(key, &card("1.00", "EUR", "pm_card_visa")).await;
    }
    let read_on = format!("/events?after={after}");
    assert_eq!(merchant.get(&read_on).await.body["data"], Value::Array(Vec::new()));
    assert_eq!(merchant.get(&read_on).await.body["next_after"], after, "it goes on from there");
    slow.commit().await.unwrap();
    let news = merchant.get(&format!("{read_on}&wait=10")).await.body;
    assert_eq!(news["data"].as_array().unwrap().len(), 3, "{news}");
}

/// Many write at once, and somebody reads on all the time.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_on_while_many_write_has_read_everything() {
    const PAYMENTS: usize = 200;
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let writing = async {
        let pay = |n: usize| async move {
            merchant.paid_up(&n.to_string(), &card("1.00", "EUR", "pm_card_visa")).await;
        };
        for tens in (0..PAYMENTS).collect::<Vec<_>>().chunks(20) {
            futures_util::future::join_all(tens.iter().map(|n| pay(*n))).await;
        }
    };
    let reading = async {
        let (mut after, mut read) = ("beginning".to_owned(), Vec::new());
        while read.len() < 2 * PAYMENTS {
            let part = merchant.get(&format!("/events?after={after}&wait=20&limit=100")).await.body;
            after = part["next_after"].as_str().unwrap().to_owned();
            let news = part["data"].as_array().unwrap();
            assert!(!news.is_empty(), "{} of {}", read.len(), 2 * PAYMENTS);
            read.extend(news.iter().cloned());
        }
        read
    };
    let ((), read) = tokio::join!(writing, reading);
    assert_in_order(&read);
    assert_eq!(record(&deployment, merchant).await, read);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_is_told_at_once_and_not_for_ever() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    let started = Instant::now();
    let nothing = merchant.get("/events?after=beginning&wait=1").await.body;
    assert_eq!((&nothing["data"], &nothing["next_after"]), (&Value::Array(vec![]), &"beginning".into()));
    assert!(started.elapsed() >= Duration::from_secs(1));
    let waiting = merchant.get("/events?after=beginning&wait=30&types=payment.pending");
    let paying = async {
        // What it does not wait for does not end it.
        merchant.customer().await;
        merchant.paid("k", &card("1.00", "EUR", "pm_card_visa")).await
    };
    let started = Instant::now();
    let (told, payment) = tokio::join!(waiting, paying);
    assert_eq!(types(told.body["data"].as_array().unwrap(), &payment), ["payment.pending"]);
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

/// A backup is restored to another server, which numbers its transactions from the beginning.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_the_record_goes_on() {
    let deployment = Deployment::api_alone().await;
    let merchant = &deployment.merchant;
    merchant.paid("before", &card("1.00", "EUR", "pm_card_visa")).await;
    sqlx::raw_sql(
        "UPDATE events SET position = position + 1000000000000; UPDATE event_positions SET system_id = 1",
    )
    .execute(&deployment.pool)
    .await
    .unwrap();
    let says = deployment.remit(&["jobs", "list"]).await.unwrap_err();
    assert!(says.contains("restored") && says.contains("remit migrate"), "{says}");
    deployment.remit(&["migrate"]).await.unwrap();
    deployment.remit(&["jobs", "list"]).await.unwrap();
    merchant.paid("after", &card("2.00", "EUR", "pm_card_visa")).await;
    let events = record(&deployment, merchant).await;
    let amounts: Vec<_> = events.iter().map(|event| event["data"]["amount"].as_str().unwrap()).collect();
    assert_eq!(amounts, ["1.00", "2.00"]);
}
