//! Customers, as merchants see them: [`create`] makes them, [`read`] shows them, [`update`] changes them,
//! [`methods`] is how they pay.

pub mod create;
pub mod methods;
pub mod read;
pub mod update;
mod view;

pub use view::{CustomerView, MethodOfCustomer};
