//! The law of conservation over random histories of the pure rules: no server, no clock, thousands of them.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a missing value fails the test")]

mod calendar;
