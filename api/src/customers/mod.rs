//! Customers, as merchants see them: [`create`] makes them, [`read`] shows them.

pub mod create;
pub mod read;
mod view;

pub use view::CustomerView;
