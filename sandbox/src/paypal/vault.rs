//! What each vault id is and does: they stand for payers who agreed beforehand.

use crate::faults::TokenFault;

/// What happens when a token is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charging<'a> {
    /// Money moves at once.
    Completes,
    /// The capture is pending; its end comes later.
    Pends { declines: bool },
    /// An object is made, and its status says no.
    Declines,
    /// The same, and PayPal itself is at fault.
    Fails,
    /// 422 with this issue.
    Refuses(&'a str),
}

/// What creating an order with a token comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Creating {
    /// The payment is made in the same call.
    Pays,
    /// The order is approved, and the caller has to capture it.
    Approves,
    /// The payer has to approve after all.
    AsksPayer,
}

/// What happens when a token's capture is refunded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refunding<'a> {
    Completes,
    Pends { fails: bool },
    Refuses(&'a str),
}

const PLAIN: [&str; 10] = [
    "vault_ok",
    "vault_pending",
    "vault_pending_denied",
    "vault_declined",
    "vault_failed",
    "vault_approved_only",
    "vault_payer_action",
    "vault_refund_pending",
    "vault_refund_failed",
    "vault_dispute",
];

/// Whether this is a token at all.
pub(crate) fn is_known(token: &str) -> bool {
    PLAIN.contains(&token)
        || ["vault_issue_", "vault_refund_issue_", "vault_capture_issue_"]
            .iter()
            .any(|prefix| issue(token, prefix).is_some())
        || fault(token).is_some()
}

/// What creating an order with this token comes to.
pub(crate) fn creating(token: &str) -> Creating {
    match token {
        "vault_approved_only" => Creating::Approves,
        "vault_payer_action" => Creating::AsksPayer,
        _ => Creating::Pays,
    }
}

/// What happens when this token is charged.
pub(crate) fn charging(token: &str) -> Charging<'_> {
    match token {
        "vault_pending" => Charging::Pends { declines: false },
        "vault_pending_denied" => Charging::Pends { declines: true },
        "vault_declined" => Charging::Declines,
        "vault_failed" => Charging::Fails,
        _ => issue(token, "vault_issue_").map_or(Charging::Completes, Charging::Refuses),
    }
}

/// The issue with which capturing this token's authorization, or its approved order, is refused.
pub(crate) fn capture_issue(token: &str) -> Option<&str> {
    issue(token, "vault_capture_issue_")
}

/// What happens when this token's capture is refunded.
pub(crate) fn refunding(token: &str) -> Refunding<'_> {
    match token {
        "vault_refund_pending" => Refunding::Pends { fails: false },
        "vault_refund_failed" => Refunding::Pends { fails: true },
        _ => issue(token, "vault_refund_issue_").map_or(Refunding::Completes, Refunding::Refuses),
    }
}

/// Whether the payer's bank takes this token's money back after a while.
pub(crate) fn disputes(token: &str) -> bool {
    token == "vault_dispute"
}

/// How the first charge with this token, or the first other operation on its payment, goes wrong.
pub(crate) fn fault(token: &str) -> Option<TokenFault> {
    TokenFault::parse(token.strip_prefix("vault_sandbox_")?)
}

fn issue<'a>(token: &'a str, prefix: &str) -> Option<&'a str> {
    token.strip_prefix(prefix).filter(|issue| !issue.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_known_by_their_names() {
        for token in [
            "vault_ok",
            "vault_issue_TRANSACTION_REFUSED",
            "vault_capture_issue_PERMISSION_DENIED",
            "vault_sandbox_drop_after",
            "vault_sandbox_slow_before_20",
            "vault_sandbox_refund_503_once",
        ] {
            assert!(is_known(token), "{token} is not known");
        }
        for token in ["vault_nonsense", "vault_issue_", "vault_sandbox_nonsense", "pm_card_visa", ""] {
            assert!(!is_known(token), "{token} is known");
        }
    }
}
