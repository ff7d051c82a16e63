//! Ids in the gateways' style: a prefix that says what it is, and something never used before.

use uuid::Uuid;

/// A new id such as `pi_…`.
pub(crate) fn new_id(prefix: &str) -> String {
    format!("{prefix}_{}", Uuid::now_v7().simple())
}
