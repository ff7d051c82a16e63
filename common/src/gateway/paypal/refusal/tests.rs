//! Every row of the lists, and refusals that say little.

use super::*;
use crate::gateway::ChargeOutcome;

fn refusal(issue: &str) -> Refusal {
    let body = format!(
        r#"{{"name":"UNPROCESSABLE_ENTITY","message":"m","details":[{{"issue":"{issue}","description":"d"}}]}}"#
    );
    Refusal::read(422, body.as_bytes())
}

/// What an issue comes to where nothing more can be learnt, in a word.
fn comes_to(issue: &str) -> String {
    match refusal(issue).report(Some("5O1".into())) {
        Err(InDoubt::Unknown { resolution, .. }) => format!("{resolution:?}"),
        Ok(ChargeOutcome::Declined(decline)) => format!("declined {:?}", decline.class),
        Err(InDoubt::Refused { fault, .. }) => format!("refused {fault:?}"),
        other => panic!("{issue}: {other:?}"),
    }
}

/// Every row of the table by its meaning, and what that comes to.
#[test]
fn every_issue_has_its_meaning() {
    for (issue, meaning, _) in table::listed() {
        let expected = match meaning {
            Meaning::InProgress => "Replay",
            Meaning::DoneAlready | Meaning::KeyReused => "LookUp",
            Meaning::PayerMustAct | Meaning::OtherFunding | Meaning::Payer => "declined Customer",
            Meaning::Hard | Meaning::NotRefundable => "declined Hard",
            Meaning::Account => "refused Account",
            Meaning::Credentials => "refused Credentials",
            Meaning::Request | Meaning::Unlisted => "refused Request",
        };
        assert_eq!(comes_to(issue), expected, "{issue}");
    }
}

/// The rows that somebody has been woken for, or told the wrong thing of, and those that must stay as they are.
#[test]
fn whose_an_issue_is() {
    for (issue, expected) in [
        ("ORDER_COMPLETION_IN_PROGRESS", "Replay"),
        ("PREVIOUS_REQUEST_IN_PROGRESS", "Replay"),
        ("ORDER_ALREADY_CAPTURED", "LookUp"),
        ("MAX_CAPTURE_COUNT_EXCEEDED", "LookUp"),
        ("MAX_AUTHORIZATION_COUNT_EXCEEDED", "LookUp"),
        ("AUTHORIZATION_EXPIRED", "LookUp"),
        ("CAPTURE_FULLY_REFUNDED", "LookUp"),
        ("DUPLICATE_INVOICE_ID", "LookUp"),
        ("DUPLICATE_REQUEST_ID", "LookUp"),
        ("PAYER_ACTION_REQUIRED", "declined Customer"),
        ("INSTRUMENT_DECLINED", "declined Customer"),
        ("ORDER_EXPIRED", "declined Customer"),
        ("TRANSACTION_LIMIT_EXCEEDED", "declined Customer"),
        ("TRANSACTION_REFUSED", "declined Hard"),
        ("PAYER_ACCOUNT_LOCKED_OR_CLOSED", "declined Hard"),
        ("PAYER_ACCOUNT_SOMETHING_NEW", "declined Hard"),
        ("DOMESTIC_TRANSACTION_REQUIRED", "declined Hard"),
        // A filter of the merchant's took this payer for a fraud: nothing is wrong with the account.
        ("TRANSACTION_BLOCKED_BY_PAYEE", "declined Hard"),
        ("PAYEE_BLOCKED_TRANSACTION", "declined Hard"),
        // Refunds that will not be made are the merchant's matter.
        ("REFUND_TIME_LIMIT_EXCEEDED", "declined Hard"),
        ("REFUND_FAILED_INSUFFICIENT_FUNDS", "declined Hard"),
        ("REFUND_AMOUNT_TOO_LOW", "declined Hard"),
        ("PENDING_CAPTURE", "declined Hard"),
        ("TRANSACTION_DISPUTED", "declined Hard"),
        // Every other payment into this account will fare alike.
        ("PAYEE_ACCOUNT_RESTRICTED", "refused Account"),
        ("PAYEE_ACCOUNT_LOCKED_OR_CLOSED", "refused Account"),
        ("PAYEE_SOMETHING_NEW", "refused Account"),
        ("NOT_ENABLED_FOR_CARD_PROCESSING", "refused Account"),
        ("NOT_ENABLED_FOR_SOMETHING_NEW", "refused Account"),
        ("TRANSACTION_RECEIVING_LIMIT_EXCEEDED", "refused Account"),
        ("AUTH_CAPTURE_NOT_ENABLED", "refused Account"),
        ("PERMISSION_DENIED", "refused Credentials"),
        ("CONSENT_NEEDED", "refused Credentials"),
        // Parameters that we never send.
        ("PAYEE_FX_RATE_ID_EXPIRED", "refused Request"),
        ("PAYEE_PRICING_TIER_ID_NOT_ENABLED", "refused Request"),
        ("MAX_VALUE_EXCEEDED", "refused Request"),
        ("TOKEN_ID_NOT_FOUND", "refused Request"),
        ("SOMETHING_NEW", "refused Request"),
    ] {
        assert_eq!(comes_to(issue), expected, "{issue}");
    }
}

/// The list is PayPal's own, taken from its descriptions by a program: nothing of it is left to a rule of thumb.
#[test]
fn every_documented_issue_is_in_the_table_by_its_name() {
    let listed: Vec<_> = table::listed().map(|(issue, ..)| issue).collect();
    let documented = include_str!("documented.txt").lines().filter(|line| !line.starts_with('#'));
    let missing: Vec<_> = documented.clone().filter(|issue| !listed.contains(issue)).collect();
    assert!(missing.is_empty() && documented.count() > 180, "{missing:?}");
}

#[test]
fn no_issue_is_in_two_rows() {
    let mut all: Vec<_> = table::listed().map(|(issue, ..)| issue).collect();
    let rows = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), rows);
}

/// A merchant reads a sentence, and a program a code in small letters, whatever PayPal said.
#[test]
fn every_issue_is_told_in_our_own_words() {
    let common = refund_decline("", None).message;
    for (issue, meaning, sentence) in table::listed() {
        assert!(
            sentence.ends_with(['.', '?']) && !sentence.contains('_') && sentence.len() < 125,
            "{issue}: {sentence}"
        );
        if meaning == Meaning::NotRefundable {
            let told = refund_decline(issue, None);
            assert_eq!((told.code, told.message.as_str()), (issue.to_lowercase(), sentence));
            assert_ne!(told.message, common, "{issue}: it says why");
        }
        if let InDoubt::Refused { code, .. } = refusal(issue).refused() {
            assert_eq!(code, issue.to_lowercase());
            let told = matches!(meaning, Meaning::Request | Meaning::Account).then_some(sentence);
            assert_eq!(super::sentence(&code), told, "{issue}");
        }
    }
    let closed = refund_decline("PAYER_ACCOUNT_LOCKED_OR_CLOSED", None).message;
    assert!(closed.contains("given back in another way"), "nobody pays here: {closed}");
}

/// Whatever has no issue, or one that says nothing, is told by its status.
#[test]
fn a_401_or_403_is_our_credentials_unless_the_issue_knows_better() {
    let fault = |status, issue: &str| {
        let body = format!(r#"{{"details":[{{"issue":"{issue}"}}]}}"#);
        match Refusal::read(status, body.as_bytes()).refused() {
            InDoubt::Refused { fault, .. } => fault,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(fault(401, "SOMETHING_NEW"), Fault::Credentials);
    assert_eq!(fault(401, "INVALID_ACCOUNT_STATUS"), Fault::Account);
    assert_eq!(fault(403, "SOMETHING_NEW"), Fault::Credentials);
    assert_eq!(fault(403, "NOT_ELIGIBLE_FOR_TOKEN_PROCESSING"), Fault::Account);
    assert_eq!(fault(422, "SOMETHING_NEW"), Fault::Request);
}

#[test]
fn a_refusal_is_read_from_whatever_there_is() {
    let read = |body: &str| {
        let refusal = Refusal::read(400, body.as_bytes());
        (refusal.meaning, refusal.issue, refusal.words)
    };
    let at = |issue: &str, words: &str| (meaning(issue), issue.to_owned(), words.to_owned());
    for body in ["", "null", "[]", "<html>", "{}", r#"{"name":null,"details":null,"links":null}"#] {
        assert_eq!(read(body), at("HTTP_400", "the gateway answered 400"), "{body}");
    }
    let nulls = r#"{"name":"INVALID_REQUEST","message":"m","details":[{"issue":null,"description":null}]}"#;
    assert_eq!(read(nulls), at("INVALID_REQUEST", "m"));
    let field = r#"{"details":[{"issue":"MISSING_REQUIRED_PARAMETER","description":"d","field":"/intent"}]}"#;
    assert_eq!(read(field), at("MISSING_REQUIRED_PARAMETER", "d (/intent)"));
    for other in ["NEW_THING", "INVALID_PARAMETER_VALUE"] {
        let several =
            format!(r#"{{"details":[{{"issue":"{other}"}},{{"issue":"ORDER_ALREADY_CAPTURED"}}]}}"#);
        assert_eq!(read(&several).0, Meaning::DoneAlready, "the one that says more");
    }
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
        assert_eq!(refund_decline(issue, None).code, "refund_declined");
    }
}
