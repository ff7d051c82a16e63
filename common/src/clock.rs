//! Time. The database owns it: `remit_now()` in SQL is its clock plus an offset that only a test
//! deployment moves. Rust code takes an instant as a parameter, usually one that came back with the
//! row it is about, and otherwise speaks in durations.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use rustix::time::{ClockId, clock_gettime};

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

/// The moment after which something may not be begun any more, whatever has held it up: a process that was
/// stopped, a machine that was suspended, a guest that was moved to another host. Two clocks tell it, and the
/// first that says so is right: the one that goes on while a machine sleeps (`CLOCK_BOOTTIME`; the runtime's does
/// not), and the wall's, which is set right after a guest was not even running. At worst it is over too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    since_boot: Duration,
    on_the_wall: Timestamp,
}

impl Deadline {
    /// So long from now.
    #[must_use]
    pub fn after(left: Duration) -> Self {
        Self { since_boot: since_boot().saturating_add(left), on_the_wall: outside() + left }
    }

    /// How long until then; zero: it is over.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.left_at(since_boot(), outside())
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.left().is_zero()
    }

    fn left_at(&self, since_boot: Duration, on_the_wall: Timestamp) -> Duration {
        let on_the_wall = (self.on_the_wall - on_the_wall).to_std().unwrap_or_default();
        self.since_boot.saturating_sub(since_boot).min(on_the_wall)
    }
}

fn since_boot() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_over_as_soon_as_either_clock_says_so() {
        let second = Duration::from_secs;
        let deadline = Deadline::after(second(60));
        let Deadline { since_boot, on_the_wall } = deadline;
        let at = |boot: u64, wall: u64| {
            deadline.left_at(since_boot - second(60) + second(boot), on_the_wall - second(60) + second(wall))
        };
        assert_eq!(at(0, 0), second(60));
        assert_eq!(at(59, 10), second(1), "the machine slept");
        assert_eq!(at(10, 59), second(1), "the guest did not run, and its wall clock was set right");
        for (boot, wall) in [(60, 0), (0, 60), (90_000, 0), (0, 90_000)] {
            assert_eq!(at(boot, wall), Duration::ZERO, "{boot} {wall}");
        }
        assert!(!deadline.is_over() && Deadline::after(Duration::ZERO).is_over());
    }

    #[test]
    fn a_wall_clock_that_is_set_back_gives_no_more_time() {
        let deadline = Deadline::after(Duration::from_secs(60));
        let late = deadline.since_boot;
        assert_eq!(deadline.left_at(late, deadline.on_the_wall - Duration::from_secs(3600)), Duration::ZERO);
    }
}
