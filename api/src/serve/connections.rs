//! All connections of one listener: how many there are, and which of them keep us waiting, and since when.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

use super::stage::{Stage, Step};

/// How long one that must make room may take for it, before the next is asked as well.
const ROOM_WITHIN: Duration = Duration::from_millis(100);

/// All connections of one listener.
pub struct Connections {
    name: &'static str,
    max: usize,
    table: Mutex<Table>,
    freed: Notify,
}

#[derive(Default)]
struct Table {
    open: usize,
    turns: u64,
    /// Those that wait for their client, by the turn at which they began to: the first has waited longest.
    waiting: BTreeMap<u64, Waiting>,
}

/// A connection that waits for its client.
struct Waiting {
    until: Instant,
    close: Arc<Notify>,
}

/// One connection, as its parts know it.
#[derive(Clone)]
pub struct Connection(Arc<Place>);

/// See [`Connection`]. Dropped with the last of its parts, it makes room.
struct Place {
    connections: Arc<Connections>,
    close: Arc<Notify>,
    standing: Mutex<Standing>,
}

#[derive(Clone, Copy)]
struct Standing {
    stage: Stage,
    /// Its turn among those that wait, if it does.
    turn: Option<u64>,
}

impl Connections {
    pub fn new(name: &'static str, max: usize) -> Arc<Self> {
        Arc::new(Self { name, max, table: Mutex::default(), freed: Notify::new() })
    }

    /// A new one, which has just begun to wait for its first request.
    pub fn open(self: &Arc<Self>, now: Instant) -> Connection {
        self.table().open += 1;
        let standing = Mutex::new(Standing { stage: Stage::Head, turn: None });
        let place = Place { connections: Arc::clone(self), close: Arc::default(), standing };
        place.stand(&mut lock(&place.standing), Stage::Head, now);
        Connection(Arc::new(place))
    }

    /// Waits until there is room for one more. Whoever has waited longest for its client makes it; one whose request
    /// is being worked on never does. While all are, the next must wait, in the system's queue.
    pub async fn make_room(&self) {
        while self.table().open >= self.max {
            let freed = self.freed.notified();
            if self.close_longest_waiting() {
                self.count("no room");
            }
            let _ = timeout(ROOM_WITHIN, freed).await;
        }
    }

    fn close_longest_waiting(&self) -> bool {
        let longest = self.table().waiting.pop_first();
        longest.inspect(|(_, waiting)| waiting.close.notify_one()).is_some()
    }

    /// Closes those whose client has taken more than its time.
    pub fn close_overdue(&self, now: Instant) {
        let mut table = self.table();
        let open = u32::try_from(table.open).unwrap_or(u32::MAX);
        metrics::gauge!("http_server_connections", "listener" => self.name).set(f64::from(open));
        table.waiting.retain(|_, waiting| {
            let is_overdue = waiting.until <= now;
            if is_overdue {
                waiting.close.notify_one();
                self.count("too slow");
            }
            !is_overdue
        });
    }

    fn count(&self, why: &'static str) {
        let labels = [("listener", self.name), ("why", why)];
        metrics::counter!("http_server_connections_closed_total", &labels).increment(1);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        lock(&self.table)
    }
}

impl Connection {
    /// Something has happened on it.
    pub fn step(&self, step: Step) {
        let mut standing = lock(&self.0.standing);
        let then = standing.stage.after(step);
        if then != standing.stage {
            self.0.stand(&mut standing, then, Instant::now());
        }
    }

    /// Waits until it must make room, or its client's time is over.
    pub async fn told_to_close(&self) {
        self.0.close.notified().await;
    }

    /// Whether it still waits for its client.
    pub fn may_be_closed(&self) -> bool {
        lock(&self.0.standing).stage.patience().is_some()
    }

    /// Whether nobody would miss an answer.
    pub fn owes_no_answer(&self) -> bool {
        lock(&self.0.standing).stage.owes_no_answer()
    }
}

impl Place {
    fn stand(&self, standing: &mut Standing, stage: Stage, now: Instant) {
        let mut table = self.connections.table();
        if let Some(turn) = standing.turn {
            table.waiting.remove(&turn);
        }
        let turn = stage.patience().map(|patience| {
            table.turns += 1;
            let turn = table.turns;
            table.waiting.insert(turn, Waiting { until: now + patience, close: Arc::clone(&self.close) });
            turn
        });
        *standing = Standing { stage, turn };
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let turn = lock(&self.standing).turn;
        let mut table = self.connections.table();
        if let Some(turn) = turn {
            table.waiting.remove(&turn);
        }
        table.open -= 1;
        drop(table);
        self.connections.freed.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it was told to close; asking takes the message away.
    async fn is_told(connection: &Connection) -> bool {
        timeout(Duration::ZERO, connection.told_to_close()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_waited_longest_makes_room() {
        let connections = Connections::new("test", 3);
        let open = || connections.open(Instant::now());
        let (worked_on, answered, silent) = (open(), open(), open());
        worked_on.step(Step::Head { whole: true });
        answered.step(Step::Head { whole: true });
        answered.step(Step::Answer);
        answered.step(Step::Flush);
        let making_room = tokio::spawn({
            let connections = Arc::clone(&connections);
            async move { connections.make_room().await }
        });
        silent.told_to_close().await;
        assert!(silent.may_be_closed() && !is_told(&worked_on).await && !is_told(&answered).await);
        drop(silent);
        making_room.await.unwrap();
        assert!(!is_told(&answered).await);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_worked_on_is_never_told_to_close() {
        let connections = Connections::new("test", 1);
        let only = connections.open(Instant::now());
        only.step(Step::Head { whole: true });
        assert!(timeout(Duration::from_secs(100), connections.make_room()).await.is_err());
        connections.close_overdue(Instant::now() + Duration::from_secs(1000));
        assert!(!is_told(&only).await);
        // Told while it waited, and whole before it has heard: it is answered.
        only.step(Step::Answer);
        assert!(connections.close_longest_waiting());
        only.step(Step::Head { whole: true });
        assert!(is_told(&only).await && !only.may_be_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn each_stage_has_its_time() {
        let connections = Connections::new("test", 10);
        let begun = Instant::now();
        let (silent, idle) = (connections.open(begun), connections.open(begun));
        idle.step(Step::Head { whole: true });
        idle.step(Step::Answer);
        idle.step(Step::Flush);
        for (seconds, silent_told, idle_told) in
            [(9, false, false), (10, true, false), (59, false, false), (60, false, true)]
        {
            connections.close_overdue(begun + Duration::from_secs(seconds));
            assert_eq!((is_told(&silent).await, is_told(&idle).await), (silent_told, idle_told), "{seconds}");
        }
        // A head that is begun is no longer idle.
        idle.step(Step::Bytes);
        connections.close_overdue(Instant::now() + Duration::from_secs(10));
        assert!(is_told(&idle).await);
    }
}
