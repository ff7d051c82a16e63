//! How often a key may ask: so many reads and writes a second, and some seconds' worth of them at once. Whoever asks is
//! told how it stands (`RateLimit-Policy` and `RateLimit`, draft-ietf-httpapi-ratelimit-headers), and whoever asks too
//! often, when to come again. Each process counts for itself (docs/adr/0053-a-key-has-a-rate.md).

use std::{
    num::NonZeroU32,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, Method, request::Parts},
    middleware::Next,
    response::Response,
};
use clap::Args;
use common::merchant::key::KeyHash;
use governor::{
    Quota, RateLimiter,
    clock::{Clock, Reference as _},
    middleware::{NoOpMiddleware, StateInformationMiddleware},
    state::keyed::HashMapStateStore,
};
use tokio::time::Instant;

use crate::error::ApiError;

/// How often keys are forgotten that have all of their rate again, in checks.
const FORGET_EVERY: usize = 4096;

/// The rates of every key.
#[derive(Debug, Clone, Args)]
pub struct RateArgs {
    /// Reads that one key may ask for in a second, by each process; 0: no limit.
    #[arg(long, env = "REMIT_KEY_READS_PER_SECOND", default_value = "1000")]
    pub key_reads_per_second: u32,
    /// Everything else that one key may ask for in a second, by each process; 0: no limit.
    #[arg(long, env = "REMIT_KEY_WRITES_PER_SECOND", default_value = "1000")]
    pub key_writes_per_second: u32,
    /// So many seconds' worth may come at once.
    #[arg(long, env = "REMIT_KEY_BURST_SECONDS", default_value = "10", value_parser = clap::value_parser!(u32).range(1..))]
    pub key_burst_seconds: u32,
}

/// The rates of all keys.
pub struct Rates {
    reads: Option<Rate>,
    writes: Option<Rate>,
}

struct Rate {
    limiter: RateLimiter<KeyHash, HashMapStateStore<KeyHash>, Watch, StateInformationMiddleware>,
    watch: Watch,
    name: &'static str,
    per_second: NonZeroU32,
    burst_seconds: u32,
    checks: AtomicUsize,
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

/// How a key stands, as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Standing {
    policy: String,
    limit: String,
}

/// Where an extractor leaves for the answer how its caller stands.
#[derive(Clone, Default)]
struct Told(Arc<OnceLock<Standing>>);

impl Rates {
    pub fn new(args: &RateArgs) -> Self {
        let rate = |name, per_second| Rate::new(name, per_second, args.key_burst_seconds);
        Self {
            reads: rate("reads", args.key_reads_per_second),
            writes: rate("writes", args.key_writes_per_second),
        }
    }

    /// Counts a request of this key, which was found valid.
    ///
    /// Fails with [`ApiError::RateLimited`] when it is one too many.
    pub fn check(&self, key: KeyHash, request: &Parts) -> Result<(), ApiError> {
        let is_read = matches!(request.method, Method::GET | Method::HEAD);
        let Some(rate) = (if is_read { &self.reads } else { &self.writes }) else { return Ok(()) };
        let (standing, refused) = rate.check(key);
        if let Some(told) = request.extensions.get::<Told>() {
            // A request has one caller.
            let _ = told.0.set(standing);
        }
        refused.map_or(Ok(()), |retry_after| Err(ApiError::RateLimited { retry_after }))
    }
}

impl Rate {
    fn new(name: &'static str, per_second: u32, burst_seconds: u32) -> Option<Self> {
        let per_second = NonZeroU32::new(per_second)?;
        let burst = NonZeroU32::new(per_second.get().saturating_mul(burst_seconds))?;
        let (quota, watch) = (Quota::per_second(per_second).allow_burst(burst), Watch(Instant::now()));
        let limiter =
            RateLimiter::<_, _, _, NoOpMiddleware<Duration>>::new(quota, HashMapStateStore::default(), watch)
                .with_middleware();
        Some(Self { limiter, watch, name, per_second, burst_seconds, checks: AtomicUsize::new(0) })
    }

    /// How the key stands with this request, and, if that is one too many, in how many seconds it may come again.
    fn check(&self, key: KeyHash) -> (Standing, Option<u64>) {
        if self.checks.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.limiter.retain_recent();
        }
        let burst = self.per_second.get().saturating_mul(self.burst_seconds);
        match self.limiter.check_key(&key) {
            Ok(state) => (self.standing(burst, state.remaining_burst_capacity()), None),
            Err(not_until) => {
                let wait: Duration = not_until.earliest_possible().duration_since(self.watch.now()).into();
                (self.standing(burst, 0), Some(wait.as_secs() + 1))
            }
        }
    }

    fn standing(&self, burst: u32, left: u32) -> Standing {
        let (name, whole_in) = (self.name, (burst - left.min(burst)).div_ceil(self.per_second.get()));
        Standing {
            policy: format!("\"{name}\";q={burst};w={}", self.burst_seconds),
            limit: format!("\"{name}\";r={left};t={whole_in}"),
        }
    }
}

/// Tells whoever has a key how it stands.
pub async fn tell(mut request: Request, next: Next) -> Response {
    let told = Told::default();
    request.extensions_mut().insert(told.clone());
    let mut response = next.run(request).await;
    if let Some(Standing { policy, limit }) = told.0.get() {
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", limit)] {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_key_may_ask_at_its_rate_and_some_seconds_worth_at_once() {
        let rate = Rate::new("writes", 2, 3).unwrap();
        let (one, other) = (KeyHash([1; 32]), KeyHash([2; 32]));
        for left in (0..6).rev() {
            let (standing, refused) = rate.check(one);
            assert_eq!(standing.limit, format!("\"writes\";r={left};t={}", (6_u32 - left).div_ceil(2)));
            assert_eq!((standing.policy.as_str(), refused), ("\"writes\";q=6;w=3", None));
        }
        assert_eq!(rate.check(one).1, Some(1));
        assert_eq!(rate.check(other).1, None, "another has its own");
        tokio::time::advance(Duration::from_millis(1100)).await;
        assert_eq!((rate.check(one).1, rate.check(one).1, rate.check(one).1), (None, None, Some(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn keys_that_do_not_ask_are_forgotten() {
        let rate = Rate::new("reads", 10, 1).unwrap();
        for n in 0..u8::MAX {
            rate.check(KeyHash([n; 32]));
        }
        assert_eq!(rate.limiter.len(), 255);
        tokio::time::advance(Duration::from_secs(2)).await;
        for _ in 0..FORGET_EVERY {
            rate.check(KeyHash([0; 32]));
        }
        assert_eq!(rate.limiter.len(), 1);
        assert!(Rate::new("reads", 0, 1).is_none(), "no limit");
    }
}
