//! What handlers take from a request, read and checked before they run.

mod addresses;
mod body;
pub mod declare;
pub mod described;
mod headers;
mod json;
mod methods;
mod money;
pub mod part;
mod path;
mod prices;
mod query;
#[cfg(test)]
mod tests;
mod texts;
mod words;

pub use addresses::{Email, ReturnUrl};
pub use body::{Body, Elsewhere, NoBody, OptionalBody, refuse_body_of_read};
pub(crate) use declare::body;
pub use headers::{IdempotencyKey, IfMatch, OptionalKey, Prefer, Trace};
pub use methods::{BillingMethod, MethodToken, Payer, PaymentMethod};
pub use money::{Amount, PositiveAmount};
pub use part::{Clearable, Faults, List, NONE_OF_YOURS, Part, Pointer, Reader};
pub use path::{Belonging, PathId, PathIds};
pub use prices::price;
pub use query::{Given, LIMIT_DEFAULT, LIMIT_MAX, QueryFields};
pub use texts::{Text, Whole, moment};
pub(crate) use words::words;
