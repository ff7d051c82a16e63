//! Sending out the jobs of what was accepted: at once, while few of the merchant's are out. The next are held, and the
//! scheduler lets them out in turns, so that a merchant who floods us waits for itself alone
//! (docs/adr/0052-a-flow-has-a-bound.md).
//!
//! How many are out is not asked for each request: the database tells now and then, and what we have sent since is added.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use common::{
    id::{JobId, MerchantId},
    job::{
        Kind,
        broker::Publisher,
        flow::Bounds,
        store::{self, FlowLoad},
    },
};
use sqlx::PgPool;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often the database is asked what is out, while anything is.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// The part of the time that asking may take: where very much is out, it is asked less often.
const ASKING_PART: u32 = 20;

/// What is held is older than this where the scheduler has no room for it. Then the next are held too, and wait behind it.
const HOLDS_FOR: Duration = Duration::from_millis(250);

/// Whose jobs go out, and whose wait. Cheap to clone.
#[derive(Clone)]
pub struct Flows {
    bounds: Bounds,
    publisher: Publisher,
    pool: PgPool,
    known: Arc<Mutex<Known>>,
}

type Flow = (Kind, Uuid);

/// What is known to be out.
#[derive(Default)]
struct Known {
    /// What the database has told.
    told: HashMap<Flow, Standing>,
    /// Sent out while it was asked, and since.
    asking: HashMap<Flow, u32>,
    since: HashMap<Flow, u32>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    out: u32,
    holds: bool,
}

impl Flows {
    /// Begins to watch what is out, until `shutdown`.
    pub fn start(bounds: Bounds, publisher: Publisher, pool: PgPool, shutdown: CancellationToken) -> Self {
        let flows = Self { bounds, publisher, pool, known: Arc::default() };
        let watched = flows.clone();
        tokio::spawn(async move { shutdown.run_until_cancelled(watched.watch()).await });
        flows
    }

    /// How many jobs of one flow are out at once.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Whether so many more jobs of this merchant may go out at once; then they are taken to have gone.
    pub fn take(&self, kind: Kind, merchant: MerchantId, jobs: usize) -> bool {
        let Some(bound) = self.bounds.of(kind) else { return true };
        let has_room = lock(&self.known).take((kind, merchant.0), jobs, bound);
        if !has_room {
            let jobs = u64::try_from(jobs).unwrap_or(u64::MAX);
            metrics::counter!("jobs_held_total", "kind" => kind.as_str()).increment(jobs);
        }
        has_room
    }

    /// Sends out what a transaction has called for, or holds it back. Notices of ends go to `reply_to`. What is lost here
    /// is found by the scheduler.
    pub async fn send_out(
        &self,
        merchant: MerchantId,
        jobs: impl IntoIterator<Item = (Kind, JobId)>,
        reply_to: Option<&str>,
    ) {
        let mut held = Vec::new();
        for (kind, job) in jobs {
            match self.take(kind, merchant, 1) {
                true => self.publisher.offer(kind, [job], reply_to),
                false => held.push(job),
            }
        }
        if !held.is_empty()
            && let Err(error) = store::hold_back(&self.pool, &held).await
        {
            tracing::warn!(%error, "jobs could not be held back; they go out a little later");
        }
    }

    async fn watch(&self) {
        loop {
            sleep(ASK_EVERY).await;
            if !lock(&self.known).begin_asking() {
                continue;
            }
            let asked = Instant::now();
            match store::loads(&self.pool).await {
                Ok(loads) => lock(&self.known).learn(loads),
                Err(error) => tracing::warn!(%error, "what is out could not be counted"),
            }
            sleep(asked.elapsed() * ASKING_PART).await;
        }
    }
}

impl Known {
    fn take(&mut self, flow: Flow, jobs: usize, bound: u32) -> bool {
        let Standing { out, holds } = self.told.get(&flow).copied().unwrap_or_default();
        let asking = self.asking.get(&flow).copied().unwrap_or_default();
        let since = self.since.get(&flow).copied().unwrap_or_default();
        if holds || out.saturating_add(asking).saturating_add(since) >= bound {
            return false;
        }
        self.since.insert(flow, since.saturating_add(u32::try_from(jobs).unwrap_or(u32::MAX)));
        true
    }

    /// Tells whether there is anything to ask about.
    fn begin_asking(&mut self) -> bool {
        // If the last answer did not come, what was sent before it still counts.
        for (flow, sent) in self.since.drain() {
            let asking = self.asking.entry(flow).or_default();
            *asking = asking.saturating_add(sent);
        }
        !self.asking.is_empty() || !self.told.is_empty()
    }

    fn learn(&mut self, loads: Vec<FlowLoad>) {
        self.asking.clear();
        let standing = |load: &FlowLoad| Standing {
            out: load.out.all,
            holds: load.holds_since.is_some_and(|age| age > HOLDS_FOR),
        };
        self.told = loads.iter().map(|load| ((load.kind, load.flow), standing(load))).collect();
    }
}

fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use common::job::flow::Out;

    use super::*;

    const BOUND: u32 = 4;

    fn load(flow: Flow, all: u32, holds_since: Option<Duration>) -> FlowLoad {
        FlowLoad { kind: flow.0, flow: flow.1, out: Out { all, waiting: 0 }, holds_since }
    }

    #[test]
    fn what_was_sent_counts_until_the_database_has_told() {
        let (flow, other) =
            ((Kind::ChargePayment, Uuid::from_u128(1)), (Kind::ChargePayment, Uuid::from_u128(2)));
        let mut known = Known::default();
        assert!(known.take(flow, 3, BOUND) && known.take(flow, 1, BOUND) && !known.take(flow, 1, BOUND));
        assert!(known.take(other, 1, BOUND), "another has room");
        assert!(known.begin_asking());
        assert!(!known.take(flow, 1, BOUND), "what was sent before is not known to be done");
        known.learn(vec![load(flow, 2, None)]);
        assert!(known.take(flow, 2, BOUND) && !known.take(flow, 1, BOUND));
        assert!(known.begin_asking());
        assert!(known.begin_asking(), "the answer did not come");
        assert!(!known.take(flow, 1, BOUND));
        known.learn(Vec::new());
        assert!(!known.begin_asking(), "there is nothing to ask about");
    }

    #[test]
    fn nobody_overtakes_what_is_held_for_long() {
        let flow = (Kind::ChargePayment, Uuid::from_u128(1));
        let mut known = Known::default();
        known.learn(vec![load(flow, 1, Some(Duration::from_millis(20)))]);
        assert!(known.take(flow, 1, BOUND));
        known.learn(vec![load(flow, 1, Some(Duration::from_secs(2)))]);
        assert!(!known.take(flow, 1, BOUND));
    }
}
