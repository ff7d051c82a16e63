//! The running sandbox: state, journal, clock, and what was asked of it in the way of misbehaviour.
//!
//! State lives behind one lock. Whoever holds it decides, applies and appends to the journal in one
//! go, so the journal's order is the order of events; waiting for the disk comes after letting go.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::clock::{Clock, Moment};
use crate::faults::Rules;
use crate::journal::{Journal, LineNumber};
use crate::paypal;
use crate::request_log::RequestLog;
use crate::state::{Change, State};
use crate::stripe::{self, settling};
use crate::webhooks::deliveries::Deliveries;
use crate::webhooks::outbox::Change as OutboxChange;

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

/// The running sandbox.
pub(crate) struct App {
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
    certificates_are_away: AtomicBool,
    settle_after_ms: AtomicI64,
}

impl App {
    /// Brings the sandbox in `dir` back to where it was.
    pub(crate) fn open(dir: &Path, public_url: String) -> io::Result<Self> {
        let mut state = State::default();
        let journal = Journal::open(dir, |change| state.apply(change))?;
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
            certificates_are_away: AtomicBool::new(false),
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

    /// Makes changes happen: in the journal and in the state, together with the events that tell of
    /// them. All of it or, after a crash, nothing.
    pub(crate) fn commit(&self, state: &mut State, mut changes: Vec<Change>) -> LineNumber {
        let now = self.clock.now();
        changes.extend(stripe::events::caused_by(&state.stripe, &changes, now));
        changes.extend(paypal::events::caused_by(&state.paypal, &changes, now, &self.public_url));
        if changes.iter().any(|change| matches!(change, Change::Webhooks(OutboxChange::Event(_)))) {
            self.told.notify_one();
        }
        self.commit_untold(state, changes)
    }

    /// The same for what nobody is told.
    pub(crate) fn commit_untold(&self, state: &mut State, changes: Vec<Change>) -> LineNumber {
        let line = self.journal.append(&changes);
        for change in changes {
            state.apply(change);
        }
        line
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

    /// Whether PayPal's certificates cannot be fetched.
    pub(crate) fn certificates_are_away(&self) -> bool {
        self.certificates_are_away.load(Ordering::Relaxed)
    }

    /// Takes PayPal's certificates away, or brings them back.
    pub(crate) fn take_certificates_away(&self, away: bool) {
        self.certificates_are_away.store(away, Ordering::Relaxed);
    }

    /// Moves the clock forward to where it is so far ahead of the machine's, and lets everything happen that is
    /// due then. It never goes back.
    pub(crate) fn move_clock(&self, offset_ms: i64) -> LineNumber {
        {
            let mut state = self.state();
            if offset_ms > self.clock.offset_ms() {
                let _ = self.commit(&mut state, vec![Change::Clock { offset_ms }]);
                self.clock.set_offset_ms(offset_ms);
            }
        }
        self.run_due().1
    }

    /// Lets everything happen that is due by now; answers how many things did, and the last line.
    pub(crate) fn run_due(&self) -> (usize, LineNumber) {
        let mut state = self.state();
        let mut happened = 0;
        let mut line = self.journal.append::<Change>(&[]);
        while let Some(changes) = next_due(&state, &self.setting()) {
            line = self.commit(&mut state, changes);
            happened += 1;
        }
        (happened, line)
    }
}

/// What happens by itself, gateway after gateway.
fn next_due(state: &State, setting: &Setting<'_>) -> Option<Vec<Change>> {
    let of_stripe = settling::next_due(&state.stripe, setting);
    of_stripe.or_else(|| paypal::settling::next_due(&state.paypal, setting))
}
