//! What a token of Stripe's looks like: `pm_…`, the name of a payment method. Legacy tokens (`tok_…`, `src_…`,
//! `card_…`) are not taken: they cannot be charged by a payment intent alone.

/// Whether it is the name of a payment method. Letters, digits and underscores between them, and nothing else.
#[must_use]
pub fn is_one(token: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    token.strip_prefix("pm_").is_some_and(|rest| rest.split('_').all(is_part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_payment_methods_are_tokens() {
        for token in [
            "pm_1MqLiJLkdIwHu7ixUEgbFdYF",
            "pm_card_visa",
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "pm_usBankAccount_success",
            "pm_sandbox_between_1764305590_1764306590_chargeDeclined",
            "pm_sandbox_503_once",
        ] {
            assert!(is_one(token), "{token}");
        }
        for token in [
            "",
            "pm",
            "pm_",
            "pm4242424242424242",
            "pm_4242.4242.4242.4242",
            "pm_4242-4242",
            "pm__1",
            "pm_1_",
            "PM_1",
            "tok_visa",
        ] {
            assert!(!is_one(token), "{token}");
        }
    }
}
