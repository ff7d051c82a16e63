//! A long day: thousands of payments, captures, cancellations, refunds and disputes at both gateways, which
//! lose, double, delay and forge at random. In the evening the gateways' books must be our ledger, to the
//! last cent of every currency.
//!
//! `./dev faults` makes it a long one; `REMIT_MIXED_SEED` repeats it, `REMIT_MIXED_PAYMENTS` sets its length.

use std::{collections::BTreeMap, time::Duration};

use common::{
    clock::Timestamp,
    gateway::GatewayName,
    ledger::Account,
    money::Currency,
    reconciliation::{Reconciliation, State, store},
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom as _};
use reqwest::Method;
use rust_decimal::{Decimal, prelude::ToPrimitive as _};
use serde_json::{Value, json};
use tests::{Deployment, Merchant, Settings, eventually, within};

/// Payments, unless asked for otherwise.
const PAYMENTS: u64 = 400;

/// Payments under way at once.
const HANDS: u64 = 48;

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_bad_day_the_gateways_books_are_our_ledger() {
    let seed = from_environment("REMIT_MIXED_SEED", u64::from(uuid::Uuid::new_v4().as_fields().0));
    let payments = from_environment("REMIT_MIXED_PAYMENTS", PAYMENTS);
    println!("REMIT_MIXED_SEED={seed} REMIT_MIXED_PAYMENTS={payments}");
    let settings = Settings { gateway_failures: 30, ..Settings::default() };
    let deployment = Deployment::start_with(settings).await;
    let began = common::db::now(&deployment.pool).await.unwrap();
    misbehave(&deployment, seed).await;
    let hands: Vec<_> = (0..HANDS)
        .map(|hand| {
            let (merchant, sandbox) = (deployment.merchant.clone(), deployment.sandbox_url().to_owned());
            tokio::spawn(async move {
                for number in (hand..payments).step_by(usize::try_from(HANDS).unwrap()) {
                    let dice = StdRng::seed_from_u64(seed ^ (number << 20));
                    live(&merchant, &sandbox, number, dice).await;
                }
            })
        })
        .collect();
    for hand in hands {
        hand.await.unwrap();
    }
    behave(&deployment).await;
    quiet(&deployment).await;
    // What no event and no answer has told, the gateways' settlement reports tell.
    reconcile(&deployment, began).await;
    quiet(&deployment).await;
    for (gateway, to_review) in reconcile(&deployment, began).await {
        assert_eq!(to_review, [] as [String; 0], "{gateway}, seed {seed}");
    }
    ledger_is_the_gateways_books(&deployment, seed).await;
    nothing_was_done_twice(&deployment, seed).await;
}

/// Every fault there is, each now and then, on whatever is asked; and webhooks that cannot be relied on.
async fn misbehave(deployment: &Deployment, seed: u64) {
    deployment.sandbox("POST", "/control/seed", &json!({ "seed": seed })).await;
    deployment.sandbox("POST", "/control/paypal/reporting_delay", &json!({ "seconds": 0 })).await;
    let on = |method: &str, fault: &str, per_mille: u32| json!({ "fault": fault, "per_mille": per_mille, "match": { "method": method } });
    let faults = json!([
        on("POST", "timeout_before", 3),
        on("POST", "timeout_after", 6),
        on("POST", "drop_before", 10),
        on("POST", "drop_after", 20),
        on("POST", "500_before", 5),
        on("POST", "500_after", 20),
        on("POST", "503", 20),
        on("POST", "429", 20),
        on("POST", "409", 10),
        on("POST", "slow_after_300", 20),
        on("GET", "503", 20),
        on("GET", "drop_before", 20),
    ]);
    deployment.sandbox("POST", "/control/faults", &faults).await;
    let webhooks = json!({
        "duplicate_per_mille": 100, "drop_per_mille": 150, "delay_ms_max": 500, "shuffle": true,
        "forge_per_mille": 100,
    });
    deployment.sandbox("POST", "/control/webhook_faults", &webhooks).await;
}

async fn behave(deployment: &Deployment) {
    deployment.sandbox("DELETE", "/control/faults", &Value::Null).await;
    deployment.sandbox("POST", "/control/webhook_faults", &json!({})).await;
    deployment.sandbox("POST", "/control/settle", &json!({ "all": true })).await;
}

/// A payment's life, as its dice will have it.
async fn live(merchant: &Merchant, sandbox: &str, number: u64, mut dice: StdRng) {
    let order = order(&mut dice);
    // A merchant whose request failed sends it again, with the same key.
    let id = eventually("it is accepted", || async {
        let answer = merchant.pay(&format!("mixed {number}"), &order).await;
        assert!([202, 503].contains(&answer.status), "{answer:?} to {order}");
        (answer.status == 202).then(|| answer.text("id").to_owned())
    })
    .await;
    let path = format!("/payments/{id}");
    if dice.random_ratio(1, 20) {
        // Perhaps it comes in time, perhaps not: the answer says which.
        let status = decided(merchant, &format!("{path}/cancel"), &Value::Null).await;
        assert!([202, 409].contains(&status), "{path}: {status}");
    }
    let ends = ["authorized", "succeeded", "failed", "canceled", "requires_action"];
    let Some(payment) = soon(merchant, &path, &ends).await else { return };
    match payment["status"].as_str().unwrap() {
        "requires_action" => act(&payment, sandbox, &mut dice).await,
        "authorized" => finish(merchant, &payment, &mut dice).await,
        _ => {}
    }
    let Some(payment) = soon(merchant, &path, &["succeeded"]).await else { return };
    if dice.random_ratio(1, 25) {
        let outcome = [json!({}), json!({ "outcome": "won" }), json!({ "outcome": "lost" })];
        let mut dispute = outcome.choose(&mut dice).unwrap().clone();
        dispute["reference"] = json!(id);
        control(sandbox, "/control/dispute", &dispute).await;
    }
    if dice.random_ratio(2, 5) {
        refund(merchant, &payment, number, &mut dice).await;
    }
}

/// What is bought, and with what.
fn order(dice: &mut StdRng) -> Value {
    let by_card = [
        "pm_card_visa",
        "pm_card_visa",
        "pm_card_visa",
        "pm_card_mastercard",
        "pm_card_visa_chargeDeclined",
        "pm_card_createDispute",
        "pm_card_pendingRefund",
        "pm_card_refundFail",
    ];
    let by_paypal = [
        "vault_ok",
        "vault_ok",
        "vault_approved_only",
        "vault_pending",
        "vault_pending_denied",
        "vault_declined",
        "vault_dispute",
        "vault_refund_pending",
        "vault_refund_failed",
        "",
    ];
    let by_debit =
        ["pm_usBankAccount_success", "pm_usBankAccount_insufficientFunds", "pm_usBankAccount_dispute"];
    let (kind, token, currencies): (_, _, &[&str]) = match dice.random_range(0..10) {
        0 => ("bank_debit", *by_debit.choose(dice).unwrap(), &["USD"]),
        1..=3 => ("paypal", *by_paypal.choose(dice).unwrap(), &["EUR", "USD", "JPY"]),
        _ => ("card", *by_card.choose(dice).unwrap(), &["EUR", "USD", "JPY", "KWD"]),
    };
    let currency = *currencies.choose(dice).unwrap();
    let minor: i64 = dice.random_range(200..20_000);
    let amount = match currency {
        "JPY" => minor.to_string(),
        // The last of three decimals must be zero at Stripe.
        "KWD" => Decimal::new(minor * 10, 3).to_string(),
        _ => Decimal::new(minor, 2).to_string(),
    };
    let mut order = json!({
        "amount": amount, "currency": currency, "payment_method": { "type": kind },
        "return_url": "https://shop.example/back",
    });
    if !token.is_empty() {
        order["payment_method"]["token"] = json!(token);
    }
    if kind != "bank_debit" && dice.random_ratio(3, 10) {
        order["capture"] = json!("manual");
    }
    order
}

/// The payment in one of these states, if it gets there soon. What takes longer is left to the evening.
async fn soon(merchant: &Merchant, path: &str, statuses: &[&str]) -> Option<Value> {
    within(Duration::from_secs(4), || async {
        let answer = merchant.get(path).await;
        (answer.status == 200 && statuses.contains(&answer.text("status"))).then_some(answer.body)
    })
    .await
}

/// The payer approves on PayPal's page, or goes away.
async fn act(payment: &Value, sandbox: &str, dice: &mut StdRng) {
    let url = payment["next_action"]["url"].as_str().unwrap();
    let Some((_, order)) = url.split_once("/checkoutnow?token=") else { return };
    let how = if dice.random_ratio(4, 5) { "approve" } else { "cancel" };
    control(sandbox, &format!("/checkoutnow/{order}/{how}"), &json!({})).await;
}

/// Captured whole, in part, or not at all; sometimes two want different things at once.
async fn finish(merchant: &Merchant, payment: &Value, dice: &mut StdRng) {
    let path = format!("/payments/{}", payment["id"].as_str().unwrap());
    let amount: Decimal = payment["amount"].as_str().unwrap().parse().unwrap();
    let capture = async |amount: Option<String>| {
        let body = amount.map_or(Value::Null, |amount| json!({ "amount": amount }));
        decided(merchant, &format!("{path}/capture"), &body).await
    };
    let cancel = async || decided(merchant, &format!("{path}/cancel"), &Value::Null).await;
    let part = Some(part_of(amount, payment["currency"].as_str().unwrap()));
    let answers = match dice.random_range(0..6) {
        0 | 1 => vec![capture(None).await],
        2 => vec![capture(part).await],
        3 => vec![cancel().await],
        4 => {
            let (captured, canceled) = tokio::join!(capture(part), cancel());
            vec![captured, canceled]
        }
        _ => Vec::new(),
    };
    assert!(answers.iter().all(|status| [202, 409].contains(status)), "{path}: {answers:?}");
}

/// What a capture or a cancellation is answered with. Whoever is told to come again does: both answer the same when they
/// are asked twice.
async fn decided(merchant: &Merchant, path: &str, body: &Value) -> u16 {
    eventually("it is taken or refused", || async {
        let status = merchant.send(Method::POST, path, &[], body).await.status;
        (status != 503).then_some(status)
    })
    .await
}

/// Two thirds, in whole units of the currency (hundredths of a dinar).
fn part_of(amount: Decimal, currency: &str) -> String {
    let decimals = if currency == "JPY" { 0 } else { 2 };
    (amount * Decimal::from(2) / Decimal::from(3)).round_dp(decimals).to_string()
}

async fn refund(merchant: &Merchant, payment: &Value, number: u64, dice: &mut StdRng) {
    let captured: Decimal = payment["amount_captured"].as_str().unwrap().parse().unwrap();
    let part = part_of(captured, payment["currency"].as_str().unwrap());
    for turn in 0..dice.random_range(1..=3) {
        let mut body = json!({ "payment": payment["id"] });
        if dice.random_ratio(1, 2) {
            body["amount"] = json!(part);
        }
        let key = format!("refund {number} {turn}");
        let answer =
            merchant.send(Method::POST, "/refund-payment", &[("idempotency-key", &key)], &body).await;
        assert!([202, 409].contains(&answer.status), "{answer:?}");
    }
}

async fn control(sandbox: &str, path: &str, body: &Value) {
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    let answer =
        client.post(format!("{sandbox}{path}")).json(body).send().await.expect("the sandbox answers");
    // A payment with a dispute, or an order that is paid meanwhile: no more to be done.
    assert!(answer.status().as_u16() < 500, "{path}: {}", answer.status());
}

/// Time passes, for everybody alike, until nothing is left to do.
async fn quiet(deployment: &Deployment) {
    eventually("all webhooks are told", || async {
        let webhooks = deployment.sandbox("GET", "/control/webhooks", &Value::Null).await;
        (webhooks["pending"] == 0).then_some(())
    })
    .await;
    // Retries come first; what waits for its payer waits for a week.
    let passes = [&[600; 12][..], &[6 * 3600; 48][..]].concat();
    for seconds in passes {
        let idle = || async {
            // A running job must end before time jumps over its lease.
            let due = "SELECT count(*) FROM jobs
                       WHERE state = 'running' OR due_at <= remit_now() + interval '1 s'";
            (deployment.count(due).await == 0).then_some(())
        };
        eventually("what is due is done", idle).await;
        if deployment.count("SELECT count(*) FROM jobs").await == 0 {
            return;
        }
        deployment.sandbox("POST", "/control/clock", &json!({ "advance_seconds": seconds })).await;
        deployment.advance(seconds).await;
    }
    let left = "SELECT json_agg(json_build_object('job', to_jsonb(j), 'payment', to_jsonb(p), 'refund', to_jsonb(r)))::text
                FROM jobs j LEFT JOIN payments p ON p.id = j.subject_id LEFT JOIN refunds r ON r.id = j.subject_id";
    let left: Option<String> = sqlx::query_scalar(left).fetch_one(&deployment.pool).await.unwrap();
    panic!("jobs are left: {left:?}");
}

/// Compares both gateways' settlement reports with ours, and answers what is left for a person.
async fn reconcile(deployment: &Deployment, began: Timestamp) -> Vec<(GatewayName, Vec<String>)> {
    let hour = Duration::from_secs(3600);
    let now = common::db::now(&deployment.pool).await.unwrap();
    let mut found = Vec::new();
    for gateway in GatewayName::ALL {
        let between = (began - hour, now + hour);
        let id = store::request(&deployment.pool, gateway, between, Duration::ZERO).await.unwrap();
        let done: Reconciliation = eventually("the settlement reports are compared", || async {
            let found = store::find(&deployment.pool, id).await.unwrap().unwrap();
            (found.state != State::Reading).then_some(found)
        })
        .await;
        assert_eq!(done.state, State::Done, "{gateway}");
        let findings = store::findings(&deployment.pool, id).await.unwrap();
        println!("{gateway}: {} lines, {} repairs, {} findings", done.lines, done.repairs, findings.len());
        found.push((gateway, findings.iter().map(|finding| format!("{finding:?}")).collect()));
    }
    found
}

/// Per currency, in its minor units: captured, refunded, fees, disputed, and what is left.
async fn ledger_is_the_gateways_books(deployment: &Deployment, seed: u64) {
    let mut ours: BTreeMap<String, BTreeMap<&str, i64>> = BTreeMap::new();
    let mut sums: BTreeMap<String, Decimal> = BTreeMap::new();
    for balance in common::ledger::store::balances(&deployment.pool, None).await.unwrap() {
        let (name, sign) = match balance.account {
            Account::Sales => ("captured", -1),
            Account::Refunds => ("refunded", 1),
            Account::Fees => ("fees", 1),
            Account::Disputes => ("disputed", 1),
            Account::GatewayClearing => ("net", 1),
            Account::Duplicates => panic!("something was moved twice, seed {seed}: {balance:?}"),
        };
        let code = balance.currency.code().to_owned();
        *sums.entry(code.clone()).or_default() += balance.amount;
        *ours.entry(code).or_default().entry(name).or_default() +=
            sign * minor(balance.amount, balance.currency);
    }
    assert!(sums.values().all(Decimal::is_zero), "the trial balance, seed {seed}: {sums:?}");
    let books = deployment.books().await;
    let totals = books["totals"].as_object().unwrap();
    for (currency, total) in totals {
        let ours = ours.remove(&currency.to_uppercase()).unwrap_or_default();
        for name in ["captured", "refunded", "fees", "disputed", "net"] {
            let there = total[name].as_i64().unwrap();
            let here = ours.get(name).copied().unwrap_or(0);
            assert_eq!(here, there, "{name} in {currency}, seed {seed}: {ours:?} and {total}");
        }
        println!("{currency}: {total}");
    }
    assert!(ours.values().flat_map(BTreeMap::values).all(|amount| *amount == 0), "seed {seed}: {ours:?}");
    assert_eq!(totals.len(), 4, "all currencies were paid in");
}

fn minor(amount: Decimal, currency: Currency) -> i64 {
    (amount * Decimal::from(10_i64.pow(currency.exponent()))).to_i64().unwrap()
}

/// No payment was taken twice, no refund given twice, and none is without an end.
async fn nothing_was_done_twice(deployment: &Deployment, seed: u64) {
    let books = deployment.books().await;
    for (kind, money) in [("charges", "captured"), ("refunds", "amount")] {
        let mut seen = std::collections::HashSet::new();
        for entry in books[kind].as_array().unwrap() {
            let counts = entry[money].as_i64().unwrap() > 0 && entry["status"] != "failed";
            let reference = entry["reference"].as_str().expect("a reference of ours");
            assert!(!counts || seen.insert(reference), "{reference} twice, seed {seed}");
        }
        println!("{kind}: {}", seen.len());
    }
    let open = "SELECT count(*) FROM payments WHERE status IN ('pending', 'processing', 'requires_action')";
    assert_eq!(deployment.count(open).await, 0, "seed {seed}");
    let reviewed = deployment.count("SELECT count(*) FROM payments WHERE status = 'needs_review'").await;
    println!("needs_review: {reviewed} payments");
}
