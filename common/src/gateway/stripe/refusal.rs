//! Stripe's refusals of a request, by their code: at whom each points, and what a merchant is told.

use crate::gateway::Fault;

/// Whatever the status: somebody must look after the keys. Stripe answers some of them with a 400.
const CREDENTIALS: [&str; 6] = [
    "api_key_expired",
    "livemode_mismatch",
    "platform_account_required",
    "platform_api_key_expired",
    "secret_key_required",
    "tls_version_unsupported",
];

/// The account may not do it: not with this request, and not with the next.
const ACCOUNT: [&str; 4] = [
    "account_invalid",
    "charge_exceeds_source_limit",
    "charge_exceeds_transaction_limit",
    "testmode_charges_only",
];

/// At whom a refusal points. A 403 without a code that says more is a key that may not do it.
#[must_use]
pub fn fault(status: u16, code: &str) -> Fault {
    match status {
        _ if CREDENTIALS.contains(&code) => Fault::Credentials,
        _ if ACCOUNT.contains(&code) => Fault::Account,
        401 | 403 => Fault::Credentials,
        _ => Fault::Request,
    }
}

/// Our words for the codes of requests that were refused.
#[must_use]
pub fn sentence(code: &str) -> Option<&'static str> {
    Some(match code {
        "resource_missing" => "The gateway knows no such thing: is the token one of this account's?",
        "payment_method_missing" => "The payment method has no token that the gateway could charge.",
        "payment_method_unactivated"
        | "payment_method_not_available"
        | "payment_method_provider_decline"
        | "payment_intent_incompatible_payment_method"
        | "payment_method_currency_mismatch"
        | "payment_method_unexpected_state" => "The gateway cannot take this payment by this method.",
        "payment_method_customer_decline" | "token_already_used" | "payment_method_invalid_parameter" => {
            "The payment method cannot be used again: a new token is needed."
        }
        "amount_too_small" | "amount_too_large" | "invalid_charge_amount" => {
            "The gateway cannot charge this amount."
        }
        "currency_not_supported" | "invalid_currency" => "The gateway does not charge in this currency.",
        "country_unsupported" | "country_code_invalid" => "The gateway does not serve this country.",
        "email_invalid" => "The gateway does not take the e-mail address.",
        "url_invalid" => "The gateway does not take the return URL.",
        "rate_limit" | "lock_timeout" => "The gateway took no more requests at that moment.",
        "account_invalid" => "The account at the gateway that gets the money is not usable any more.",
        "charge_exceeds_source_limit" | "charge_exceeds_transaction_limit" => {
            "The payment is more than the gateway lets the account take; its owner can ask for a higher limit there."
        }
        "testmode_charges_only" => {
            "The account at the gateway takes no real money yet; its owner must activate it there."
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_points_at_whoever_can_mend_it() {
        for (status, code, expected) in [
            (400, "resource_missing", Fault::Request),
            (400, "parameter_unknown", Fault::Request),
            (400, "payment_method_unactivated", Fault::Request),
            (400, "balance_insufficient", Fault::Request),
            (404, "resource_missing", Fault::Request),
            (401, "invalid_request_error", Fault::Credentials),
            (401, "api_key_expired", Fault::Credentials),
            (400, "livemode_mismatch", Fault::Credentials),
            (400, "secret_key_required", Fault::Credentials),
            (403, "invalid_request_error", Fault::Credentials),
            (403, "account_invalid", Fault::Account),
            (400, "testmode_charges_only", Fault::Account),
            (400, "charge_exceeds_transaction_limit", Fault::Account),
        ] {
            assert_eq!(fault(status, code), expected, "{status} {code}");
        }
        for code in ACCOUNT {
            assert!(sentence(code).is_some(), "{code}");
        }
        assert!(CREDENTIALS.iter().all(|code| sentence(code).is_none()), "nobody else's business");
    }
}
