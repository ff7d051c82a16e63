//! What a merchant is told when a gateway refuses a request: our own sentence for its code. The gateway's words may
//! quote whatever was sent to it, so they are for operators alone.

use super::{paypal, stripe};

/// Where neither gateway's table has the code.
const REFUSED: &str = "The payment gateway refused the request; its code says why.";

/// Where no table says what is wrong with the account.
const ACCOUNT: &str =
    "The account at the gateway that gets the money cannot be used; its owner must see to it there.";

/// Our words for a gateway's code, of whatever gateway: a code that two of them have means the same.
#[must_use]
pub fn sentence(code: &str) -> &'static str {
    known(code).unwrap_or(REFUSED)
}

/// The same, where the account that gets the money is at fault.
#[must_use]
pub fn sentence_of_account(code: &str) -> &'static str {
    known(code).unwrap_or(ACCOUNT)
}

fn known(code: &str) -> Option<&'static str> {
    let ours = match code {
        "amount_not_chargeable" => Some("The gateway cannot charge this amount."),
        "no_authorization" => Some("There is no authorization that could be captured."),
        "no_capture" => Some("There is no capture that could be refunded."),
        _ => None,
    };
    ours.or_else(|| stripe::refusal_sentence(code)).or_else(|| paypal::refusal_sentence(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_code_says_the_sentence_is_ours() {
        for code in ["resource_missing", "resource_not_found", "no_capture", "testmode_charges_only"] {
            assert_ne!(sentence(code), REFUSED, "{code}");
        }
        for code in ["", "4242424242424242", "No such PaymentMethod: 'pm_4242424242424242'"] {
            assert_eq!((sentence(code), sentence_of_account(code)), (REFUSED, ACCOUNT), "{code}");
        }
    }
}
