//! Declines in Stripe's three vocabularies, and the tokens that ask for any of them by name.
//!
//! `pm_sandbox_decline_<decline_code>` says what the issuer says, `pm_sandbox_code_<code>` what only
//! Stripe says; `_advice_<advice_code>` may follow. With an operation in front, as with faults, the
//! payment is good and its capture or refund is declined.

use serde_json::{Map, Value, json};

use crate::faults::Operation;

/// The prefix of tokens whose requests go wrong.
pub(crate) const MISBEHAVING: &str = "pm_sandbox_";

/// A decline. Some have no decline code, some no advice: a caller has to cope with every combination.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decline<'a> {
    pub(crate) code: &'a str,
    pub(crate) decline_code: Option<&'a str>,
    pub(crate) advice_code: Option<&'a str>,
    pub(crate) message: &'static str,
}

/// What the issuer says where it gives no reason.
pub(crate) const DECLINED: &str = "Your card was declined.";

/// What an issuer says when it wants the payer and the payer is not there.
pub(crate) const AUTHENTICATION_REQUIRED: Decline<'_> = Decline {
    code: "authentication_required",
    decline_code: Some("authentication_required"),
    advice_code: None,
    message: "Your card was declined. This transaction requires authentication.",
};

/// The operation that this token has declined, and how.
pub(crate) fn of_token(token: &str) -> Option<(Operation, Decline<'_>)> {
    let (operation, name) = Operation::split(token.strip_prefix(MISBEHAVING)?);
    let (name, advice_code) = match name.split_once("_advice_") {
        Some((name, advice)) => (name, Some(advice)),
        None => (name, None),
    };
    let (code, decline_code) = match name.strip_prefix("decline_") {
        Some(decline_code) => ("card_declined", Some(decline_code)),
        None => (name.strip_prefix("code_")?, None),
    };
    let said = ![Some(code), decline_code, advice_code].contains(&Some(""));
    // Stripe declines no cancellation.
    let declines = said && operation != Operation::Cancel;
    declines.then_some((operation, Decline { code, decline_code, advice_code, message: DECLINED }))
}

/// How this token has this operation declined, if it does.
pub(crate) fn of(token: &str, operation: Operation) -> Option<Decline<'_>> {
    of_token(token).filter(|(declined, _)| *declined == operation).map(|(_, decline)| decline)
}

impl Decline<'_> {
    /// The fields of the error.
    pub(crate) fn fields(&self) -> Map<String, Value> {
        let said = [
            ("type", Some("card_error")),
            ("code", Some(self.code)),
            ("decline_code", self.decline_code),
            ("advice_code", self.advice_code),
            ("message", Some(self.message)),
        ];
        let said = said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?))));
        said.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_say_who_declines_what_and_why() {
        let read = |token| {
            let (operation, decline) = of_token(token)?;
            Some((operation, decline.code, decline.decline_code, decline.advice_code))
        };
        for (token, expected) in [
            ("pm_sandbox_decline_lost_card", (Operation::Charge, "card_declined", Some("lost_card"), None)),
            ("pm_sandbox_code_incorrect_cvc", (Operation::Charge, "incorrect_cvc", None, None)),
            (
                "pm_sandbox_decline_lost_card_advice_try_again_later",
                (Operation::Charge, "card_declined", Some("lost_card"), Some("try_again_later")),
            ),
            (
                "pm_sandbox_refund_decline_approve_with_id",
                (Operation::Refund, "card_declined", Some("approve_with_id"), None),
            ),
            ("pm_sandbox_capture_code_expired_card", (Operation::Capture, "expired_card", None, None)),
        ] {
            assert_eq!(read(token), Some(expected), "{token}");
        }
        for token in [
            "pm_card_visa",
            "pm_sandbox_drop_after",
            "pm_sandbox_decline_",
            "pm_sandbox_decline_lost_card_advice_",
            "pm_sandbox_code_",
            "pm_sandbox_cancel_decline_lost_card",
        ] {
            assert_eq!(read(token), None, "{token}");
        }
    }
}
