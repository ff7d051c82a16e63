//! What a merchant is told when a gateway refuses a request: our own sentence for its code. The gateway's words may
//! quote whatever was sent to it, so they are for operators alone.

/// Our words for a gateway's code, of whatever gateway: their codes have no word in common.
#[must_use]
pub fn sentence(code: &str) -> &'static str {
    match code {
        "resource_missing" | "RESOURCE_NOT_FOUND" | "INVALID_RESOURCE_ID" => {
            "The gateway knows no such thing: is the token one of this account's?"
        }
        "payment_method_missing" => "The payment method has no token that the gateway could charge.",
        "payment_method_unactivated"
        | "payment_method_not_available"
        | "payment_method_provider_decline"
        | "payment_intent_incompatible_payment_method"
        | "payment_method_currency_mismatch"
        | "payment_method_unexpected_state"
        | "PAYMENT_SOURCE_CANNOT_BE_USED"
        | "PAYMENT_SOURCE_INFO_CANNOT_BE_VERIFIED" => "The gateway cannot take this payment by this method.",
        "payment_method_customer_decline" | "token_already_used" | "payment_method_invalid_parameter" => {
            "The payment method cannot be used again: a new token is needed."
        }
        "amount_not_chargeable"
        | "amount_too_small"
        | "amount_too_large"
        | "invalid_charge_amount"
        | "MAX_VALUE_EXCEEDED"
        | "AMOUNT_CANNOT_BE_SPECIFIED"
        | "AMOUNT_MISMATCH"
        | "CANNOT_BE_ZERO_OR_NEGATIVE"
        | "DECIMAL_PRECISION"
        | "DECIMALS_NOT_SUPPORTED"
        | "MIN_AMOUNT_NOT_MET" => "The gateway cannot charge this amount.",
        "currency_not_supported"
        | "invalid_currency"
        | "CURRENCY_NOT_SUPPORTED"
        | "UNSUPPORTED_PAYEE_CURRENCY"
        | "CURRENCY_NOT_SUPPORTED_FOR_COUNTRY" => "The gateway does not charge in this currency.",
        "no_authorization" => "There is no authorization that could be captured.",
        "no_capture" => "There is no capture that could be refunded.",
        "country_unsupported" | "country_code_invalid" | "COUNTRY_NOT_SUPPORTED_BY_PAYMENT_SOURCE" => {
            "The gateway does not serve this country."
        }
        "email_invalid" | "INVALID_EMAIL_ADDRESS" => "The gateway does not take the e-mail address.",
        "url_invalid" | "INVALID_URI" => "The gateway does not take the return URL.",
        "rate_limit" | "lock_timeout" | "RATE_LIMIT_REACHED" => {
            "The gateway took no more requests at that moment."
        }
        _ => "The payment gateway refused the request; its code says why.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_code_says_the_sentence_is_ours() {
        for code in ["resource_missing", "RESOURCE_NOT_FOUND", "no_capture"] {
            assert_ne!(sentence(code), sentence("anything else"));
        }
        for code in ["", "4242424242424242", "No such PaymentMethod: 'pm_4242424242424242'"] {
            assert_eq!(sentence(code), "The payment gateway refused the request; its code says why.");
        }
    }
}
