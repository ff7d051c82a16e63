//! The merchant's own keys and values, which we keep with what he makes, and give back.

use std::collections::BTreeMap;

/// The merchant's own keys and values.
pub type Metadata = BTreeMap<String, String>;

/// Entries, at most.
pub const ENTRIES_MAX: usize = 50;
