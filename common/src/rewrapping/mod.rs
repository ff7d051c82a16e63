//! Changing the key of secrets at rest: what was sealed with another key is sealed with the first.

pub mod store;

use uuid::Uuid;

use crate::encryption::NotOpened;

/// How many secrets of a table are sealed with a key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Sealing {
    /// The table.
    pub table: &'static str,
    /// The key's id.
    pub key: String,
    /// So many.
    pub rows: i64,
}

/// What sealing again has come to.
#[derive(Debug, Default)]
pub struct Rewrapped {
    /// So many were sealed with the first key.
    pub done: u64,
    /// These stay as they are, and why.
    pub closed: Vec<(&'static str, Uuid, NotOpened)>,
}
