//! What goes with a change, whatever it is.

use std::time::Duration;

use crate::{clock::Timestamp, job::Kind};

/// What goes with a change.
#[derive(Clone, Copy)]
pub(crate) struct ChangeContext<'a> {
    /// Now, by the database's clock.
    pub now: Timestamp,
    /// The request that called for it.
    pub traceparent: Option<&'a str>,
    /// The kind of the charges: whether somebody waits for them.
    pub charges: Kind,
    /// How long the scheduler leaves new charges to the publisher of this process.
    pub grace: Duration,
    /// Where a payer who is present comes back to.
    pub return_url: Option<&'a str>,
}
