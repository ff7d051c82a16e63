//! Where randomness enters: it is a parameter from here on.

/// The system's randomness.
#[expect(clippy::disallowed_methods, reason = "where randomness enters: it is a parameter from here on")]
pub fn chance() -> impl rand::Rng {
    rand::rng()
}
