//! Plans, as merchants see them: [`create`] makes them, [`read`] shows and archives them.

pub mod create;
pub mod read;
mod view;

pub use view::{IntervalView, PlanView};
