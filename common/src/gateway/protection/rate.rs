//! How many calls a second. Callers queue for their turn, first come, first served.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, Reference as _},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

/// A part of a second's calls may come at once. Were it all of them, a burst and what follows it would be
/// twice the limit within a second.
const BURSTS_PER_SECOND: u32 = 10;

/// A bound on the calls of a second.
pub struct Rate {
    limiter: Mutex<RateLimiter<NotKeyed, InMemoryState, Watch, NoOpMiddleware<Duration>>>,
    watch: Watch,
}

/// The runtime's clock, read as the time since it was made: tests can stop it.
#[derive(Debug, Clone, Copy)]
struct Watch(Instant);

impl Clock for Watch {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Rate {
    /// `None` for 0: no bound.
    pub fn per_second(calls: u32) -> Option<Self> {
        let burst = NonZeroU32::new(calls / BURSTS_PER_SECOND).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(NonZeroU32::new(calls)?).allow_burst(burst);
        let watch = Watch(Instant::now());
        Some(Self { limiter: Mutex::new(RateLimiter::direct_with_clock(quota, watch)), watch })
    }

    /// Waits until a call may be made.
    pub async fn turn(&self) {
        let limiter = self.limiter.lock().await;
        while let Err(not_until) = limiter.check() {
            sleep(not_until.earliest_possible().duration_since(self.watch.now()).into()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_second_has_more_calls_than_a_tenth_over_the_limit() {
        let rate = Rate::per_second(20).unwrap();
        let started = Instant::now();
        let mut turns = Vec::new();
        for _ in 0..100 {
            rate.turn().await;
            turns.push(started.elapsed());
        }
        for first in &turns {
            let within = |turn: &&Duration| **turn >= *first && **turn < *first + Duration::from_secs(1);
            assert!(turns.iter().filter(within).count() <= 22, "from {first:?}: {turns:?}");
        }
        let whole = started.elapsed();
        assert!(whole < Duration::from_millis(5200), "and the limit is used: {whole:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_rate_lets_one_by_one_through() {
        let rate = Rate::per_second(1).unwrap();
        let started = Instant::now();
        for second in 0..3 {
            rate.turn().await;
            assert_eq!(started.elapsed().as_secs(), second);
        }
        assert!(Rate::per_second(0).is_none());
    }
}
