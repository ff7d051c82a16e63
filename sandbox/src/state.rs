//! Everything the sandbox remembers, and the one way in which it changes.
//!
//! A `Change` is applied in the same way when it has just been decided and when it is read back from
//! the journal: what a restarted sandbox knows is what the killed one had written.

use serde::{Deserialize, Serialize};

use crate::books::{self, Books};
use crate::stripe::store::{Change as StripeChange, Store as StripeStore};

/// One step from one state to the next.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// Money moved, or what became of it changed.
    Books(books::Charge),
    /// The clock was moved; the offset is the whole one, in milliseconds.
    Clock { offset_ms: i64 },
    /// Something changed within Stripe's protocol.
    Stripe(StripeChange),
}

/// Everything the sandbox remembers over a restart.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) books: Books,
    pub(crate) clock_offset_ms: i64,
    pub(crate) stripe: StripeStore,
}

impl State {
    /// Makes a change happen.
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Books(charge) => self.books.record(charge),
            Change::Clock { offset_ms } => self.clock_offset_ms = offset_ms,
            Change::Stripe(change) => self.stripe.apply(change),
        }
    }
}
