//! The sandbox's own clock: the machine's time plus an offset that tests may move forward.
//!
//! Idempotency keys live for a day and authorizations for a week; nobody waits that long in a test,
//! so `POST /control/clock` moves the offset, and the journal keeps it over a restart.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A moment, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) i64);

impl Moment {
    /// Whole seconds since 1970, as the gateways' objects write their times.
    pub(crate) fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

/// The machine's time plus a movable offset.
#[derive(Default)]
pub(crate) struct Clock {
    offset_ms: AtomicI64,
}

impl Clock {
    /// The sandbox's present.
    pub(crate) fn now(&self) -> Moment {
        Moment(machine_ms().saturating_add(self.offset_ms()))
    }

    /// The machine's present, for what others hold against their own clocks.
    pub(crate) fn machine_now(&self) -> Moment {
        Moment(machine_ms())
    }

    /// How far the sandbox is ahead of the machine, in milliseconds.
    pub(crate) fn offset_ms(&self) -> i64 {
        self.offset_ms.load(Ordering::Relaxed)
    }

    /// Sets how far the sandbox is ahead of the machine, in milliseconds.
    pub(crate) fn set_offset_ms(&self, offset_ms: i64) {
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the sandbox plays a foreign company: it has a clock of its own, and this is it"
)]
fn machine_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |passed| i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
}
