//! Every issue that PayPal documents for what we ask of it, what it means for us, and our sentence for whoever asked.
//! An issue of a family that grows is known by how it begins; whatever else is not here is a refusal of the request,
//! and is logged, so that it gets here.

use super::Meaning::{self, *};

/// Issues that mean the same, and are told alike.
struct Row {
    meaning: Meaning,
    /// For the merchant, and safe to show to a payer.
    sentence: &'static str,
    issues: &'static [&'static str],
}

const fn row(meaning: Meaning, sentence: &'static str, issues: &'static [&'static str]) -> Row {
    Row { meaning, sentence, issues }
}

/// What an outcome that is asked for says instead.
const ASKED_FOR: &str = "The gateway is asked what became of it.";
const ANOTHER_METHOD: &str = "The payment was declined; another payment method is needed.";
const OVER: &str = "The payer's agreement at PayPal is over; it has to be made anew.";
const AMOUNT: &str = "The gateway cannot charge this amount.";
const CURRENCY: &str = "The gateway does not charge in this currency.";
const NO_SUCH_THING: &str = "The gateway knows no such thing: is the token one of this account's?";
const NOT_THIS_METHOD: &str = "The gateway cannot take this payment by this method.";
const DEFECT: &str = "The payment gateway found fault with how it was asked; its code says with what.";

const TABLE: &[Row] = &[
    // The same request, again.
    row(InProgress, ASKED_FOR, &["ORDER_COMPLETION_IN_PROGRESS", "PREVIOUS_REQUEST_IN_PROGRESS"]),
    // It happened before: what came of it is fetched.
    row(
        DoneAlready,
        ASKED_FOR,
        &[
            "ORDER_ALREADY_CAPTURED",
            "ORDER_ALREADY_AUTHORIZED",
            "ORDER_COMPLETED_OR_VOIDED",
            "MAX_AUTHORIZATION_COUNT_EXCEEDED",
            "AUTHORIZATION_ALREADY_CAPTURED",
            "MAX_CAPTURE_COUNT_EXCEEDED",
            "AUTHORIZATION_VOIDED",
            "AUTHORIZATION_DENIED",
            super::AUTHORIZATION_EXPIRED,
            super::CAPTURE_FULLY_REFUNDED,
            "PREVIOUSLY_CAPTURED",
            "PREVIOUSLY_VOIDED",
            "DUPLICATE_INVOICE_ID",
        ],
    ),
    // The payer.
    row(
        PayerMustAct,
        "The payment was declined; the payer should see to it at PayPal.",
        &[super::PAYER_ACTION_REQUIRED, "ORDER_NOT_APPROVED"],
    ),
    row(
        OtherFunding,
        "PayPal could not take the money from the payer's bank or card.",
        &["REDIRECT_PAYER_FOR_ALTERNATE_FUNDING", "INSTRUMENT_DECLINED"],
    ),
    row(
        Payer,
        "The payer's approval at PayPal has run out; the payment has to be made anew.",
        &["ORDER_EXPIRED"],
    ),
    row(
        Payer,
        "PayPal does not take the payer's address; the payer should see to it there.",
        &["BILLING_ADDRESS_INVALID", "SHIPPING_ADDRESS_INVALID", "PAYMENT_SOURCE_INFO_CANNOT_BE_VERIFIED"],
    ),
    row(
        Payer,
        "The payment is more than PayPal lets the payer pay at once.",
        &["TRANSACTION_LIMIT_EXCEEDED"],
    ),
    // This way of paying will not work.
    row(
        Hard,
        ANOTHER_METHOD,
        &[
            "TRANSACTION_REFUSED",
            "PAYER_CANNOT_PAY",
            "PAYMENT_SOURCE_DECLINED_BY_PROCESSOR",
            "ALIAS_DECLINED_BY_PROCESSOR",
            "DECLINED_DUE_TO_RELATED_TXN",
            "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED",
            // For nobody's eyes: see NOT_FOR_THE_PAYER.
            "COMPLIANCE_VIOLATION",
            "TRANSACTION_BLOCKED_BY_PAYEE",
            "PAYEE_BLOCKED_TRANSACTION",
        ],
    ),
    row(
        Hard,
        "The payer's account at PayPal cannot be used.",
        &["PAYER_ACCOUNT_LOCKED_OR_CLOSED", "PAYER_ACCOUNT_RESTRICTED"],
    ),
    row(Hard, "The card has expired.", &["CARD_EXPIRED", "REFERENCED_CARD_EXPIRED"]),
    row(Hard, OVER, &["TOKEN_EXPIRED", "AGREEMENT_ALREADY_CANCELLED"]),
    row(
        Hard,
        NOT_THIS_METHOD,
        &["PAYMENT_SOURCE_CANNOT_BE_USED", "PAYMENT_SOURCE_NOT_SUPPORTED", "CARD_BRAND_NOT_SUPPORTED"],
    ),
    row(
        Hard,
        "The payer and the account that gets the money must be in the same country.",
        &["DOMESTIC_TRANSACTION_REQUIRED"],
    ),
    // Of this capture nothing more, or not so much, is given back: the merchant's matter, and nobody is woken.
    row(
        NotRefundable,
        "The time in which the gateway gives this payment back is over; the money must be given back in another way.",
        &["REFUND_TIME_LIMIT_EXCEEDED"],
    ),
    row(
        NotRefundable,
        "The account at the gateway has too little money for this refund; it can be asked for again once there is enough.",
        &["REFUND_FAILED_INSUFFICIENT_FUNDS"],
    ),
    row(NotRefundable, "The refund is more than what is left of the payment.", &["REFUND_AMOUNT_EXCEEDED"]),
    row(
        NotRefundable,
        "The refund is too small: nothing is left of it in the currency of the payer's account.",
        &["REFUND_AMOUNT_TOO_LOW"],
    ),
    row(
        NotRefundable,
        "The payment is disputed, and cannot be refunded meanwhile.",
        &["TRANSACTION_DISPUTED", "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK"],
    ),
    row(
        NotRefundable,
        "The gateway gives this payment back as a whole only, not in parts.",
        &["PARTIAL_REFUND_NOT_ALLOWED"],
    ),
    row(
        NotRefundable,
        "The gateway takes no more refunds of this payment; the money must be given back in another way.",
        &["MAX_NUMBER_OF_REFUNDS_EXCEEDED", "REFUND_NOT_ALLOWED"],
    ),
    row(
        NotRefundable,
        "The payment can be given back only by whoever took it at the gateway.",
        &["REFUND_IS_RESTRICTED"],
    ),
    row(
        NotRefundable,
        "The payment's money has not come yet; it can be refunded once it has.",
        &["PENDING_CAPTURE"],
    ),
    // The account that gets the money: its owner is woken.
    row(
        Account,
        "The PayPal account that gets the money is restricted; its owner must see to it at PayPal.",
        &["PAYEE_ACCOUNT_RESTRICTED", "INVALID_ACCOUNT_STATUS"],
    ),
    row(
        Account,
        "The PayPal account that gets the money is locked or closed; its owner must see to it at PayPal.",
        &["PAYEE_ACCOUNT_LOCKED_OR_CLOSED", "PAYEE_ACCOUNT_INVALID"],
    ),
    row(
        Account,
        "The PayPal account that gets the money may not receive as much; its owner can have the limit lifted at PayPal.",
        &["TRANSACTION_RECEIVING_LIMIT_EXCEEDED"],
    ),
    row(
        Account,
        "The PayPal account that gets the money is not set up for this; its owner must see to it at PayPal.",
        &[
            "AUTH_CAPTURE_NOT_ENABLED",
            "NOT_ENABLED_TO_VAULT_PAYMENT_SOURCE",
            "NOT_ENABLED_FOR_CARD_PROCESSING",
            "NOT_ENABLED_FOR_BANK_PROCESSING",
            "NOT_ENABLED_FOR_APPLE_PAY",
            "NOT_ENABLED_FOR_GOOGLE_PAY",
            "NOT_ELIGIBLE_FOR_TOKEN_PROCESSING",
            "PAYEE_NOT_ENABLED_FOR_BANK_PROCESSING",
            "PAYEE_NOT_ENABLED_FOR_CARD_PROCESSING",
            "SETUP_ERROR_FOR_BANK",
        ],
    ),
    // The application's permissions: the operator is woken.
    row(
        Credentials,
        "The payment gateway cannot be used at the moment.",
        &["PERMISSION_DENIED", "CONSENT_NEEDED", "PERMISSION_DENIED_FOR_DONATION_ITEMS"],
    ),
    // One key, two requests. It is the name of the error, which has no issue.
    row(KeyReused, ASKED_FOR, &["DUPLICATE_REQUEST_ID"]),
    // This request, for a reason that its maker can understand.
    row(
        Request,
        NO_SUCH_THING,
        &[
            "INVALID_RESOURCE_ID",
            "RESOURCE_NOT_FOUND",
            "TOKEN_ID_NOT_FOUND",
            "BILLING_AGREEMENT_NOT_FOUND",
            "IDENTIFIER_NOT_FOUND",
        ],
    ),
    row(
        Request,
        AMOUNT,
        &[
            "AMOUNT_MISMATCH",
            "AMOUNT_CANNOT_BE_SPECIFIED",
            "AUTHORIZATION_AMOUNT_EXCEEDED",
            "CANNOT_BE_NEGATIVE",
            "CANNOT_BE_ZERO_OR_NEGATIVE",
            "DECIMALS_NOT_SUPPORTED",
            "DECIMAL_PRECISION",
            "MAX_CAPTURE_AMOUNT_EXCEEDED",
            "MAX_VALUE_EXCEEDED",
            "MIN_AMOUNT_NOT_MET",
        ],
    ),
    row(
        Request,
        CURRENCY,
        &[
            "INVALID_CURRENCY_CODE",
            "CURRENCY_NOT_SUPPORTED",
            "CURRENCY_NOT_SUPPORTED_FOR_COUNTRY",
            "UNSUPPORTED_PAYEE_CURRENCY",
        ],
    ),
    row(
        Request,
        "The amount is in another currency than the payment.",
        &[
            "AUTHORIZATION_CURRENCY_MISMATCH",
            "AUTH_CAPTURE_CURRENCY_MISMATCH",
            "CURRENCY_MISMATCH",
            "REFUND_CAPTURE_CURRENCY_MISMATCH",
        ],
    ),
    row(
        Request,
        NOT_THIS_METHOD,
        &[
            "MISMATCHED_VAULT_ID_TO_PAYMENT_SOURCE",
            "PAYMENT_TYPE_NOT_SUPPORTED_FOR_INTENT",
            "UNSUPPORTED_INTENT_FOR_PAYMENT_SOURCE",
        ],
    ),
    row(Request, "The gateway does not serve this country.", &["COUNTRY_NOT_SUPPORTED_BY_PAYMENT_SOURCE"]),
    row(Request, "The gateway does not take the e-mail address.", &["INVALID_EMAIL_ADDRESS"]),
    row(Request, "The gateway does not take the return URL.", &["INVALID_URI"]),
    row(Request, "The gateway took no more requests at that moment.", &["RATE_LIMIT_REACHED"]),
    // How we ask, or what we never ask for: a defect of ours, or a change of PayPal's.
    row(Request, DEFECT, DEFECTS),
];

const DEFECTS: &[&str] = &[
    "ACTION_DOES_NOT_MATCH_INTENT",
    "APPLE_PAY_AMOUNT_MISMATCH",
    "BANK_NOT_SUPPORTED_FOR_VERIFICATION",
    "BILLING_AGREEMENT_ID_MISMATCH",
    "BLIK_ONE_CLICK_MISSING_REQUIRED_PARAMETER",
    "CANCEL_URL_REQUIRED",
    "CANNOT_BE_VOIDED",
    "CARD_EXPIRY_REQUIRED",
    "CARD_NUMBER_REQUIRED",
    "CITY_REQUIRED",
    "CRYPTOGRAM_REQUIRED",
    "CURRENCY_NOT_SUPPORTED_FOR_BANK",
    "DONATION_ITEMS_NOT_SUPPORTED",
    "DUPLICATE_REFERENCE_ID",
    "EMV_DATA_REQUIRED",
    "GOOGLE_PAY_GATEWAY_MERCHANT_ID_MISMATCH",
    "IBAN_COUNTRY_NOT_SUPPORTED",
    "INCOMPATIBLE_PARAMETER_VALUE",
    "INVALID_ARRAY_MAX_ITEMS",
    "INVALID_ARRAY_MIN_ITEMS",
    "INVALID_COUNTRY_CODE",
    "INVALID_EXPIRY_DATE",
    "INVALID_FX_RATE_ID",
    "INVALID_GOOGLE_PAY_TOKEN",
    "INVALID_IBAN",
    "INVALID_PARAMETER_SYNTAX",
    "INVALID_PARAMETER_VALUE",
    "INVALID_PAYEE_PRICING_TIER_ID",
    "INVALID_PAYER_ID",
    "INVALID_PICKUP_ADDRESS",
    "INVALID_PLATFORM_FEES_ACCOUNT",
    "INVALID_PLATFORM_FEES_AMOUNT",
    "INVALID_PREVIOUS_TRANSACTION_REFERENCE",
    "INVALID_SECURITY_CODE_LENGTH",
    "INVALID_STRING_LENGTH",
    "INVALID_STRING_MAX_LENGTH",
    "ITEM_TOTAL_MISMATCH",
    "ITEM_TOTAL_REQUIRED",
    "MALFORMED_REQUEST_JSON",
    "MERCHANT_INITIATED_WITH_AUTHENTICATION_RESULTS",
    "MERCHANT_INITIATED_WITH_MULTIPLE_PURCHASE_UNITS",
    "MERCHANT_INITIATED_WITH_SECURITY_CODE",
    "MISSING_CRYPTOGRAM",
    "MISSING_PICKUP_ADDRESS",
    "MISSING_PREVIOUS_REFERENCE",
    "MISSING_REQUIRED_PARAMETER",
    "MULTIPLE_ITEM_CATEGORIES",
    "MULTIPLE_SHIPPING_ADDRESS_NOT_SUPPORTED",
    "MULTIPLE_SHIPPING_OPTION_SELECTED",
    "MULTIPLE_SHIPPING_TYPE_NOT_SUPPORTED",
    "MULTI_CURRENCY_ORDER",
    "NOT_ELIGIBLE_FOR_PAYPAL_TRANSACTION_ID_PROCESSING",
    "NOT_ELIGIBLE_FOR_PNREF_PROCESSING",
    "NOT_SUPPORTED",
    "ONE_OF_PARAMETERS_REQUIRED",
    "ONLY_ONE_BANK_SOURCE_ALLOWED",
    "ORDER_CANNOT_BE_SAVED",
    "ORDER_COMPLETE_ON_PAYMENT_APPROVAL",
    "PAYEE_FX_RATE_ID_CURRENCY_MISMATCH",
    "PAYEE_FX_RATE_ID_EXPIRED",
    "PAYEE_PRICING_TIER_ID_NOT_ENABLED",
    "PAYMENT_SOURCE_MISMATCH",
    "PAYPAL_REQUEST_ID_REQUIRED",
    "PAYPAL_TRANSACTION_ID_EXPIRED",
    "PAYPAL_TRANSACTION_ID_NOT_FOUND",
    "PLATFORM_FEES_NOT_SUPPORTED",
    "PLATFORM_FEE_EXCEEDED",
    "PLATFORM_FEE_NOT_ENABLED",
    "PLATFORM_FEE_PAYEE_CANNOT_BE_SAME_AS_PAYER",
    "PNREF_EXPIRED",
    "PNREF_NOT_FOUND",
    "POSTAL_CODE_REQUIRED",
    "PREFERRED_PAYMENT_SOURCE_MISMATCH",
    "PREFERRED_SHIPPING_OPTION_AMOUNT_MISMATCH",
    "PREVIOUS_TRANSACTION_REFERENCE_HAS_CHARGEBACK",
    "PREVIOUS_TRANSACTION_REFERENCE_VOIDED",
    "REFERENCE_ID_REQUIRED",
    "REQUIRED_PARAMETER_FOR_CUSTOMER_INITIATED_PAYMENT",
    "RETURN_URL_REQUIRED",
    "SAVE_ORDER_NOT_SUPPORTED",
    "SHIPPING_OPTIONS_NOT_SUPPORTED",
    "SHIPPING_OPTION_NOT_SELECTED",
    "SHIPPING_TYPE_NOT_SUPPORTED_FOR_CLIENT",
    "TAX_TOTAL_MISMATCH",
    "TAX_TOTAL_REQUIRED",
    "UNSUPPORTED_INTENT",
    "UNSUPPORTED_PAYMENT_INSTRUCTION",
    "UNSUPPORTED_PROCESSING_INSTRUCTION",
    "UNSUPPORTED_SHIPPING_TYPE",
    "VAULT_INSTRUCTION_DUPLICATED",
    "VAULT_INSTRUCTION_REQUIRED",
];

/// Families that grow, by how their issues begin, where no row says otherwise.
const FAMILIES: [(&str, Meaning, &str); 3] = [
    ("PAYER_ACCOUNT_", Hard, "The payer's account at PayPal cannot be used."),
    (
        "PAYEE_",
        Account,
        "The PayPal account that gets the money cannot be used; its owner must see to it at PayPal.",
    ),
    (
        "NOT_ENABLED_",
        Account,
        "The PayPal account that gets the money is not set up for this; its owner must see to it at PayPal.",
    ),
];

/// What an issue means, and our sentence for it. `None`: it is in no row, and of no family.
pub fn find(issue: &str) -> Option<(Meaning, &'static str)> {
    let listed = TABLE.iter().find(|row| row.issues.contains(&issue)).map(|row| (row.meaning, row.sentence));
    let of_family = || FAMILIES.into_iter().find(|(prefix, ..)| issue.starts_with(prefix));
    listed.or_else(|| of_family().map(|(_, meaning, sentence)| (meaning, sentence)))
}

/// Every issue that is listed by its name.
#[cfg(test)]
pub fn listed() -> impl Iterator<Item = (&'static str, Meaning, &'static str)> {
    let rows = TABLE.iter();
    rows.flat_map(|row| row.issues.iter().map(|issue| (*issue, row.meaning, row.sentence)))
}
