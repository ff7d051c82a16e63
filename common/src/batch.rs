//! A batcher without a timer. What is asked for while the last transaction commits shares the next one:
//! alone, a caller waits for one commit; in a crowd, a hundred callers wait for one.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::db;

/// Bound for one batch, so that a connection into a black hole cannot hold a lane for ever.
const BATCH_TIMEOUT: Duration = Duration::from_secs(10);

/// A handle on a batcher. Cheap to clone.
pub struct Batcher<I, O> {
    queue: mpsc::Sender<Request<I, O>>,
}

impl<I, O> Clone for Batcher<I, O> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

struct Request<I, O> {
    item: I,
    answer: oneshot::Sender<Result<O, BatchError>>,
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
        let (queue, requests) = mpsc::channel(bounds.waiting);
        let requests = Arc::new(Mutex::new(requests));
        for _ in 0..bounds.lanes {
            tokio::spawn(lane(Arc::clone(&requests), bounds.batch, run.clone()));
        }
        Self { queue }
    }

    /// Asks, and waits for the commit. Refuses at once when too many are waiting.
    pub async fn try_submit(&self, item: I) -> Result<O, BatchError> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Request { item, answer }).map_err(|_| BatchError::Full)?;
        answered.await.map_err(|_| BatchError::TimedOut)?
    }

    /// Asks, waiting for room, and waits for the commit.
    pub async fn submit(&self, item: I) -> Result<O, BatchError> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(Request { item, answer }).await.map_err(|_| BatchError::TimedOut)?;
        answered.await.map_err(|_| BatchError::TimedOut)?
    }
}

async fn lane<I, O, F, Fut>(requests: Arc<Mutex<mpsc::Receiver<Request<I, O>>>>, max: usize, run: F)
where
    I: Clone,
    F: Fn(Vec<I>) -> Fut,
    Fut: Future<Output = db::Result<Vec<O>>>,
{
    loop {
        let mut batch = Vec::new();
        if requests.lock().await.recv_many(&mut batch, max).await == 0 {
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
        let (sizes, mut seen) = mpsc::unbounded_channel();
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
        while batcher.queue.capacity() > BOUNDS.waiting - 3 {
            tokio::task::yield_now().await;
        }
        gate.send_replace(true);
        first.await.unwrap().unwrap();
        for task in rest {
            task.await.unwrap().unwrap();
        }
        assert_eq!(seen.recv().await, Some(3));
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
        let (calls, mut seen) = mpsc::unbounded_channel();
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
