//! What each vault id is and does: they stand for payers who agreed beforehand.

use crate::faults::Fault;

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

/// The calls that a token's fault can strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The one that reaches for the payer's money: creating with a token, capturing or authorizing an order.
    Charge,
    /// Capturing an order or an authorization.
    Capture,
    /// Voiding an authorization.
    Cancel,
    /// Refunding a capture.
    Refund,
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
    let steps = [Step::Charge, Step::Capture, Step::Cancel, Step::Refund];
    PLAIN.contains(&token)
        || ["vault_issue_", "vault_refund_issue_", "vault_capture_issue_"]
            .iter()
            .any(|prefix| issue(token, prefix).is_some())
        || steps.into_iter().any(|step| fault(token, step).is_some())
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

/// How the first request at this step goes wrong.
pub(crate) fn fault(token: &str, step: Step) -> Option<Fault> {
    let name = token.strip_prefix("vault_sandbox_")?;
    let of_step = match step {
        Step::Charge => Some(name),
        Step::Capture => name.strip_prefix("capture_"),
        Step::Cancel => name.strip_prefix("cancel_"),
        Step::Refund => name.strip_prefix("refund_"),
    };
    Fault::parse(of_step?)
}

fn issue<'a>(token: &'a str, prefix: &str) -> Option<&'a str> {
    token.strip_prefix(prefix).filter(|issue| !issue.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::When;

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

    #[test]
    fn a_fault_belongs_to_its_step() {
        let token = "vault_sandbox_refund_drop_after";
        assert_eq!(fault(token, Step::Refund), Some(Fault::Drop(When::After)));
        assert_eq!(fault(token, Step::Charge), None);
        assert_eq!(fault(token, Step::Capture), None);
        assert_eq!(fault("vault_sandbox_drop_after", Step::Charge), Some(Fault::Drop(When::After)));
    }
}
