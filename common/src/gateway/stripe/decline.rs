//! Stripe's decline codes, by what may change them. A code that is not listed is hard, and is logged,
//! so that it gets listed.

use crate::gateway::{Decline, DeclineClass, GatewayRef};

const SOFT: &[&str] = &[
    "insufficient_funds",
    "card_velocity_exceeded",
    "withdrawal_count_limit_exceeded",
    "processing_error",
    "reenter_transaction",
    "try_again_later",
    "issuer_not_available",
    "approve_with_id",
    "generic_decline",
    "do_not_honor",
    "no_action_taken",
];

const CUSTOMER: &[&str] = &[
    "authentication_required",
    "incorrect_cvc",
    "invalid_cvc",
    "incorrect_zip",
    "invalid_expiry_month",
    "invalid_expiry_year",
    "incorrect_pin",
    "invalid_pin",
    "call_issuer",
    "payment_intent_action_required",
    "payment_intent_authentication_failure",
];

const HARD: &[&str] = &[
    "lost_card",
    "stolen_card",
    "pickup_card",
    "restricted_card",
    "revocation_of_authorization",
    "revocation_of_all_authorizations",
    "stop_payment_order",
    "fraudulent",
    "merchant_blacklist",
    "highest_risk_level",
    "invalid_account",
    "new_account_information_available",
    "incorrect_number",
    "invalid_number",
    "expired_card",
    "card_not_supported",
    "currency_not_supported",
    "transaction_not_allowed",
    "not_permitted",
    "service_not_allowed",
    "security_violation",
    "do_not_try_again",
    "pin_try_exceeded",
    "invalid_amount",
    "testmode_decline",
    "account_closed",
    "debit_not_authorized",
];

/// Codes that would tell a thief, or a payer about to be accused, more than they should know.
const NOT_FOR_THE_PAYER: &[&str] = &[
    "lost_card",
    "stolen_card",
    "pickup_card",
    "fraudulent",
    "merchant_blacklist",
    "highest_risk_level",
    "security_violation",
];

/// What Stripe said, field by field. All of it is optional.
#[derive(Debug, Default, Clone, Copy)]
pub struct Said<'a> {
    /// `error.advice_code`: what the network advises.
    pub advice_code: Option<&'a str>,
    /// `error.decline_code`: the bank's reason.
    pub decline_code: Option<&'a str>,
    /// `error.code`: Stripe's own.
    pub code: Option<&'a str>,
}

/// Sorts a decline. Precedence: advice, then the bank's reason, then Stripe's code.
#[must_use]
pub fn classify(said: Said<'_>, gateway_ref: Option<GatewayRef>) -> Decline {
    let code = said.decline_code.or(said.code).unwrap_or("card_declined");
    let class = match said.advice_code {
        Some("do_not_try_again") => DeclineClass::Hard,
        Some("confirm_card_data") => DeclineClass::Customer,
        Some("try_again_later") => DeclineClass::Soft,
        _ => class_of(code),
    };
    let hidden = NOT_FOR_THE_PAYER.contains(&code);
    Decline {
        class,
        code: if hidden { "card_declined" } else { code }.to_owned(),
        message: sentence(class, if hidden { "card_declined" } else { code }),
        gateway_ref,
    }
}

fn class_of(code: &str) -> DeclineClass {
    if SOFT.contains(&code) {
        DeclineClass::Soft
    } else if CUSTOMER.contains(&code) {
        DeclineClass::Customer
    } else {
        if !HARD.contains(&code) && code != "card_declined" {
            tracing::warn!(code, "a decline code that is not listed: treated as hard");
        }
        DeclineClass::Hard
    }
}

/// Our own words: the gateway's may name the reason that the payer must not learn.
fn sentence(class: DeclineClass, code: &str) -> String {
    match (code, class) {
        ("insufficient_funds", _) => "The account has insufficient funds.",
        ("expired_card", _) => "The card has expired.",
        ("incorrect_cvc" | "invalid_cvc", _) => "The card's security code is incorrect.",
        ("authentication_required", _) => "The bank asks the payer to authenticate.",
        (_, DeclineClass::Soft) => "The payment method was declined; a later attempt may succeed.",
        (_, DeclineClass::Customer) => "The payment method was declined; the payer should check the details.",
        (_, DeclineClass::Hard) => "The payment method was declined; another one is needed.",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(advice_code: Option<&str>, decline_code: Option<&str>, code: Option<&str>) -> DeclineClass {
        classify(Said { advice_code, decline_code, code }, None).class
    }

    #[test]
    fn advice_goes_before_reason_and_reason_before_code() {
        use DeclineClass::{Customer, Hard, Soft};
        assert_eq!(class(None, Some("insufficient_funds"), Some("card_declined")), Soft);
        assert_eq!(class(Some("do_not_try_again"), Some("insufficient_funds"), None), Hard);
        assert_eq!(class(Some("try_again_later"), Some("lost_card"), None), Soft);
        assert_eq!(class(Some("confirm_card_data"), None, Some("expired_card")), Customer);
        assert_eq!(class(Some("something_new"), None, Some("incorrect_cvc")), Customer);
        assert_eq!(class(None, Some("never_heard_of"), None), Hard);
        assert_eq!(class(None, None, None), Hard);
    }

    #[test]
    fn the_payer_never_learns_that_a_card_was_reported_stolen() {
        for code in NOT_FOR_THE_PAYER {
            let decline = classify(Said { decline_code: Some(code), ..Said::default() }, None);
            assert_eq!(decline.code, "card_declined");
            assert!(!decline.message.contains(code), "{}", decline.message);
        }
    }

    #[test]
    fn no_code_is_in_two_lists() {
        for code in SOFT {
            assert!(!CUSTOMER.contains(code) && !HARD.contains(code), "{code}");
        }
        assert!(CUSTOMER.iter().all(|code| !HARD.contains(code)));
    }
}
