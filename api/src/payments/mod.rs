//! Payments, as merchants see them: [`process`] accepts, [`read`] shows.

pub mod process;
pub mod read;
mod view;

pub use view::PaymentView;
