//! What Stripe tells by itself about a change.

use super::store::Store;
use crate::clock::Moment;
use crate::state::Change;

/// The events that these changes cause.
pub(crate) fn caused_by(_store: &Store, _changes: &[Change], _now: Moment) -> Vec<Change> {
    Vec::new()
}
