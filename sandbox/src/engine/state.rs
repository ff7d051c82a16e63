//! Everything that the gateways share over a restart, and the one way in which it changes.
//!
//! A `Change` is applied in the same way when it has just been decided and when it is read back from
//! the journal: what a restarted sandbox knows is what the killed one had written.

use serde::{Deserialize, Serialize, Serializer};

use crate::books::{self, Books};
use crate::webhooks::outbox::{Change as OutboxChange, Outbox};

/// One step from one state to the next: of what is shared, or of a protocol's own, `C`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", bound(serialize = "C: Recorded"))]
pub(crate) enum Change<C> {
    /// Money was taken or reserved, or what became of it changed.
    Books(books::Charge),
    /// Money goes back, or does not after all.
    BooksRefund(books::Refund),
    /// A customer's bank took money back, or a dispute about it ended.
    BooksDispute(books::Dispute),
    /// The clock was moved; the offset is the whole one, in milliseconds.
    Clock { offset_ms: i64 },
    /// Something is to be told, or has been.
    Webhooks(OutboxChange),
    /// Something changed within a protocol. In the journal it stands under the protocol's name.
    #[serde(untagged, serialize_with = "under_its_name")]
    Own(C),
}

/// What changes within a protocol, as the journal keeps it.
pub(crate) trait Recorded: Serialize {
    /// The protocol's name in the journal: it never changes.
    const NAME: &'static str;
}

fn under_its_name<C: Recorded, S: Serializer>(change: &C, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_variant("Change", 0, C::NAME, change)
}

/// What changes within no protocol: nothing.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) enum Nobodys {}

impl Recorded for Nobodys {
    const NAME: &'static str = "nobodys";
}

/// Everything that is shared and remembered over a restart.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) books: Books,
    pub(crate) clock_offset_ms: i64,
    pub(crate) outbox: Outbox,
}

impl State {
    /// Makes a change happen; what is a protocol's own is `own`'s to apply.
    pub(crate) fn apply<C>(&mut self, change: Change<C>, own: impl FnOnce(C)) {
        match change {
            Change::Books(charge) => self.books.charge(charge),
            Change::BooksRefund(refund) => self.books.refund(refund),
            Change::BooksDispute(dispute) => self.books.dispute(dispute),
            Change::Clock { offset_ms } => self.clock_offset_ms = offset_ms,
            Change::Webhooks(change) => self.outbox.apply(change),
            Change::Own(change) => own(change),
        }
    }
}
