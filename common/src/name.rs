//! Closed sets of names: stored in rows and queues, and spoken over HTTP, so a name never changes.

/// A text that is none of a closed set of names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be one of {}, not {found:?}", expected.join(", "))]
pub struct UnknownName {
    /// The names that exist.
    pub expected: &'static [&'static str],
    /// What was found.
    pub found: String,
}

/// Gives each variant of an enum its name, once, and with it the ways to write and to read it.
macro_rules! names {
    ($type:ty, $($variant:ident => $name:literal),+ $(,)?) => {
        impl $type {
            /// All of them, in their order.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// The stable name: stored, and spoken over HTTP.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::name::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($name => Ok(Self::$variant),)+
                    other => Err($crate::name::UnknownName { expected: &[$($name),+], found: other.to_owned() }),
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use names;
