//! Time. The database owns it: `remit_now()` in SQL is its clock plus an offset that only a test
//! deployment moves. Rust code takes an instant as a parameter, usually one that came back with the
//! row it is about, and otherwise speaks in durations.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, Utc};

/// An instant, in UTC, as the database stores it (microseconds).
pub type Timestamp = DateTime<Utc>;

/// The machine's time, which no test deployment moves: for how fresh something is that others have signed.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the world outside does not follow our clock")]
pub fn outside() -> Timestamp {
    Utc::now()
}

/// How far the clock of a test deployment is ahead of the machine's, as its processes have last heard. Unless
/// somebody says so, nothing is known of it: outside of test deployments nobody does.
#[derive(Debug, Clone, Default)]
pub struct Ahead(Arc<AtomicI64>);

impl Ahead {
    /// It is this late.
    pub fn learn(&self, now: Timestamp) {
        let milliseconds = (now - outside()).num_milliseconds();
        self.0.fetch_max(milliseconds, Ordering::Relaxed);
    }

    /// In milliseconds; `None` while it is not known to be ahead.
    #[must_use]
    pub fn milliseconds(&self) -> Option<i64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|milliseconds| *milliseconds > 0)
    }
}
