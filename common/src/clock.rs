//! Time. The database owns it: `remit_now()` in SQL is its clock plus an offset that only a test
//! deployment moves. Rust code takes an instant as a parameter, usually one that came back with the
//! row it is about, and otherwise speaks in durations.

use chrono::{DateTime, Utc};

/// An instant, in UTC, as the database stores it (microseconds).
pub type Timestamp = DateTime<Utc>;

/// The machine's time, which no test deployment moves: for how fresh something is that others have signed.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the world outside does not follow our clock")]
pub fn outside() -> Timestamp {
    Utc::now()
}
