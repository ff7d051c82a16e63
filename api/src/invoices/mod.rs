//! Invoices, as merchants see them: [`read`] shows. They are made by subscriptions alone.

pub mod read;
mod view;

pub use view::{InvoiceView, LineView};
