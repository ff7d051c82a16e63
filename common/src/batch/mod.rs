//! A batcher without a timer. What is asked for while the last transaction commits shares the next one:
//! alone, a caller waits for one commit; in a crowd, a hundred callers wait for one.

mod turns;

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::FutureExt as _;
use tokio::sync::{Notify, Semaphore, oneshot};
use uuid::Uuid;

use crate::db;
use turns::Turns;

/// Bound for one batch, so that a connection into a black hole cannot hold a lane for ever.
const BATCH_TIMEOUT: Duration = Duration::from_secs(10);

/// A handle on a batcher. Cheap to clone.
pub struct Batcher<I, O> {
    handle: Arc<Handle<I, O>>,
}

impl<I, O> Clone for Batcher<I, O> {
    fn clone(&self) -> Self {
        Self { handle: Arc::clone(&self.handle) }
    }
}

/// The lanes end with the last of the handles.
struct Handle<I, O> {
    queue: Arc<Queue<I, O>>,
    flow_of: fn(&I) -> Uuid,
    share: Option<Share>,
}

impl<I, O> Drop for Handle<I, O> {
    fn drop(&mut self) {
        self.queue.lock().closed = true;
        self.queue.arrived.notify_waiters();
    }
}

struct Queue<I, O> {
    waiting: Mutex<Waiting<I, O>>,
    places: Semaphore,
    arrived: Notify,
}

struct Waiting<I, O> {
    turns: Turns<Request<I, O>>,
    closed: bool,
}

struct Request<I, O> {
    item: I,
    answer: oneshot::Sender<Result<O, BatchError>>,
}

/// What one flow may have of a batcher that serves several in turns.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    /// Items waiting, at most.
    pub waiting: usize,
    /// How long the first of them may have waited when another comes.
    pub wait: Duration,
}

/// How large a batcher may grow.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Batches under way at once: each needs a connection.
    pub lanes: usize,
    /// Items in one batch.
    pub batch: usize,
    /// Items waiting for a batch.
    pub waiting: usize,
}

/// Why an item has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BatchError {
    /// Too many are waiting: nothing was done.
    #[error("too many requests are waiting for the database")]
    Full,
    /// The process is ending, or the batch did not end in time. Whether it was done is not known.
    #[error("the database did not answer in time")]
    TimedOut,
    /// The work for this item panics, which is a defect of ours. Whether it was done is not known.
    #[error("the code of a batch has panicked")]
    Panicked,
    /// The database refused, or something is broken. When it is unavailable, whether it was done is not known.
    #[error(transparent)]
    Failed(#[from] Arc<db::Error>),
}

impl BatchError {
    /// Whether the same might work a moment later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Full | Self::TimedOut => true,
            Self::Panicked => false,
            Self::Failed(error) => error.is_passing(),
        }
    }
}

impl<I, O> Batcher<I, O>
where
    I: Clone + Send + 'static,
    O: Send + 'static,
{
    /// Starts the lanes. `run` does a batch in one transaction and answers every item in its order.
    /// When a batch fails for a reason of one row, or panics, each row is tried by itself, so that one bad row
    /// never fails its neighbours.
    pub fn start<F, Fut>(bounds: Bounds, run: F) -> Self
    where
        F: Fn(Vec<I>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = db::Result<Vec<O>>> + Send + 'static,
    {
        Self::open(bounds, |_| Uuid::nil(), None, run)
    }

    /// [`start`](Self::start), for items of several flows: they are served in turns, so that a flood waits for itself.
    pub fn start_fair<F, Fut>(bounds: Bounds, share: Share, flow_of: fn(&I) -> Uuid, run: F) -> Self
    where
        F: Fn(Vec<I>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = db::Result<Vec<O>>> + Send + 'static,
    {
        Self::open(bounds, flow_of, Some(share), run)
    }

    fn open<F, Fut>(bounds: Bounds, flow_of: fn(&I) -> Uuid, share: Option<Share>, run: F) -> Self
    where
        F: Fn(Vec<I>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = db::Result<Vec<O>>> + Send + 'static,
    {
        let waiting = Mutex::new(Waiting { turns: Turns::default(), closed: false });
        let queue =
            Arc::new(Queue { waiting, places: Semaphore::new(bounds.waiting), arrived: Notify::new() });
        for _ in 0..bounds.lanes {
            tokio::spawn(lane(Arc::clone(&queue), bounds.batch, run.clone()));
        }
        Self { handle: Arc::new(Handle { queue, flow_of, share }) }
    }

    /// Whether the next would be refused, whosever it is.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.handle.queue.places.available_permits() == 0
    }

    /// Asks, and waits for the commit. Refuses at once when too many are waiting, of all or of its flow, or its flow waits
    /// for too long.
    pub async fn try_submit(&self, item: I) -> Result<O, BatchError> {
        let place = self.handle.queue.places.try_acquire().map_err(|_| BatchError::Full)?;
        let (answer, answered) = oneshot::channel();
        self.handle.push(Request { item, answer })?;
        // It is given back where the request is taken.
        place.forget();
        answered.await.map_err(|_| BatchError::TimedOut)?
    }

    /// Asks, waiting for room, and waits for the commit.
    pub async fn submit(&self, item: I) -> Result<O, BatchError> {
        let place = self.handle.queue.places.acquire().await.map_err(|_| BatchError::TimedOut)?;
        let (answer, answered) = oneshot::channel();
        self.handle.push(Request { item, answer })?;
        place.forget();
        answered.await.map_err(|_| BatchError::TimedOut)?
    }
}

impl<I, O> Handle<I, O> {
    fn push(&self, request: Request<I, O>) -> Result<(), BatchError> {
        let flow = (self.flow_of)(&request.item);
        let mut waiting = self.queue.lock();
        if let (Some(share), Some((count, since))) = (self.share, waiting.turns.of(flow))
            && (count >= share.waiting || since.elapsed() > share.wait)
        {
            return Err(BatchError::Full);
        }
        waiting.turns.push(flow, request);
        drop(waiting);
        self.queue.arrived.notify_one();
        Ok(())
    }
}

impl<I, O> Queue<I, O> {
    fn lock(&self) -> MutexGuard<'_, Waiting<I, O>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be done next; nothing: it will never be more.
    async fn next(&self, max: usize) -> Vec<Request<I, O>> {
        loop {
            // Before it is looked, so that nobody is missed who comes meanwhile.
            let arrived = self.arrived.notified();
            if let Some(batch) = self.take(max) {
                return batch;
            }
            arrived.await;
        }
    }

    fn take(&self, max: usize) -> Option<Vec<Request<I, O>>> {
        let mut waiting = self.lock();
        if waiting.turns.is_empty() {
            return waiting.closed.then(Vec::new);
        }
        let batch = waiting.turns.take(max);
        if !waiting.turns.is_empty() {
            self.arrived.notify_one();
        }
        self.places.add_permits(batch.len());
        Some(batch)
    }
}

async fn lane<I, O, F, Fut>(queue: Arc<Queue<I, O>>, max: usize, run: F)
where
    I: Clone,
    F: Fn(Vec<I>) -> Fut,
    Fut: Future<Output = db::Result<Vec<O>>>,
{
    loop {
        let batch = queue.next(max).await;
        if batch.is_empty() {
            return;
        }
        // Callers that have gone away are still served: what they asked for may be a promise by now.
        let items = batch.iter().map(|request| request.item.clone()).collect();
        match bounded(run(items)).await {
            Ok(outputs) => {
                for (request, output) in batch.into_iter().zip(outputs) {
                    let _ = request.answer.send(Ok(output));
                }
            }
            Err(error) if error.is_passing() || batch.len() == 1 => {
                for request in batch {
                    let _ = request.answer.send(Err(error.clone()));
                }
            }
            Err(_) => {
                for request in batch {
                    let outputs = bounded(run(vec![request.item])).await;
                    let first = outputs.and_then(|o| o.into_iter().next().ok_or(BatchError::TimedOut));
                    let _ = request.answer.send(first);
                }
            }
        }
    }
}

async fn bounded<O>(running: impl Future<Output = db::Result<O>>) -> Result<O, BatchError> {
    // A panic in a batch must not end its lane. It is taken for the fault of one row, as a refusal is.
    let running = AssertUnwindSafe(running).catch_unwind();
    match tokio::time::timeout(BATCH_TIMEOUT, running).await {
        Ok(Ok(result)) => result.map_err(|error| BatchError::Failed(Arc::new(error))),
        Ok(Err(_)) => Err(BatchError::Panicked),
        Err(_) => Err(BatchError::TimedOut),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { lanes: 1, batch: 8, waiting: 64 };

    #[tokio::test]
    async fn each_caller_gets_the_answer_to_its_own_item() {
        let doubler =
            Batcher::start(
                BOUNDS,
                |items: Vec<u32>| async move { Ok(items.iter().map(|i| i * 2).collect()) },
            );
        let asked = (0..50_u32).map(|i| {
            let doubler = doubler.clone();
            async move { (i, doubler.submit(i).await.unwrap()) }
        });
        for (i, answer) in futures_util::future::join_all(asked).await {
            assert_eq!(answer, i * 2);
        }
    }

    #[tokio::test]
    async fn what_arrives_during_a_batch_shares_the_next() {
        let (sizes, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let (gate, gated) = tokio::sync::watch::channel(false);
        let batcher = Batcher::start(BOUNDS, move |items: Vec<u32>| {
            let (sizes, mut gated) = (sizes.clone(), gated.clone());
            async move {
                sizes.send(items.len()).unwrap();
                gated.wait_for(|open| *open).await.unwrap();
                Ok(items)
            }
        });
        let first = tokio::spawn({
            let b = batcher.clone();
            async move { b.submit(0).await }
        });
        assert_eq!(seen.recv().await, Some(1));
        let rest: Vec<_> = (1..=3)
            .map(|i| {
                tokio::spawn({
                    let b = batcher.clone();
                    async move { b.submit(i).await }
                })
            })
            .collect();
        while batcher.handle.queue.places.available_permits() > BOUNDS.waiting - 3 {
            tokio::task::yield_now().await;
        }
        gate.send_replace(true);
        first.await.unwrap().unwrap();
        for task in rest {
            task.await.unwrap().unwrap();
        }
        assert_eq!(seen.recv().await, Some(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flow_has_its_share_and_leaves_the_others_theirs() {
        let share = Share { waiting: 4, wait: Duration::from_secs(1) };
        let flow_of = |item: &u32| Uuid::from_u128((item / 100).into());
        let (gate, gated) = tokio::sync::watch::channel(false);
        let (tell, mut batches) = tokio::sync::mpsc::unbounded_channel();
        let bounds = Bounds { lanes: 1, batch: 2, waiting: 6 };
        let batcher = Batcher::start_fair(bounds, share, flow_of, move |items: Vec<u32>| {
            let (mut gated, tell) = (gated.clone(), tell.clone());
            async move {
                tell.send(items.clone()).unwrap();
                gated.wait_for(|open| *open).await.unwrap();
                Ok(items)
            }
        });
        let ask = |item| {
            let batcher = batcher.clone();
            tokio::spawn(async move { batcher.try_submit(item).await })
        };
        let first = ask(0);
        assert_eq!(batches.recv().await, Some(vec![0]));
        let flood: Vec<_> = (1..=4).map(ask).collect();
        assert!(matches!(ask(5).await.unwrap(), Err(BatchError::Full)), "it has its share");
        let other = ask(100);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(matches!(ask(101).await.unwrap(), Err(BatchError::Full)), "the other's waits for long");
        let third = ask(200);
        while !batcher.is_full() {
            tokio::task::yield_now().await;
        }
        assert!(matches!(ask(300).await.unwrap(), Err(BatchError::Full)), "nobody has a place");
        gate.send_replace(true);
        for task in flood.into_iter().chain([first, other, third]) {
            task.await.unwrap().unwrap();
        }
        assert_eq!(batches.recv().await, Some(vec![1, 100]));
        assert_eq!(batches.recv().await, Some(vec![200, 2]));
        drop(batcher);
    }

    #[tokio::test]
    async fn one_bad_row_does_not_fail_its_neighbours() {
        let batcher = Batcher::start(BOUNDS, |items: Vec<u32>| async move {
            if items.contains(&13) { Err(db::Error::broken("a row")) } else { Ok(items) }
        });
        let asked = [12, 13, 14].map(|i| batcher.submit(i));
        let answers = futures_util::future::join_all(asked).await;
        assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    }

    #[tokio::test]
    async fn one_row_that_panics_fails_alone_and_for_good() {
        let batcher = Batcher::start(BOUNDS, |items: Vec<u32>| async move {
            assert!(!items.contains(&13), "a defect");
            Ok(items)
        });
        let answers = futures_util::future::join_all([12, 13, 14].map(|i| batcher.submit(i))).await;
        assert!(matches!(answers.as_slice(), [Ok(12), Err(BatchError::Panicked), Ok(14)]), "{answers:?}");
        assert!(!BatchError::Panicked.is_passing(), "it would be tried again and again, with its neighbours");
        assert_eq!(batcher.submit(15).await.unwrap(), 15, "the lane goes on");
    }

    #[tokio::test]
    async fn an_unavailable_database_fails_the_batch_at_once() {
        let (calls, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let batcher = Batcher::start(BOUNDS, move |_: Vec<u32>| {
            calls.send(()).unwrap();
            async { db::Result::<Vec<u32>>::Err(sqlx::Error::PoolTimedOut.into()) }
        });
        let answers = futures_util::future::join_all([1, 2, 3].map(|i| batcher.submit(i))).await;
        assert!(answers.iter().all(|a| a.as_ref().is_err_and(BatchError::is_passing)));
        drop(batcher);
        let mut batches = 0;
        while seen.recv().await.is_some() {
            batches += 1;
        }
        assert!(batches <= 3, "{batches}");
    }
}
