//! A protocol on the engine: where the one is locked together with the other, and changes together with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::protocol::Protocol;
use super::settling::{Ending, Selection};
use super::state::{Change, State};
use super::{Engine, Setting};
use crate::clock::Moment;
use crate::journal::LineNumber;
use crate::webhooks::outbox::Change as OutboxChange;
use crate::webhooks::{Event, Gateway, Header};

/// One gateway of the sandbox.
pub(crate) struct Host<P> {
    engine: Arc<Engine>,
    /// Locked only by who holds the engine's state.
    protocol: Mutex<P>,
}

impl<P: Protocol> Host<P> {
    /// Puts a protocol, with what it remembers, on the engine.
    pub(crate) fn new(engine: &Arc<Engine>, protocol: P) -> Self {
        Self { engine: Arc::clone(engine), protocol: Mutex::new(protocol) }
    }

    /// What it shares with the others.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The engine's state and the protocol's, locked. Hold them briefly and never over an await.
    pub(crate) fn lock(&self) -> (MutexGuard<'_, State>, MutexGuard<'_, P>) {
        let state = self.engine.state();
        (state, self.protocol())
    }

    fn protocol(&self) -> MutexGuard<'_, P> {
        self.protocol.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes changes happen, together with the events that tell of them.
    pub(crate) fn commit(
        &self,
        state: &mut State,
        protocol: &mut P,
        mut changes: Vec<Change<P::Change>>,
    ) -> LineNumber {
        let events = protocol.events(&changes, &self.engine.setting()).into_iter();
        changes.extend(events.map(|event| Change::Webhooks(OutboxChange::Event(Box::new(event)))));
        self.engine.commit(state, changes, |change| protocol.apply(change))
    }

    /// Makes what is decided happen; answers whether anything is.
    fn change(
        &self,
        state: &mut State,
        decide: impl FnOnce(&P, &Setting<'_>) -> Option<Vec<Change<P::Change>>>,
    ) -> bool {
        let mut protocol = self.protocol();
        let decided = decide(&protocol, &self.engine.setting());
        let is_decided = decided.is_some();
        let _ = self.commit(state, &mut protocol, decided.unwrap_or_default());
        is_decided
    }
}

/// A gateway, whatever its protocol. Whoever calls holds the engine's state.
pub(crate) trait Hosted: Send + Sync {
    /// Whose it is.
    fn gateway(&self) -> Gateway;

    /// Lets everything happen that is due by now.
    fn run_due(&self, state: &mut State);

    /// Ends what is pending and meant; answers how much of it.
    fn settle(&self, state: &mut State, selection: &Selection, ending: Ending) -> usize;

    /// Opens a dispute about a payment of this reference; answers whether there was one to open.
    fn open_dispute(&self, state: &mut State, reference: &str) -> bool;

    /// Ends the open dispute about a payment of this reference; answers whether there was one.
    fn end_dispute(&self, state: &mut State, reference: &str, won: bool) -> bool;

    /// Adds payments of others, of which nobody is told.
    fn add_others(&self, state: &mut State, made: &[Moment]) -> LineNumber;

    /// An event's body and headers as they are sent, or a forgery's about the same payment, if there is one.
    /// Signatures bear the machine's time: whoever checks them knows nothing of a moved clock.
    fn letter(&self, state: &State, event: &Event, forged: bool) -> Option<(String, Vec<Header>)>;
}

impl<P: Protocol> Hosted for Host<P> {
    fn gateway(&self) -> Gateway {
        P::GATEWAY
    }

    fn run_due(&self, state: &mut State) {
        while self.change(state, |protocol, setting| protocol.next_due(setting)) {}
    }

    fn settle(&self, state: &mut State, selection: &Selection, ending: Ending) -> usize {
        let selected = self.protocol().selected(selection);
        let mut settled = 0;
        // One after the other: two refunds of one charge both change that charge.
        for pending in selected {
            if self.change(state, |protocol, setting| protocol.settle(&pending, ending, setting)) {
                settled += 1;
            }
        }
        settled
    }

    fn open_dispute(&self, state: &mut State, reference: &str) -> bool {
        self.change(state, |protocol, setting| protocol.open_dispute(reference, setting))
    }

    fn end_dispute(&self, state: &mut State, reference: &str, won: bool) -> bool {
        self.change(state, |protocol, setting| protocol.end_dispute(reference, won, setting.now))
    }

    fn add_others(&self, state: &mut State, made: &[Moment]) -> LineNumber {
        let changes = made.iter().map(|at| Change::Own(P::payment_of_others(*at))).collect();
        let mut protocol = self.protocol();
        self.engine.commit(state, changes, |change| protocol.apply(change))
    }

    fn letter(&self, state: &State, event: &Event, forged: bool) -> Option<(String, Vec<Header>)> {
        let setting = self.engine.setting();
        let body = if forged { self.protocol().forge(event, &setting)? } else { event.body.clone() };
        let now = self.engine.clock.machine_now();
        let headers = P::sign(&state.outbox.targets, &body, forged, now, setting.public_url);
        Some((body, headers))
    }
}
