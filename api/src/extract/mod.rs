//! What handlers take from a request, read and checked before they run.

mod addresses;
mod body;
pub mod fields;
mod headers;
mod money;
mod path;
mod query;

pub use addresses::{email, return_url};
pub use body::{BODY_WITHIN, JsonBody, NoBody, OptionalJsonBody};
pub use headers::{IdempotencyKey, IfMatch, Prefer, Trace};
pub use money::{amount, currency, percent, positive_amount};
pub use path::{PathId, PathIds};
pub use query::{Given, LIMIT_DEFAULT, LIMIT_MAX, QueryFields};
