//! What spans subscriptions, their invoices and the payments of those: always one transaction over one locked
//! subscription, in which all of it happens, or nothing. The rules are the nouns' own, each in its `state`; here is
//! what one of them does to the next, so that none has to know a later one.

pub(crate) mod attempt;
pub(crate) mod book;
pub(crate) mod change_context;
mod create;
mod dispute;
pub(crate) mod effects;
pub mod invoices;
pub mod methods;
pub(crate) mod open;
pub(crate) mod reclaim;
mod renew;
mod retry;
pub mod saving;
pub mod settlement;
pub mod subscriptions;

pub use create::{Accepted, NewSubscription, create};
pub(crate) use dispute::payment_disputed;
pub use renew::{Renewed, renew};
pub use retry::{Retried, retry};
