//! Customers, as merchants see them: [`create`] makes them, [`read`] shows them, [`methods`] is how they
//! pay.

pub mod create;
pub mod methods;
pub mod read;
mod view;

pub use view::{CustomerView, MethodView};
