//! Every decline code of the three lists, and who goes before whom.

use common::gateway::{DeclineClass, DeclineClass::*};

use super::fixture;
use crate::contract::{
    fixture::{GatewayFixture, Operation, Ready},
    table::{Meaning, meaning},
    vocabulary::Report,
};

const CODES: [(DeclineClass, &str); 3] = [
    (
        Soft,
        "insufficient_funds card_velocity_exceeded withdrawal_count_limit_exceeded processing_error \
         reenter_transaction try_again_later issuer_not_available approve_with_id generic_decline do_not_honor \
         no_action_taken",
    ),
    (
        Customer,
        "authentication_required incorrect_cvc invalid_cvc incorrect_zip invalid_expiry_month \
         invalid_expiry_year incorrect_pin invalid_pin call_issuer payment_intent_action_required",
    ),
    (
        Hard,
        "lost_card stolen_card pickup_card restricted_card revocation_of_authorization \
         revocation_of_all_authorizations stop_payment_order fraudulent merchant_blacklist highest_risk_level \
         invalid_account new_account_information_available incorrect_number invalid_number expired_card \
         card_not_supported currency_not_supported transaction_not_allowed not_permitted service_not_allowed \
         security_violation do_not_try_again pin_try_exceeded invalid_amount testmode_decline",
    ),
];

/// What tells a thief, or a payer about to be accused, more than they should know.
const NOT_FOR_THE_PAYER: &str = "lost_card stolen_card pickup_card fraudulent merchant_blacklist \
     highest_risk_level security_violation";

#[tokio::test]
async fn every_code_has_its_class_and_some_are_not_shown() {
    let fixture = fixture().await;
    for (class, codes) in CODES {
        for code in codes.split_whitespace() {
            // Whether the bank says it or Stripe.
            for token in [format!("pm_sandbox_decline_{code}"), format!("pm_sandbox_code_{code}")] {
                let (request, report) = fixture.paid(&token).await;
                let Report::Declined(decline) = &report else { panic!("{token}: {report:?}") };
                assert_eq!(decline.class, class, "{token}");
                let hidden = NOT_FOR_THE_PAYER.split_whitespace().any(|other| other == code);
                assert_eq!(decline.code, if hidden { "card_declined" } else { code }, "{token}");
                assert!(!decline.message.contains(code) && !decline.message.contains('_'), "{decline:?}");
                assert_eq!(fixture.found_charge(&request).await, report, "{token}: a look-up says the same");
                assert_eq!(fixture.times_done(&Ready::Charge(request)).await, 0, "{token}");
            }
        }
    }
}

/// `advice_code`, then `decline_code`, then `code`.
const PRECEDENCE: [(&str, DeclineClass); 13] = [
    ("decline_insufficient_funds_advice_do_not_try_again", Hard),
    ("decline_incorrect_cvc_advice_do_not_try_again", Hard),
    ("decline_insufficient_funds_advice_confirm_card_data", Customer),
    ("decline_lost_card_advice_confirm_card_data", Customer),
    ("decline_lost_card_advice_try_again_later", Soft),
    ("decline_incorrect_cvc_advice_try_again_later", Soft),
    ("code_expired_card_advice_try_again_later", Soft),
    // Advice that we do not know is none.
    ("decline_incorrect_cvc_advice_something_new", Customer),
    ("code_processing_error_advice_something_new", Soft),
    // The code beside these is `card_declined`, which alone is hard.
    ("decline_insufficient_funds", Soft),
    ("code_card_declined", Hard),
    // What is not listed is hard.
    ("decline_something_new", Hard),
    ("code_something_new", Hard),
];

#[tokio::test]
async fn advice_goes_before_reason_and_reason_before_code() {
    let fixture = fixture().await;
    for (said, class) in PRECEDENCE {
        let (_, report) = fixture.paid(&format!("pm_sandbox_{said}")).await;
        assert_eq!(meaning(&report), Meaning::Declined(class), "{said}: {report:?}");
    }
}

/// 402 is final: the same key repeats it, and what stood before still stands.
#[tokio::test]
async fn captures_and_refunds_are_declined_too() {
    let fixture = fixture().await;
    for (operation, name) in [(Operation::Capture, "capture"), (Operation::Refund, "refund")] {
        for (said, class) in PRECEDENCE {
            let ready = fixture.ready(operation, &format!("pm_sandbox_{name}_{said}")).await;
            let report = fixture.send(&ready).await.report;
            assert_eq!(meaning(&report), Meaning::Declined(class), "{name} {said}: {report:?}");
            assert_eq!(fixture.send(&ready).await.report, report, "{name} {said}: a replay says the same");
            let found = fixture.found(&ready).await;
            assert!(operation.is_not_begun(&found), "{name} {said}: {found:?}");
            assert_eq!(fixture.times_done(&ready).await, 0, "{name} {said}");
        }
    }
}

/// The bank believes that it has this payment already: that is a question, not an answer.
#[tokio::test]
async fn a_duplicate_is_looked_up_and_not_retried() {
    let fixture = fixture().await;
    for said in ["decline_duplicate_transaction", "code_duplicate_transaction"] {
        for (operation, name) in
            [(Operation::Charge, ""), (Operation::Capture, "capture_"), (Operation::Refund, "refund_")]
        {
            let ready = fixture.ready(operation, &format!("pm_sandbox_{name}{said}")).await;
            let report = fixture.send(&ready).await.report;
            assert_eq!(meaning(&report), Meaning::LookUp, "{name}{said}: {report:?}");
            assert_eq!(fixture.times_done(&ready).await, 0, "{name}{said}");
        }
    }
    found_as_a_duplicate(&fixture).await;
}

async fn found_as_a_duplicate(fixture: &GatewayFixture) {
    let (request, _) = fixture.paid("pm_sandbox_decline_duplicate_transaction").await;
    let report = fixture.found_charge(&request).await;
    assert_eq!(meaning(&report), Meaning::LookUp, "the payment itself says no more: {report:?}");
}
