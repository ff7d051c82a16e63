//! What must be found, what must pass, and how often it does not.

mod honest;
mod spellings;
