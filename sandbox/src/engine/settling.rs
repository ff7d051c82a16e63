//! What a test wants to end that is pending, and how.

use serde::Deserialize;

/// How something that is pending is made to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    /// As its token says; one that never ends stays as it is.
    #[default]
    #[serde(skip)]
    ByToken,
    /// The bank pays.
    Succeeded,
    /// The bank refuses.
    Failed,
    /// Somebody calls it off: refunds only.
    Canceled,
    /// It goes on waiting, for the payer: refunds at Stripe only.
    RequiresAction,
}

/// Which pending debits and refunds to end, and how.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Selection {
    pub(crate) payment_intent: Option<String>,
    /// The payment's reference, or the refund's.
    pub(crate) reference: Option<String>,
    #[serde(default)]
    pub(crate) all: bool,
    /// Without it as the token says.
    pub(crate) outcome: Option<Ending>,
}
