//! Every statement that Remit sends, planned on a database that has been used for a long time: none may read what
//! only grows from end to end, or once for each row of something else. The statements are those of `.sqlx`, so none
//! can be forgotten.

mod lists;
mod plan;

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tests::Filled;

use lists::LISTS;
use plan::{Fault, Plan};

/// Tables that stay small, and why. Every other one is taken to grow, and must have been filled.
const SMALL: [(&str, &str); 6] = [
    ("_sqlx_migrations", "a row for each migration"),
    ("api_keys", "a few for each merchant"),
    ("invoice_counters", "one for each merchant"),
    ("merchants", "whom we have a contract with"),
    ("reconciliations", "one for each gateway and day"),
    ("test_clock", "one row"),
];

/// Statements that may read more than a part, by words of theirs, and why they may.
const EXEMPT: [(&str, &str); 4] = [
    ("FROM ledger_entries\n           WHERE $1::uuid IS NULL OR", "an operator asks for the sum of all entries"),
    ("CROSS JOIN LATERAL (SELECT data FROM events", "the figures of all of a merchant's subscriptions"),
    ("known AS (SELECT kind, due_at", "the clock of a test deployment looks at all jobs"),
    ("WHERE status IN ('incomplete', 'trialing', 'active', 'past_due') AND missed_renewals IS NULL",
        "each live subscription must have its renewal: two indexes side by side, every few minutes"),
];

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
    /// Whether there is a plan for it: there is none for `SET` and `LOCK`.
    fn is_planned(&self) -> bool {
        ["SELECT", "WITH", "INSERT", "UPDATE", "DELETE"].iter().any(|word| self.text.starts_with(word))
    }

    /// A filter that may be left out is planned for the values of the moment: see `db::pool_for_reads`.
    fn has_optional_filters(&self) -> bool {
        self.text.contains("IS NULL OR")
    }

    fn exemption(&self) -> Option<&'static str> {
        EXEMPT.iter().find(|(words, _)| self.text.contains(words)).map(|(_, why)| *why)
    }

    /// How it is planned for whatever values, or for these.
    async fn plan(&self, db: &mut PgConnection, values: Option<&str>) -> Plan {
        let mode = if values.is_some() { "force_custom_plan" } else { "force_generic_plan" };
        let nulls = vec!["NULL"; self.parameters].join(", ");
        let values = match values.unwrap_or(&nulls) {
            "" => String::new(),
            values => format!("({values})"),
        };
        let prepare = format!("SET plan_cache_mode = {mode}; PREPARE looked_at AS {}", self.text);
        sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *db).await.unwrap_or_else(|error| {
            panic!("{error}: {}", self.text);
        });
        let explain = AssertSqlSafe(format!("EXPLAIN (FORMAT JSON) EXECUTE looked_at{values}"));
        let plan: Value = sqlx::query_scalar(explain).fetch_one(&mut *db).await.unwrap_or_else(|error| {
            panic!("{error}: {}", self.text);
        });
        sqlx::raw_sql("DEALLOCATE looked_at").execute(db).await.unwrap();
        Plan(plan[0]["Plan"].clone())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_reads_what_only_grows_from_end_to_end() {
    let filled = Filled::get().await;
    let mut db = PgConnection::connect(&filled.url).await.unwrap();
    let growing = growing_tables(&mut db).await;
    let mut wrong = Vec::new();
    let mut exempt = BTreeSet::new();
    for statement in statements().iter().filter(|statement| statement.is_planned()) {
        let values: Vec<Option<&str>> = if statement.has_optional_filters() {
            lists::values_for(&statement.text).iter().map(|values| Some(*values)).collect()
        } else {
            vec![None]
        };
        for values in values {
            let plan = statement.plan(&mut db, values).await;
            let faults = plan.faults(&growing);
            if let (Some(why), false) = (statement.exemption(), faults.is_empty()) {
                exempt.insert(why);
                continue;
            }
            for fault in faults {
                wrong.push(format!("{fault}\n  of {}\n  with {values:?}\n{}", statement.text, plan.0));
            }
        }
    }
    assert!(wrong.is_empty(), "{} statements:\n{}", wrong.len(), wrong.join("\n\n"));
    assert_eq!(exempt.len(), EXEMPT.len(), "an exemption that nothing needs: only {exempt:?} are");
}
