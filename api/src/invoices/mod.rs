//! Invoices, as merchants see them: [`read`] shows, [`page`] shows them to people, [`ask`] pays and ends them.
//! They are made by subscriptions alone.

pub mod ask;
pub mod page;
pub mod read;
mod view;

pub use view::{CreditNoteView, Details, InvoiceView, LineView};
