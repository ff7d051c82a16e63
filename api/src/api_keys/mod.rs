//! API keys, as merchants see them: [`create`] makes them and puts others in their place, [`read`] shows them,
//! [`revoke`] ends them. What a key may do is never changed: another key is made.

pub mod create;
pub mod read;
pub mod revoke;
mod view;

pub use view::ApiKeyView;
