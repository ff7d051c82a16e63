//! Waiting before trying again: exponential, with jitter, so that those who failed together do not
//! come back together. The only place that knows the `backoff` crate.

use std::{future::Future, time::Duration};

use backoff::{ExponentialBackoff, backoff::Backoff as _};

/// How long to wait before each next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The wait after the first attempt.
    pub initial: Duration,
    /// What every next wait is multiplied with.
    pub factor: u8,
    /// The longest wait.
    pub max: Duration,
}

impl Policy {
    fn backoff(self) -> ExponentialBackoff {
        ExponentialBackoff {
            current_interval: self.initial,
            initial_interval: self.initial,
            multiplier: f64::from(self.factor),
            max_interval: self.max,
            randomization_factor: 0.2,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        }
    }

    /// The wait after the `attempt`-th attempt (from 1), give or take a fifth.
    #[must_use]
    pub fn delay(self, attempt: i32) -> Duration {
        let mut backoff = self.backoff();
        // Past sixty doublings every policy has reached its maximum.
        (0..attempt.clamp(1, 60)).fold(self.max, |_, _| backoff.next_backoff().unwrap_or(self.max))
    }

    /// Repeats `operation` until it succeeds, telling `on_error` about each failure and the wait after it.
    pub async fn until_ok<T, E, F>(
        self,
        mut operation: impl FnMut() -> F,
        on_error: impl FnMut(E, Duration),
    ) -> T
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut forever = || {
            let attempt = operation();
            async { attempt.await.map_err(backoff::Error::transient) }
        };
        let mut on_error = on_error;
        loop {
            let tried = backoff::future::retry_notify(self.backoff(), &mut forever, &mut on_error).await;
            // Without a maximum of elapsed time the inner loop ends only in success.
            if let Ok(value) = tried {
                return value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_maximum_and_stay_within_a_fifth() {
        let policy = Policy { initial: Duration::from_secs(1), factor: 2, max: Duration::from_secs(60) };
        for (attempt, seconds) in [(1, 1_u32), (2, 2), (3, 4), (6, 32), (7, 60), (1000, 60), (0, 1)] {
            let wait = policy.delay(attempt);
            let exact = Duration::from_secs(u64::from(seconds));
            assert!(wait >= exact * 8 / 10 && wait <= exact * 12 / 10, "{attempt}: {wait:?}");
        }
    }
}
