//! What every command has: the database, and how its answers are to be printed.

use common::{config::ModeArgs, db};
use sqlx::PgPool;

/// What a command may use.
pub struct Session {
    /// The database.
    pub pool: PgPool,
    /// Whether scripts read what is printed.
    pub json: bool,
    /// Whether money is real.
    pub mode: ModeArgs,
}

impl Session {
    /// Prints for scripts or for people.
    pub fn print(&self, value: &impl serde::Serialize, text: impl FnOnce() -> String) {
        print(self.json, value, text);
    }
}

/// Prints for scripts or for people.
pub fn print(json: bool, value: &impl serde::Serialize, text: impl FnOnce() -> String) {
    if json {
        println!("{}", serde_json::to_string_pretty(value).unwrap_or_default());
    } else {
        println!("{}", text().trim_end());
    }
}

/// What an operator can do about a database that does not answer, or what is to be told of what is broken.
pub fn explain(error: impl Into<db::Error>) -> String {
    match error.into() {
        db::Error::Database(error) if db::is_unavailable(&error) => {
            format!("the database does not answer ({error}); is DATABASE_URL right, and Postgres running?")
        }
        error => error.to_string(),
    }
}
