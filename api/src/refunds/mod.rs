//! Refunds, as merchants see them: [`create`] accepts, [`read`] shows.

pub mod create;
pub mod read;
mod view;

pub use view::RefundView;
