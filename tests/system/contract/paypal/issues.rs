//! Issues of every class, for a charge, a capture and a refund: who can do something about it.
//! What was done already, and is told, is tested where it is done: here nothing was.

use common::gateway::{ChargeRequest, DeclineClass::*};

use super::{
    approvals::{approve, by_the_payer, order_to_approve, second_half},
    fixture, taken,
};
use crate::contract::{
    fixture::{Operation, Ready},
    table::{Meaning, Meaning::*, meaning},
    vocabulary::Report,
};

const IN_PROGRESS: &str = "ORDER_COMPLETION_IN_PROGRESS PREVIOUS_REQUEST_IN_PROGRESS";
const DONE_ALREADY: &str = "ORDER_ALREADY_CAPTURED ORDER_ALREADY_AUTHORIZED AUTHORIZATION_ALREADY_CAPTURED \
     PREVIOUSLY_VOIDED DUPLICATE_INVOICE_ID";
const PAYER_MUST_ACT: &str =
    "PAYER_ACTION_REQUIRED ORDER_NOT_APPROVED REDIRECT_PAYER_FOR_ALTERNATE_FUNDING INSTRUMENT_DECLINED";
const HARD: &str = "TRANSACTION_REFUSED PAYER_CANNOT_PAY PAYER_ACCOUNT_RESTRICTED \
     PAYER_ACCOUNT_LOCKED_OR_CLOSED PAYMENT_SOURCE_DECLINED_BY_PROCESSOR CARD_EXPIRED TOKEN_EXPIRED \
     AGREEMENT_ALREADY_CANCELLED COMPLIANCE_VIOLATION MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED \
     TRANSACTION_BLOCKED_BY_PAYEE PAYEE_BLOCKED_TRANSACTION DOMESTIC_TRANSACTION_REQUIRED";
/// The payer can mend it, and then pay anew.
const PAYER: &str = "ORDER_EXPIRED TRANSACTION_LIMIT_EXCEEDED SHIPPING_ADDRESS_INVALID";
/// The account that gets the money: every other payment fares alike.
const ACCOUNT: &str = "PAYEE_ACCOUNT_RESTRICTED PAYEE_ACCOUNT_LOCKED_OR_CLOSED NOT_ENABLED_FOR_CARD_PROCESSING \
     NOT_ENABLED_TO_VAULT_PAYMENT_SOURCE AUTH_CAPTURE_NOT_ENABLED TRANSACTION_RECEIVING_LIMIT_EXCEEDED \
     INVALID_ACCOUNT_STATUS NOT_ELIGIBLE_FOR_TOKEN_PROCESSING";
/// Issues that only a refund has.
const NOT_REFUNDABLE: &str = "REFUND_AMOUNT_EXCEEDED REFUND_NOT_ALLOWED REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK \
     REFUND_IS_RESTRICTED PARTIAL_REFUND_NOT_ALLOWED MAX_NUMBER_OF_REFUNDS_EXCEEDED TRANSACTION_DISPUTED \
     REFUND_FAILED_INSUFFICIENT_FUNDS REFUND_TIME_LIMIT_EXCEEDED REFUND_AMOUNT_TOO_LOW PENDING_CAPTURE";

/// The issues, and what they mean for a charge, a capture and a refund.
const LISTS: [(&str, Meaning, Meaning, Meaning); 10] = [
    (IN_PROGRESS, Replay, Replay, Replay),
    (DONE_ALREADY, LookUp, LookUp, LookUp),
    // All was given back, and this refund is not among what was.
    ("CAPTURE_FULLY_REFUNDED", LookUp, LookUp, Declined(Hard)),
    // A saved payer is not there to act; and of a refund no payer knows.
    (PAYER_MUST_ACT, Declined(Customer), Declined(Customer), Refused),
    (HARD, Declined(Hard), Declined(Hard), Declined(Hard)),
    (PAYER, Declined(Customer), Declined(Customer), Refused),
    (ACCOUNT, Account, Account, Account),
    ("PERMISSION_DENIED CONSENT_NEEDED", Credentials, Credentials, Credentials),
    (NOT_REFUNDABLE, Declined(Hard), Declined(Hard), Declined(Hard)),
    ("MAX_VALUE_EXCEEDED SOMETHING_NEW", Refused, Refused, Refused),
];

/// What tells a payer about to be accused more than they should know.
const NOT_FOR_THE_PAYER: &str = "COMPLIANCE_VIOLATION TRANSACTION_BLOCKED_BY_PAYEE PAYEE_BLOCKED_TRANSACTION";

#[tokio::test]
async fn an_issue_says_who_can_do_something_about_it() {
    let fixture = fixture().await;
    for (issues, charge, capture, refund) in LISTS {
        for issue in issues.split_whitespace() {
            for (operation, token, expected) in [
                (Operation::Charge, format!("vault_issue_{issue}"), charge),
                (Operation::Capture, format!("vault_capture_issue_{issue}"), capture),
                (Operation::Refund, format!("vault_refund_issue_{issue}"), refund),
            ] {
                let ready = fixture.ready(operation, &token).await;
                let report = fixture.send(&ready).await.report;
                assert_eq!(meaning(&report), expected, "{operation:?} {issue}: {report:?}");
                assert_eq!(fixture.send(&ready).await.report, report, "{operation:?} {issue}: a replay");
                let found = fixture.found(&ready).await;
                assert!(operation.is_not_begun(&found), "{operation:?} {issue}: {found:?}");
                assert_eq!(fixture.times_done(&ready).await, 0, "{operation:?} {issue}");
                is_shown_with_care(issue, operation, &report);
            }
        }
    }
}

fn is_shown_with_care(issue: &str, operation: Operation, report: &Report) {
    let Report::Declined(decline) = report else { return };
    let hidden = NOT_FOR_THE_PAYER.split_whitespace().any(|other| other == issue);
    let code = match operation {
        _ if !hidden => issue.to_lowercase(),
        Operation::Refund => "refund_declined".into(),
        _ => "payment_declined".into(),
    };
    assert_eq!(decline.code, code, "{operation:?} {issue}");
    assert!(!decline.message.contains('_'), "{operation:?} {issue}: our own words: {decline:?}");
}

/// A payer who chose at PayPal may choose again there; all else is as final as with a saved one.
#[tokio::test]
async fn a_payer_who_is_there_may_act() {
    let fixture = fixture().await;
    let rows = [(PAYER_MUST_ACT, PayerActs), (HARD, Declined(Hard)), (ACCOUNT, Account)];
    let rows = rows.into_iter().chain([(IN_PROGRESS, Replay)]);
    for (issues, expected) in rows {
        for issue in issues.split_whitespace() {
            let request: ChargeRequest = by_the_payer(&fixture);
            let order = order_to_approve(&fixture, &request).await;
            approve(&fixture, &order, &format!("vault_issue_{issue}")).await;
            let report = fixture.gateway.charge(&second_half(&request, &order)).await.report;
            assert_eq!(meaning(&report), expected, "{issue}: {report:?}");
            assert_eq!(taken(&fixture, &request).await, [] as [i64; 0], "{issue}");
        }
    }
}

/// A cancellation is refused by what the reservation has become, and told: nothing else can be wrong.
#[tokio::test]
async fn a_cancellation_has_no_issues_of_its_own() {
    let fixture = fixture().await;
    for (token, expected) in [("vault_ok", Canceled), ("vault_capture_issue_TRANSACTION_REFUSED", Canceled)] {
        let ready: Ready = fixture.ready(Operation::Cancel, token).await;
        for time in ["at once", "again"] {
            let report = fixture.send(&ready).await.report;
            assert_eq!(meaning(&report), expected, "{token} {time}: {report:?}");
        }
    }
}
