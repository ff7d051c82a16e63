//! What an endpoint wants: an answer, and the changes that belong to it.

use serde_json::Value;

use super::errors::StripeError;
use super::store::Change;

/// An answer together with the changes that must be recorded before it is sent.
pub(crate) struct Effect {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) changes: Vec<Change>,
}

impl Effect {
    /// 200 with this object.
    pub(crate) fn ok(body: Value) -> Self {
        Self { status: 200, body: body.to_string(), changes: Vec::new() }
    }

    /// An error that comes of executing, such as a decline.
    pub(crate) fn error(error: &StripeError) -> Self {
        Self { status: error.status, body: error.body(), changes: Vec::new() }
    }

    /// The same answer with more changes.
    pub(crate) fn with(mut self, changes: impl IntoIterator<Item = Change>) -> Self {
        self.changes.extend(changes);
        self
    }
}
