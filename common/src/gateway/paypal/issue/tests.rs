//! Every row of the lists, and refusals that say little.

use super::*;

fn refusal(issue: &str) -> Refusal {
    let body = format!(
        r#"{{"name":"UNPROCESSABLE_ENTITY","message":"m","details":[{{"issue":"{issue}","description":"d"}}]}}"#
    );
    Refusal::read(422, body.as_bytes())
}

/// Every row of the lists, and what it comes to where nothing more can be learnt.
#[test]
fn every_issue_has_its_meaning() {
    for (issue, word, detail) in [
        ("ORDER_COMPLETION_IN_PROGRESS", "unknown", "Replay"),
        ("PREVIOUS_REQUEST_IN_PROGRESS", "unknown", "Replay"),
        ("ORDER_ALREADY_CAPTURED", "unknown", "LookUp"),
        ("ORDER_ALREADY_AUTHORIZED", "unknown", "LookUp"),
        ("ORDER_COMPLETED_OR_VOIDED", "unknown", "LookUp"),
        ("AUTHORIZATION_ALREADY_CAPTURED", "unknown", "LookUp"),
        ("AUTHORIZATION_VOIDED", "unknown", "LookUp"),
        ("AUTHORIZATION_DENIED", "unknown", "LookUp"),
        ("AUTHORIZATION_EXPIRED", "unknown", "LookUp"),
        ("PREVIOUSLY_CAPTURED", "unknown", "LookUp"),
        ("PREVIOUSLY_VOIDED", "unknown", "LookUp"),
        ("CAPTURE_FULLY_REFUNDED", "unknown", "LookUp"),
        ("DUPLICATE_INVOICE_ID", "unknown", "LookUp"),
        ("DUPLICATE_REQUEST_ID", "unknown", "LookUp"),
        ("PAYER_ACTION_REQUIRED", "declined", "Customer"),
        ("ORDER_NOT_APPROVED", "declined", "Customer"),
        ("REDIRECT_PAYER_FOR_ALTERNATE_FUNDING", "declined", "Customer"),
        ("INSTRUMENT_DECLINED", "declined", "Customer"),
        ("TRANSACTION_REFUSED", "declined", "Hard"),
        ("PAYER_CANNOT_PAY", "declined", "Hard"),
        ("PAYER_ACCOUNT_RESTRICTED", "declined", "Hard"),
        ("PAYER_ACCOUNT_LOCKED_OR_CLOSED", "declined", "Hard"),
        ("PAYMENT_SOURCE_DECLINED_BY_PROCESSOR", "declined", "Hard"),
        ("CARD_EXPIRED", "declined", "Hard"),
        ("TOKEN_EXPIRED", "declined", "Hard"),
        ("AGREEMENT_ALREADY_CANCELLED", "declined", "Hard"),
        ("COMPLIANCE_VIOLATION", "declined", "Hard"),
        ("MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED", "declined", "Hard"),
        ("TRANSACTION_BLOCKED_BY_PAYEE", "declined", "Hard"),
        ("REFUND_AMOUNT_EXCEEDED", "declined", "Hard"),
        ("REFUND_NOT_ALLOWED", "declined", "Hard"),
        ("REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK", "declined", "Hard"),
        ("REFUND_IS_RESTRICTED", "declined", "Hard"),
        ("PARTIAL_REFUND_NOT_ALLOWED", "declined", "Hard"),
        ("MAX_NUMBER_OF_REFUNDS_EXCEEDED", "declined", "Hard"),
        ("TRANSACTION_DISPUTED", "declined", "Hard"),
        ("PAYEE_ACCOUNT_RESTRICTED", "refused", "alarm: true"),
        ("PAYEE_BLOCKED_TRANSACTION", "refused", "alarm: true"),
        ("PERMISSION_DENIED", "refused", "alarm: true"),
        ("NOT_ENABLED_FOR_CARD_PROCESSING", "refused", "alarm: true"),
        ("REFUND_FAILED_INSUFFICIENT_FUNDS", "refused", "alarm: true"),
        ("REFUND_TIME_LIMIT_EXCEEDED", "refused", "alarm: true"),
        ("MAX_VALUE_EXCEEDED", "refused", "alarm: false"),
        ("SOMETHING_NEW", "refused", "alarm: false"),
    ] {
        let report = refusal(issue).report(Some("5O1".into()));
        assert_eq!(report.word(), word, "{issue}");
        assert!(format!("{report:?}").contains(detail), "{issue}: {report:?}");
    }
}

#[test]
fn a_refusal_is_read_from_whatever_there_is() {
    let read = |body: &str| {
        let refusal = Refusal::read(400, body.as_bytes());
        (refusal.meaning, refusal.issue, refusal.words)
    };
    let at = |issue: &str, words: &str| (Meaning::Unlisted, issue.to_owned(), words.to_owned());
    for body in ["", "null", "[]", "<html>", "{}", r#"{"name":null,"details":null,"links":null}"#] {
        assert_eq!(read(body), at("HTTP_400", "the gateway answered 400"), "{body}");
    }
    let nulls = r#"{"name":"INVALID_REQUEST","message":"m","details":[{"issue":null,"description":null}]}"#;
    assert_eq!(read(nulls), at("INVALID_REQUEST", "m"));
    let field = r#"{"details":[{"issue":"MISSING_REQUIRED_PARAMETER","description":"d","field":"/intent"}]}"#;
    assert_eq!(read(field), at("MISSING_REQUIRED_PARAMETER", "d (/intent)"));
    let several = r#"{"details":[{"issue":"NEW_THING"},{"issue":"ORDER_ALREADY_CAPTURED"}]}"#;
    assert_eq!(read(several).0, Meaning::DoneAlready, "the one that we know");
}

#[test]
fn the_payer_is_sent_only_where_paypal_says() {
    let url = |links: &str| Refusal::read(422, format!(r#"{{"links":{links}}}"#).as_bytes()).payer_url;
    let link = |rel: &str, href: &str| format!(r#"{{"rel":"{rel}","href":"{href}"}}"#);
    let approve = link("approve", "https://paypal.example/approve");
    let action = link("payer-action", "https://paypal.example/act");
    assert_eq!(url(&format!("[{approve},{action}]")).unwrap(), "https://paypal.example/act");
    assert_eq!(url(&format!("[{approve}]")).unwrap(), "https://paypal.example/approve");
    for nothing in [
        "[]",
        "null",
        "[{}]",
        &format!("[{}]", link("self", "https://paypal.example")),
        &format!("[{}]", link("approve", "javascript:alert(1)")),
    ] {
        assert_eq!(url(nothing), None, "{nothing}");
    }
}

#[test]
fn the_payer_never_learns_of_a_suspicion() {
    for issue in NOT_FOR_THE_PAYER {
        let decline = decline(DeclineClass::Hard, issue, None);
        assert_eq!(decline.code, "payment_declined");
        assert!(!decline.message.contains(issue));
    }
}

#[test]
fn no_issue_is_in_two_lists() {
    let lists =
        [IN_PROGRESS, DONE_ALREADY, PAYER_MUST_ACT, OTHER_FUNDING, HARD, NOT_REFUNDABLE, MERCHANT_MUST_ACT];
    let all: Vec<_> = lists.iter().copied().flatten().collect();
    let mut once = all.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(all.len(), once.len());
}
