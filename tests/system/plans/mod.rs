//! Every statement that Remit sends, planned on a database that has been used for a long time: none may read what
//! only grows from end to end, or once for each row of something else. The statements are those of `.sqlx`, so none that
//! is checked at compile time can be forgotten; those that are put together at run time, triggers and functions are not
//! looked at.

mod comparing;
mod plan;
mod values;

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use tests::Filled;

use plan::{Bounds, Plan};

/// Tables that stay small, and why. Every other one is taken to grow, and must have been filled.
const SMALL: [(&str, &str); 15] = [
    ("_sqlx_migrations", "a row for each migration"),
    ("api_key_days", "one for each capped key, currency and day"),
    ("api_keys", "a few for each merchant"),
    ("duplicates", "there must never be one"),
    ("event_positions", "one row"),
    ("gateway_accounts", "one or two for each merchant"),
    ("invoice_counters", "one for each merchant"),
    ("merchants", "whom we have a contract with"),
    ("paypal_certificates", "one or two at a time, and a new one in a year"),
    ("reconciliation_lines", "kept while they are compared"),
    ("reconciliations", "one for each gateway and day"),
    ("schema_contractions", "a row for a few migrations"),
    ("test_clock", "one row"),
    ("webhook_endpoints", "a few for each merchant"),
    ("webhook_replays", "asked for by a person"),
];

/// Statements that may read more than a part, by words of theirs, and why they may.
const EXEMPT: [(&str, &str); 7] = [
    ("r.customer_id = c.id AND r.gateway = $2", "an operator leaves a merchant's account at a gateway"),
    ("UPDATE event_positions", "once, when a backup was restored to another server"),
    (
        "FROM ledger_entries\n           WHERE $1::uuid IS NULL OR",
        "an operator asks for the sum of all entries",
    ),
    (
        "CROSS JOIN LATERAL (SELECT data FROM events",
        "the figures are those of all of a merchant's subscriptions",
    ),
    ("known AS (SELECT kind, due_at", "the clock of a test deployment looks at all jobs"),
    (
        "FROM jobs WHERE due_at <= $1 OR due_at IS NULL OR held",
        "what is held is counted, and its index has nothing else",
    ),
    (
        "FROM jobs\n         WHERE ($1::text IS NULL OR state = $1 AND NOT held",
        "an operator pages through the jobs by their age",
    ),
];

/// Payments in the database: enough for the planner to fear them. `./dev faults` has a million.
const PAYMENTS: u32 = 100_000;

/// What reading one table may cost, as a part of the payments: the largest merchant has half of them.
const COST_SHARE: u32 = 40;

/// A checked statement.
struct Statement {
    text: String,
    parameters: usize,
}

fn statements() -> Vec<Statement> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(".sqlx");
    let read = |entry: fs::DirEntry| {
        let query: Value = serde_json::from_slice(&fs::read(entry.path()).unwrap()).unwrap();
        let parameters = query["describe"]["parameters"]["Left"].as_array().unwrap().len();
        Statement { text: query["query"].as_str().unwrap().to_owned(), parameters }
    };
    fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap())).collect()
}

impl Statement {
    /// Whether there is a plan for it: there is none for `LOCK` and `ANALYZE`.
    fn is_planned(&self) -> bool {
        ["SELECT", "WITH", "INSERT", "UPDATE", "DELETE"].iter().any(|word| self.text.starts_with(word))
    }

    fn exemption(&self) -> Option<&'static str> {
        EXEMPT.iter().find(|(words, _)| self.text.contains(words)).map(|(_, why)| *why)
    }

    /// How it is planned: for whatever values, or for these, as on the pools of `db::pool_within`.
    async fn plan(&self, db: &mut PgConnection, values: Option<&str>) -> Plan {
        let mode = if values.is_some() { "force_custom_plan" } else { "force_generic_plan" };
        let nulls = vec!["NULL"; self.parameters].join(", ");
        let values = match values.unwrap_or(&nulls) {
            "" => String::new(),
            values => format!("({values})"),
        };
        let explained = async {
            let prepare = format!("SET plan_cache_mode = {mode}; PREPARE looked_at AS {}", self.text);
            sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *db).await?;
            let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE looked_at{values}");
            let plan: Value = sqlx::query_scalar(AssertSqlSafe(explain)).fetch_one(&mut *db).await?;
            sqlx::raw_sql("DEALLOCATE looked_at").execute(db).await?;
            Ok::<_, sqlx::Error>(plan[0]["Plan"].clone())
        };
        Plan(explained.await.unwrap_or_else(|error| panic!("{error}: {}", self.text)))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_reads_what_only_grows_from_end_to_end() {
    let payments = std::env::var("REMIT_PLAN_PAYMENTS").map_or(PAYMENTS, |number| number.parse().unwrap());
    let filled = Filled::with(payments, 360).await;
    let mut db = filled.connect().await;
    let bounds = Bounds { growing: growing(&mut db).await, cost_max: u64::from(payments / COST_SHARE) };
    let ids = ids(&mut db).await;
    let (mut wrong, mut exempt) = (Vec::new(), BTreeSet::new());
    for statement in statements().iter().filter(|statement| statement.is_planned()) {
        let tried = values::tried(&statement.text);
        let is_planned_for_values = tried.is_some() || !statement.text.contains("IS NULL OR");
        assert!(is_planned_for_values || is_small(&statement.text), "with what values? {}", statement.text);
        let tried: Vec<_> = match tried {
            Some(values) => values.iter().map(|values| Some(with(values, &ids))).collect(),
            None => vec![None],
        };
        for values in tried {
            let plan = statement.plan(&mut db, values.as_deref()).await;
            let faults = plan.faults(&bounds);
            match statement.exemption() {
                Some(why) if !faults.is_empty() => drop(exempt.insert(why)),
                _ => wrong.extend(
                    faults
                        .into_iter()
                        .map(|fault| format!("{fault}\nwith {values:?} in\n{}", statement.text)),
                ),
            }
        }
    }
    assert!(wrong.is_empty(), "{} plans are wrong:\n\n{}", wrong.len(), wrong.join("\n\n"));
    assert_eq!(exempt.len(), EXEMPT.len(), "an exemption that nothing needs; needed: {exempt:?}");
}

/// Whether a statement is about nothing but a table that stays small.
fn is_small(statement: &str) -> bool {
    SMALL.iter().any(|(table, _)| statement.contains(&format!("FROM {table}")))
}

/// The tables that grow. Whoever adds one fills it as well, or says why it stays small.
async fn growing(db: &mut PgConnection) -> BTreeSet<String> {
    let tables: Vec<(String, i64)> = sqlx::query_as(
        "SELECT relname::text, reltuples::bigint FROM pg_class
         WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
    )
    .fetch_all(db)
    .await
    .unwrap();
    let growing = tables.into_iter().filter(|(table, _)| SMALL.iter().all(|(small, _)| small != table));
    growing
        .map(|(table, rows)| {
            assert!(rows > 1000, "{table} has {rows} rows: fill it in fill.sql, or say why it stays small");
            table
        })
        .collect()
}

/// What one of each kind is called, all of the largest merchant.
async fn ids(db: &mut PgConnection) -> Vec<(String, String)> {
    let of = "SELECT 'merchant', m.id::text FROM merchants m WHERE name = 'shop 0' UNION ALL (
                  SELECT x.name, x.id::text FROM merchants m CROSS JOIN LATERAL (
                      (SELECT 'payment' AS name, id FROM payments WHERE merchant_id = m.id ORDER BY id OFFSET 1000 LIMIT 1)
                      UNION ALL (SELECT 'customer', id FROM customers WHERE merchant_id = m.id ORDER BY id OFFSET 100 LIMIT 1)
                      UNION ALL (SELECT 'subscription', id FROM subscriptions WHERE merchant_id = m.id ORDER BY id OFFSET 100 LIMIT 1)
                      UNION ALL (SELECT 'invoice', id FROM invoices WHERE merchant_id = m.id ORDER BY id OFFSET 100 LIMIT 1)
                      UNION ALL (SELECT 'endpoint', id FROM webhook_endpoints WHERE merchant_id = m.id)
                      UNION ALL (SELECT 'delivery', id FROM webhook_deliveries WHERE merchant_id = m.id ORDER BY id OFFSET 1000 LIMIT 1)
                      UNION ALL (SELECT 'plan', plan_id FROM subscriptions WHERE merchant_id = m.id ORDER BY id LIMIT 1)
                  ) x WHERE m.name = 'shop 0')";
    sqlx::query_as(of).fetch_all(db).await.unwrap()
}

fn with(values: &str, ids: &[(String, String)]) -> String {
    ids.iter().fold(values.to_owned(), |values, (name, id)| values.replace(&format!("{{{name}}}"), id))
}
