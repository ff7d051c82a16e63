//! What a migration may say: each expands, or says that it contracts, and none takes a lock for long. See
//! docs/adr/0027-expand-then-contract.md.

use std::{collections::BTreeSet, fs, path::Path};

/// Tables whose rows are few, and rarely written: an index on one is there before anybody has waited.
const SMALL: [&str; 2] = ["API_KEYS", "MERCHANTS"];

/// A migration without its comments, statement by statement, in capitals and with single spaces.
struct Script {
    without_transaction: bool,
    contracts: bool,
    statements: Vec<String>,
}

impl Script {
    fn read(text: &str) -> Self {
        let code: Vec<_> = text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
        let words = |statement: &str| statement.split_whitespace().collect::<Vec<_>>().join(" ");
        Self {
            without_transaction: text.starts_with("-- no-transaction\n"),
            contracts: text.lines().any(|line| line.starts_with("-- contract: ")),
            statements: code
                .join("\n")
                .to_uppercase()
                .split(';')
                .map(words)
                .filter(|s| !s.is_empty())
                .collect(),
        }
    }

    /// What is wrong with it; empty when nothing is.
    fn faults(&self) -> Vec<String> {
        let made = self.made_here();
        let mut faults: Vec<_> = self
            .statements
            .iter()
            .filter_map(|statement| Some(format!("{}: {statement}", self.fault(statement, &made)?)))
            .collect();
        let validates = |statement: &String| statement.contains("VALIDATE CONSTRAINT");
        if self.statements.iter().any(validates) && !self.statements.iter().all(validates) {
            faults.push(
                "what else is locked stays so while all rows are read: VALIDATE in a migration of its own"
                    .into(),
            );
        }
        let says_so = self.statements.iter().any(|statement| statement.contains("INTO SCHEMA_CONTRACTIONS"));
        if self.contracts != says_so {
            faults.push("what contracts has a `-- contract:` note and a row in schema_contractions".into());
        }
        faults
    }

    /// Tables that are new: nobody uses them yet.
    fn made_here(&self) -> BTreeSet<&str> {
        let tables = self.statements.iter().filter_map(|statement| statement.strip_prefix("CREATE TABLE "));
        tables.filter_map(|rest| rest.split([' ', '(']).next()).collect()
    }

    fn fault(&self, statement: &str, made: &BTreeSet<&str>) -> Option<&'static str> {
        let has = |words: &str| statement.contains(words);
        let builds_beside = has("INDEX CONCURRENTLY");
        if self.without_transaction {
            return (!builds_beside).then_some("without a transaction only indexes are built and dropped");
        }
        if builds_beside {
            return Some("an index is built beside what runs without a transaction: `-- no-transaction`");
        }
        if let Some((_, table)) = statement.split_once(" ON ").filter(|_| has("INDEX ") && has("CREATE ")) {
            let table = table.split([' ', '(']).next().unwrap_or_default();
            let is_soon_done = made.contains(table) || SMALL.contains(&table);
            return (!is_soon_done).then_some("an index holds up all that write: CONCURRENTLY");
        }
        if let Some(rest) = statement.strip_prefix("ALTER TABLE ") {
            let table = rest.trim_start_matches("IF EXISTS ").split(' ').next().unwrap_or_default();
            return if made.contains(table) { None } else { self.fault_of_change(rest) };
        }
        let takes_away = ["DROP TABLE", "DROP FUNCTION", "DROP VIEW", "TRUNCATE"];
        if takes_away.iter().any(|words| statement.starts_with(words)) && !self.contracts {
            return Some("what runs may use it: first a version that does not, then `-- contract:`");
        }
        let locks = ["LOCK ", "CLUSTER", "VACUUM", "REINDEX", "DROP INDEX"];
        locks.iter().any(|words| statement.starts_with(words)).then_some("it holds up all that use the table")
    }

    /// Of a table that is in use. A change may say several things; each is looked at.
    fn fault_of_change(&self, change: &str) -> Option<&'static str> {
        let has = |words: &str| change.contains(words);
        let takes_away = ["DROP COLUMN", "RENAME", " TYPE ", "SET NOT NULL", "DROP DEFAULT", "SET SCHEMA"];
        if takes_away.iter().any(|words| has(words)) && !self.contracts {
            return Some(
                "what runs may use it as it was: first a version that does not, then `-- contract:`",
            );
        }
        if has(" TYPE ") {
            return Some("the table is written anew: add a column, and fill it in parts");
        }
        if has("SET NOT NULL") {
            return Some("all rows are read under a lock: a CHECK, NOT VALID, that is validated later");
        }
        let constrains = has("ADD CONSTRAINT") || has("ADD CHECK") || has("ADD FOREIGN KEY");
        if constrains && !has("NOT VALID") && !has("USING INDEX") {
            return Some("all rows are read under a lock: NOT VALID, and VALIDATE in the next migration");
        }
        for column in change.split("ADD COLUMN ").skip(1) {
            let column = column.split(", A").next().unwrap_or_default();
            let has = |words: &str| column.contains(words);
            if [" CHECK ", " REFERENCES ", " UNIQUE", " PRIMARY KEY", " GENERATED "]
                .iter()
                .any(|words| has(words))
            {
                return Some("all rows are read or written under a lock: the column first, the rule later");
            }
            let default = column.split(" DEFAULT ").nth(1);
            if default.is_some_and(|default| default.contains('(')) {
                return Some("a default that is worked out for each row writes the table anew");
            }
            if has(" NOT NULL") && default.is_none() {
                return Some("what runs does not fill it: a default");
            }
        }
        None
    }
}

#[test]
fn migrations_expand_and_hold_nobody_up() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("migrations");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let faults = Script::read(&fs::read_to_string(&path).unwrap()).faults();
        assert!(faults.is_empty(), "{name}:\n{}", faults.join("\n"));
    }
}

#[test]
fn what_would_hold_up_or_break_what_runs_is_refused() {
    for refused in [
        "CREATE INDEX a ON payments (x);",
        "CREATE UNIQUE INDEX CONCURRENTLY a ON payments (x);",
        "-- no-transaction\nALTER TABLE payments ADD COLUMN x text;",
        "ALTER TABLE payments ADD CONSTRAINT a CHECK (x > 0);",
        "ALTER TABLE payments ADD COLUMN x integer CHECK (x > 0);",
        "ALTER TABLE payments ADD COLUMN x integer NOT NULL;",
        "ALTER TABLE payments ADD COLUMN x uuid DEFAULT gen_random_uuid();",
        "ALTER TABLE payments ADD COLUMN a text, ADD COLUMN x integer NOT NULL;",
        "ALTER TABLE payments ADD CONSTRAINT a CHECK (x > 0) NOT VALID; ALTER TABLE payments VALIDATE CONSTRAINT a;",
        "ALTER TABLE payments ALTER COLUMN x TYPE bigint;",
        "ALTER TABLE payments ALTER COLUMN x SET NOT NULL;",
        "ALTER TABLE payments DROP COLUMN x;",
        "ALTER TABLE payments RENAME COLUMN x TO y;",
        "DROP TABLE payments;",
        "TRUNCATE events;",
        "DROP INDEX payments_by_merchant;",
        "LOCK TABLE payments;",
        "-- contract: nobody reads it since 0030\nALTER TABLE payments DROP COLUMN x;",
    ] {
        assert!(!Script::read(refused).faults().is_empty(), "{refused}");
    }
    for taken in [
        "-- no-transaction\n-- why; how\nCREATE INDEX CONCURRENTLY IF NOT EXISTS a ON payments (x);",
        "-- no-transaction\nDROP INDEX CONCURRENTLY IF EXISTS a;",
        "CREATE UNIQUE INDEX a ON merchants (x);",
        "CREATE TABLE new (id uuid PRIMARY KEY, n integer NOT NULL CHECK (n > 0)); CREATE INDEX a ON new (n);",
        "ALTER TABLE payments ADD COLUMN x integer NOT NULL DEFAULT 0, ADD COLUMN y text;",
        "ALTER TABLE payments ADD CONSTRAINT a CHECK (x > 0) NOT VALID;",
        "ALTER TABLE payments VALIDATE CONSTRAINT a;",
        "-- contract: nobody reads it since 0030\nALTER TABLE payments DROP COLUMN x;
         INSERT INTO schema_contractions (version, needs) VALUES (31, 30);",
    ] {
        assert_eq!(Script::read(taken).faults(), Vec::<String>::new(), "{taken}");
    }
}
