//! What handlers take from a request, read and checked before they run.

mod body;
pub mod fields;
mod headers;
mod path;
mod query;

pub use body::{BODY_WITHIN, JsonBody, NoBody, OptionalJsonBody};
pub use headers::{IdempotencyKey, IfMatch, Prefer, Trace};
pub use path::{PathId, PathIds};
pub use query::{Given, QueryFields};
