//! Events, as merchants read them: the record of what happened to what is theirs.

pub mod data;
pub mod read;
mod view;
mod wait;

pub use view::EventView;
pub use wait::Waits;
