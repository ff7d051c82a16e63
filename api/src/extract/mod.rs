//! What handlers take from a request, read and checked before they run.

mod body;
pub mod fields;
mod headers;
mod query;

pub use body::JsonBody;
pub use headers::{IdempotencyKey, Prefer, Trace};
pub use query::QueryFields;
