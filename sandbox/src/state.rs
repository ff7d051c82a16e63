//! Everything the sandbox remembers, and the one way in which it changes.
//!
//! A `Change` is applied in the same way when it has just been decided and when it is read back from
//! the journal: what a restarted sandbox knows is what the killed one had written.

use serde::{Deserialize, Serialize};

use crate::books::{self, Books};
use crate::paypal::store::{Change as PayPalChange, Store as PayPalStore};
use crate::stripe::store::{Change as StripeChange, Store as StripeStore};
use crate::webhooks::outbox::{Change as OutboxChange, Outbox};

/// One step from one state to the next.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// Money was taken or reserved, or what became of it changed.
    Books(books::Charge),
    /// Money goes back, or does not after all.
    BooksRefund(books::Refund),
    /// A customer's bank took money back, or a dispute about it ended.
    BooksDispute(books::Dispute),
    /// The clock was moved; the offset is the whole one, in milliseconds.
    Clock { offset_ms: i64 },
    /// Something changed within PayPal's protocol.
    Paypal(PayPalChange),
    /// Something changed within Stripe's protocol.
    Stripe(StripeChange),
    /// Something is to be told, or has been.
    Webhooks(OutboxChange),
}

/// Everything the sandbox remembers over a restart.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) books: Books,
    pub(crate) clock_offset_ms: i64,
    pub(crate) outbox: Outbox,
    pub(crate) paypal: PayPalStore,
    pub(crate) stripe: StripeStore,
}

impl State {
    /// Makes a change happen.
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Books(charge) => self.books.charge(charge),
            Change::BooksRefund(refund) => self.books.refund(refund),
            Change::BooksDispute(dispute) => self.books.dispute(dispute),
            Change::Clock { offset_ms } => self.clock_offset_ms = offset_ms,
            Change::Paypal(change) => self.paypal.apply(change),
            Change::Stripe(change) => self.stripe.apply(change),
            Change::Webhooks(change) => self.outbox.apply(change),
        }
    }
}
