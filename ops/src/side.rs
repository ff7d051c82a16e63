//! The two sides of a merchant, as operators name them.

use common::config::{Mode, ModeArgs};

/// A name that says something.
pub fn named(name: &str) -> Result<&str, String> {
    match name.trim() {
        "" => Err("a merchant needs a name".into()),
        name => Ok(name),
    }
}

/// What is live is made only where it works.
pub fn check_side(args: ModeArgs, live: bool) -> Result<(), String> {
    match args.mode {
        Mode::Test if live => Err("no money is real here: REMIT_MODE=live is where --live belongs".into()),
        Mode::Test | Mode::Live => Ok(()),
    }
}

/// Of which side.
pub fn side(livemode: bool) -> &'static str {
    if livemode { "live" } else { "test" }
}
