//! The engine that all gateways run on: one lock, one journal, one clock, and what was asked for in the way of
//! misbehaviour.
//!
//! State lives behind one lock. Whoever holds it decides, applies and appends to the journal in one
//! go, so the journal's order is the order of events; waiting for the disk comes after letting go.
//!
//! It knows no gateway. A gateway's folder implements [`protocol::Protocol`], [`host`] runs it, and its requests
//! come in by the [`front_door`].

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use crate::clock::{Clock, Moment};
use crate::faults::Rules;
use crate::journal::{Journal, LineNumber};
use crate::request_log::RequestLog;
use crate::webhooks::deliveries::Deliveries;
use crate::webhooks::outbox::Change as OutboxChange;
use state::{Change, Nobodys, Recorded, State};

pub(crate) mod front_door;
pub(crate) mod host;
pub(crate) mod protocol;
pub(crate) mod settling;
pub(crate) mod state;

/// How long a debit takes unless told otherwise, in milliseconds.
const SETTLE_AFTER_MS: i64 = 2_000;

/// What the sandbox as a whole has to say to an endpoint.
pub(crate) struct Setting<'a> {
    pub(crate) now: Moment,
    /// Where the sandbox is reached by the payer's browser.
    pub(crate) public_url: &'a str,
    /// How long a debit takes, in milliseconds.
    pub(crate) settle_after_ms: i64,
}

/// What all gateways of a running sandbox share.
pub(crate) struct Engine {
    pub(crate) clock: Clock,
    pub(crate) journal: Journal,
    pub(crate) requests: RequestLog,
    public_url: String,
    state: Mutex<State>,
    rules: Mutex<Rules>,
    deliveries: Mutex<Deliveries>,
    told: Notify,
    words: Mutex<Option<String>>,
    down: AtomicBool,
    settle_after_ms: AtomicI64,
}

impl Engine {
    /// Brings what is in `dir` back; what belongs to a protocol goes to `own`, in the order in which it happened.
    pub(crate) fn open<C: DeserializeOwned>(
        dir: &Path,
        public_url: String,
        mut own: impl FnMut(C),
    ) -> io::Result<Self> {
        let mut state = State::default();
        let journal = Journal::open(dir, |change: Change<C>| state.apply(change, &mut own))?;
        let clock = Clock::default();
        clock.set_offset_ms(state.clock_offset_ms);
        Ok(Self {
            clock,
            journal,
            requests: RequestLog::default(),
            public_url,
            state: Mutex::new(state),
            rules: Mutex::default(),
            deliveries: Mutex::default(),
            told: Notify::new(),
            words: Mutex::default(),
            down: AtomicBool::new(false),
            settle_after_ms: AtomicI64::new(SETTLE_AFTER_MS),
        })
    }

    /// The state, locked. Hold it briefly and never over an await.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rules of misbehaviour, locked.
    pub(crate) fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The deliveries of webhooks, locked. Whoever wants the state too locks that first.
    pub(crate) fn deliveries(&self) -> MutexGuard<'_, Deliveries> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What refusals quote, locked.
    pub(crate) fn words(&self) -> MutexGuard<'_, Option<String>> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there may be an event to deliver.
    pub(crate) async fn something_to_tell(&self) {
        self.told.notified().await;
    }

    /// Makes changes happen: in the journal and in the state; those of a protocol's own are `own`'s to apply. All of
    /// it or, after a crash, nothing.
    pub(crate) fn commit<C: Recorded>(
        &self,
        state: &mut State,
        changes: Vec<Change<C>>,
        mut own: impl FnMut(C),
    ) -> LineNumber {
        if changes.iter().any(|change| matches!(change, Change::Webhooks(OutboxChange::Event(_)))) {
            self.told.notify_one();
        }
        let line = self.journal.append(&changes);
        for change in changes {
            state.apply(change, &mut own);
        }
        line
    }

    /// The same for what belongs to no protocol.
    pub(crate) fn commit_shared(&self, state: &mut State, changes: Vec<Change<Nobodys>>) -> LineNumber {
        self.commit(state, changes, |never| match never {})
    }

    /// The journal's last line so far: who shows what is known already waits for that.
    pub(crate) fn last_line(&self) -> LineNumber {
        self.journal.append::<Change<Nobodys>>(&[])
    }

    /// What an attempt at charging has to know about the sandbox.
    pub(crate) fn setting(&self) -> Setting<'_> {
        Setting {
            now: self.clock.now(),
            public_url: &self.public_url,
            settle_after_ms: self.settle_after_ms.load(Ordering::Relaxed),
        }
    }

    /// Sets how long debits take from now on.
    pub(crate) fn set_settle_after_ms(&self, milliseconds: i64) {
        self.settle_after_ms.store(milliseconds, Ordering::Relaxed);
    }

    /// Whether every gateway plays dead.
    pub(crate) fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    /// Makes every gateway play dead, or come back.
    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }
}
