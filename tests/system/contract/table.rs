//! Tables of what a gateway signals and what it means: their rows read like the protocol's own.

use common::gateway::{DeclineClass, Fault, Resolution};

use crate::contract::vocabulary::Report;

/// What a signal means for an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// It is done, and money has moved where it should.
    Done,
    /// Its outcome comes later.
    Processing,
    /// The payer must act, and has a page for it.
    PayerActs,
    /// This request did not run: the same key again.
    NotSent,
    /// Nobody knows: the same key again.
    Replay,
    /// Nobody knows, and the same key would not tell: look it up.
    LookUp,
    /// A definite no.
    Declined(DeclineClass),
    /// Called off.
    Canceled,
    /// The request is at fault.
    Refused,
    /// The account that gets the money is at fault: its owner is woken.
    Account,
    /// Our credentials are at fault: the operator is woken.
    Credentials,
    /// There is no trace of it.
    NotFound,
}

/// What a report means. Money that is reserved, taken, given back or given free: an operation is done.
pub fn meaning(report: &Report) -> Meaning {
    match report {
        Report::Succeeded(_) | Report::Authorized(_) => Meaning::Done,
        Report::Canceled { .. } => Meaning::Canceled,
        Report::Processing { .. } => Meaning::Processing,
        Report::RequiresAction { url: Some(_), .. } => Meaning::PayerActs,
        Report::NotSent { .. } => Meaning::NotSent,
        Report::Unknown { resolution: Resolution::Replay, .. } => Meaning::Replay,
        Report::Unknown { resolution: Resolution::LookUp, .. } => Meaning::LookUp,
        Report::Declined(decline) => Meaning::Declined(decline.class),
        Report::Refused { fault: Fault::Request, .. } => Meaning::Refused,
        Report::Refused { fault: Fault::Account, .. } => Meaning::Account,
        Report::Refused { fault: Fault::Credentials, .. } => Meaning::Credentials,
        Report::NotFound => Meaning::NotFound,
        other => panic!("no row of a table comes to this: {other:?}"),
    }
}
