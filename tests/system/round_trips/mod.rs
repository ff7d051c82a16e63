//! What is written is what is read, field by field: of each noun a value of which no two fields are alike, so that none
//! can be swapped for another or be left out. A field that is new is named here, or the compiler asks for it.

mod billing;
mod payments;

use std::{collections::BTreeSet, fmt::Debug};

use common::{
    clock::Timestamp,
    customer::{self, Change, MetadataChange, NewCustomer},
    gateway::{MethodType, SavedMethod},
    id::{CustomerId, MerchantId, PlanId},
    job::{self, Kind, Lease, store::JobRow},
    merchant,
    metadata::Metadata,
    money::{Currency, Money},
    plan::{self, Interval, NewPlan, Plan, Price, Unit},
};
use rust_decimal::Decimal;
use sqlx::{PgConnection, Postgres, pool::PoolConnection};
use tests::Filled;
use uuid::Uuid;

/// A moment that is like no other, to the microsecond.
fn at(second: i64) -> Timestamp {
    Timestamp::from_timestamp(1_700_000_000 + second, 123_000).unwrap()
}

fn money(amount: &str, currency: &str) -> Money {
    Money::parse_positive(amount, Currency::from_code(currency).unwrap()).unwrap()
}

fn metadata(key: &str, value: &str) -> Metadata {
    Metadata::from([(key.to_owned(), value.to_owned())])
}

/// All that a value holds, a field a line. An amount is the same however many zeros it ends in.
fn shown(value: &impl Debug) -> String {
    let normal = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap_or(("", line));
        let amount = value.trim_end_matches(',').parse::<Decimal>();
        amount.map_or_else(|_| format!("{line}\n"), |amount| format!("{name} {},\n", amount.normalize()))
    };
    format!("{value:#?}").lines().map(normal).collect()
}

/// A value that shows where one of its fields was swapped or left out: none is empty, and but for flags and words of
/// closed sets no two are alike.
fn is_telling(value: &impl Debug) {
    let shown = shown(value);
    let leaves = shown.lines().map(|line| line.trim().trim_end_matches(','));
    let leaves = leaves.filter(|leaf| !leaf.ends_with(['{', '(', '[']) && !leaf.starts_with(['}', ')', ']']));
    let mut seen = BTreeSet::new();
    for leaf in leaves {
        let (field, value) = leaf.split_once(": ").unwrap_or(("", leaf));
        let is_empty = ["None", "false", "0", "\"\"", "[]", "{}"].contains(&value);
        assert!(!is_empty, "{field} is empty: {shown}");
        let is_word = value.chars().all(char::is_alphabetic);
        assert!(is_word || seen.insert(value), "{field} is like another: {shown}");
    }
}

/// The same, to the last field.
#[track_caller]
fn same(read: &impl Debug, written: &impl Debug) {
    assert_eq!(shown(read), shown(written));
}

async fn connect(database: &Filled) -> PoolConnection<Postgres> {
    database.pool.acquire().await.unwrap()
}

/// A merchant, and a customer of his.
async fn shop(db: &mut PgConnection) -> (MerchantId, CustomerId) {
    let merchant = merchant::store::find_or_create(&mut *db, "Shop", false).await.unwrap();
    let new = NewCustomer {
        id: CustomerId::new(),
        merchant_id: merchant,
        name: Some("Ada".into()),
        email: Some("ada@example.com".into()),
        metadata: metadata("number", "7"),
    };
    (merchant, customer::store::create(db, &new).await.unwrap().id)
}

async fn plan_of(db: &mut PgConnection, merchant: MerchantId, name: &str, unit: Money) -> Plan {
    let interval = Interval::every(3, Unit::Month).unwrap();
    let new = NewPlan {
        id: PlanId::new(),
        merchant_id: merchant,
        name: name.into(),
        price: Price { unit, interval },
        trial_days: 14,
        metadata: metadata("tier", "gold"),
    };
    plan::store::create(db, &new).await.unwrap()
}

#[tokio::test]
async fn a_customer_is_read_as_it_was_written() {
    let database = Filled::with_nothing().await;
    let mut db = connect(&database).await;
    let (merchant, id) = shop(&mut db).await;
    let made = customer::store::find(&mut *db, merchant, id).await.unwrap().unwrap();
    let expected = customer::Customer {
        id,
        merchant_id: merchant,
        name: Some("Ada".into()),
        email: Some("ada@example.com".into()),
        metadata: metadata("number", "7"),
        created_at: made.created_at,
        updated_at: made.created_at,
    };
    same(&made, &expected);

    let change = Change {
        name: Some(Some("Grace".into())),
        email: Some(Some("grace@example.com".into())),
        metadata: Some(MetadataChange::Merge([("rank".into(), Some("admiral".into()))].into())),
    };
    customer::store::change(&database.pool, merchant, id, &change).await.unwrap();
    let changed = customer::store::find_any(&mut *db, id).await.unwrap().unwrap();
    is_telling(&changed);
    let expected = change.of(&made).unwrap();
    same(&changed, &customer::Customer { updated_at: changed.updated_at, ..expected });
}

#[tokio::test]
async fn a_plan_is_read_as_it_was_written() {
    let database = Filled::with_nothing().await;
    let mut db = connect(&database).await;
    let (merchant, _) = shop(&mut db).await;
    let id = plan_of(&mut db, merchant, "Pro", money("49.90", "EUR")).await.id;
    plan::store::archive(&mut *db, merchant, id).await.unwrap();
    let read = plan::store::find(&mut *db, merchant, id).await.unwrap().unwrap();
    is_telling(&read);
    let expected = Plan {
        id,
        merchant_id: merchant,
        name: "Pro".into(),
        price: Price { unit: money("49.90", "EUR"), interval: Interval::every(3, Unit::Month).unwrap() },
        trial_days: 14,
        archived: true,
        metadata: metadata("tier", "gold"),
        created_at: read.created_at,
        updated_at: read.updated_at,
    };
    same(&read, &expected);
}

#[tokio::test]
async fn a_payment_method_is_read_as_it_was_written() {
    let database = Filled::with_nothing().await;
    let mut db = connect(&database).await;
    let (merchant, customer) = shop(&mut db).await;
    let added = customer::store::add_method(
        &database.pool,
        merchant,
        customer,
        (MethodType::Paypal, "vault_1"),
        true,
    );
    let (added, _) = added.await.unwrap().unwrap();
    let saved = SavedMethod { customer_ref: Some("cus_1".into()), method_ref: "pm_1".into() };
    // As its first payment saves it, and one that is declined for good leaves it.
    sqlx::query("UPDATE customer_payment_methods SET saved = $2, declined_at = remit_now() WHERE id = $1")
        .bind(added.method.id.0)
        .bind(sqlx::types::Json(&saved))
        .execute(&mut *db)
        .await
        .unwrap();
    let read =
        customer::store::find_method(&mut *db, merchant, customer, added.method.id).await.unwrap().unwrap();
    is_telling(&read);
    let method = customer::PaymentMethod {
        id: added.method.id,
        kind: MethodType::Paypal,
        token: "vault_1".into(),
        saved: Some(saved),
        is_declined: true,
    };
    same(&read, &customer::KeptMethod { method, is_default: true, created_at: read.created_at });
}

#[tokio::test]
async fn a_job_is_read_as_it_was_written() {
    let database = Filled::with_nothing().await;
    let mut db = connect(&database).await;
    let (subject, kind, trace) = (Uuid::now_v7(), Kind::ResolvePayment, "00-trace");
    let id = job::store::enqueue_at(&mut *db, kind, subject, at(1), Some(trace)).await.unwrap();
    let lease = || Lease::of(std::time::Duration::from_secs(60));
    let claim = job::store::claim(&mut db, kind, &[id.0], lease()).await.unwrap().remove(0);
    // It has come to a place in a list, and goes on there when it is tried again.
    job::store::keep_cursor(&mut *db, &claim, Some("page 3")).await.unwrap();
    job::store::retry(&mut *db, &claim, std::time::Duration::ZERO, "not yet").await.unwrap();
    job::store::emit_due(&mut *db, 10).await.unwrap();
    let claim = job::store::claim(&mut db, kind, &[id.0], lease()).await.unwrap().remove(0);
    let read =
        (claim.id, claim.kind, claim.subject, claim.attempt, claim.tries, claim.cursor, claim.traceparent);
    same(&read, &(id, kind, subject, 2, 1, Some("page 3"), Some(trace)));

    let row = job::store::find(&mut *db, subject).await.unwrap().remove(0);
    is_telling(&row);
    let expected = JobRow {
        id: id.0,
        kind: "resolve_payment".into(),
        subject_id: subject,
        state: "running".into(),
        attempt: 2,
        due_at: row.due_at,
        last_error: Some("not yet".into()),
        created_at: at(1),
    };
    same(&row, &expected);
    assert_eq!(row.due_at, Some(claim.at + chrono::TimeDelta::seconds(60)));
}
