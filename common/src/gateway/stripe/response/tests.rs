//! What the status of an answer means, operation by operation.

use super::*;
use crate::gateway::{Decline, Fault, report::Worded as _};

const ALL: [Operation; 5] =
    [Operation::Charge, Operation::Capture, Operation::Cancel, Operation::Refund, Operation::Save];

fn received(status: u16, body: &str) -> Received {
    let body = Bytes::from(body.to_owned());
    Received { status, request_id: None, should_retry: None, retry_after: None, body }
}

fn word(operation: Operation, status: u16, body: &str) -> &'static str {
    let received = received(status, body);
    match operation {
        Operation::Charge | Operation::Capture | Operation::Cancel => {
            read::<ChargeOutcome>(operation, &received).word()
        }
        Operation::Refund => read::<RefundOutcome>(operation, &received).word(),
        Operation::Save => read::<SaveOutcome>(operation, &received).word(),
    }
}

/// What is read before the object of the operation, and alike for all.
fn no_object(operation: Operation, received: &Received) -> Report<Decline> {
    match operation {
        Operation::Charge | Operation::Capture | Operation::Cancel => {
            declined(read::<ChargeOutcome>(operation, received))
        }
        Operation::Refund => declined(read::<RefundOutcome>(operation, received)),
        Operation::Save => declined(read::<SaveOutcome>(operation, received)),
    }
}

fn declined<T: Outcome>(report: Report<T>) -> Report<Decline> {
    report.map(|outcome| outcome.declined().cloned().expect("a definite no"))
}

fn refusal(operation: Operation, status: u16, error: &str) -> Report<Decline> {
    no_object(operation, &received(status, &format!(r#"{{"error":{error}}}"#)))
}

#[test]
fn every_status_has_a_meaning_even_without_a_body() {
    for (status, expected) in [
        (200, "unknown"),
        (302, "unknown"),
        (400, "refused"),
        (401, "refused"),
        (402, "declined"),
        (403, "refused"),
        (404, "refused"),
        (408, "unknown"),
        (409, "unknown"),
        (422, "unknown"),
        (424, "unknown"),
        (429, "not_sent"),
        (499, "unknown"),
        (500, "unknown"),
        (502, "unknown"),
        (503, "unknown"),
        (504, "unknown"),
    ] {
        for body in ["", "{}", "null", "<html>", "{\"error\":null}"] {
            for operation in ALL {
                assert_eq!(word(operation, status, body), expected, "{operation:?} {status} {body}");
            }
        }
        let answer = received(status, "{}");
        for look_up in
            [read_look_up::<ChargeOutcome>(&answer).word(), read_look_up::<RefundOutcome>(&answer).word()]
        {
            assert_eq!(look_up, if status == 404 { "not_found" } else { "unknown" }, "look-up: {status}");
        }
    }
}

#[test]
fn a_status_that_we_do_not_know_is_unknown_and_nulls_are_read() {
    for (status, expected) in [
        ("\"succeeded\"", "succeeded"),
        ("\"requires_capture\"", "authorized"),
        ("\"processing\"", "processing"),
        ("\"requires_action\"", "requires_action"),
        ("\"canceled\"", "canceled"),
        ("\"requires_payment_method\"", "unknown"),
        ("\"requires_confirmation\"", "unknown"),
        ("\"something_new\"", "unknown"),
        ("null", "unknown"),
    ] {
        let nulls = r#""metadata":null,"latest_charge":null,"next_action":null,"last_payment_error":null,
            "amount_received":null,"currency":null"#;
        let body = format!(r#"{{"id":"pi_1","status":{status},{nulls}}}"#);
        for operation in [Operation::Charge, Operation::Capture, Operation::Cancel] {
            assert_eq!(word(operation, 200, &body), expected, "{operation:?} {body}");
        }
    }
    let nameless = word(Operation::Charge, 200, r#"{"status":"succeeded"}"#);
    assert_eq!(nameless, "unknown", "nothing can be found without an id");
}

#[test]
fn a_capture_says_what_was_taken_and_what_the_gateway_keeps() {
    for (transaction, fee) in [
        (r#"{"id":"txn_1","fee":68,"currency":"usd"}"#, Some("0.68 USD")),
        (r#"{"id":"txn_1","fee":null,"currency":"usd"}"#, None),
        (r#""txn_1""#, None),
        ("null", None),
    ] {
        let body = format!(
            r#"{{"id":"pi_1","status":"succeeded","currency":"eur","amount_received":3000,
                 "latest_charge":{{"id":"ch_1","balance_transaction":{transaction}}}}}"#
        );
        let Ok(ChargeOutcome::Succeeded(charge)) = read(Operation::Capture, &received(200, &body)) else {
            panic!()
        };
        assert_eq!(charge.money.unwrap().to_string(), "30.00 EUR");
        assert_eq!(charge.charge_ref.as_deref(), Some("ch_1"));
        assert_eq!(charge.fee.map(|fee| fee.to_string()).as_deref(), fee, "{transaction}");
    }
}

/// What could be an earlier request's own doing, or a state that we do not know of, must be asked for.
#[test]
fn a_payment_that_is_no_longer_as_it_was_is_looked_up() {
    for code in ["payment_intent_unexpected_state", "charge_already_captured", "charge_expired_for_capture"] {
        for kind in ["invalid_request_error", "card_error"] {
            let error = format!(r#"{{"type":"{kind}","code":"{code}","message":"…"}}"#);
            for operation in [Operation::Capture, Operation::Cancel] {
                let report = refusal(operation, 400, &error);
                let looked_up =
                    matches!(report, Err(InDoubt::Unknown { resolution: Resolution::LookUp, .. }));
                assert!(looked_up, "{operation:?} {error}: {report:?}");
            }
        }
    }
    let report =
        refusal(Operation::Capture, 400, r#"{"code":"amount_too_large","param":"amount_to_capture"}"#);
    assert!(matches!(report, Err(InDoubt::Refused { fault: Fault::Request, .. })), "{report:?}");
}

#[test]
fn refusals_of_a_refund_are_told_apart() {
    let declined = |error: &str, status| match refusal(Operation::Refund, status, error) {
        Ok(decline) => decline,
        other => panic!("{error}: {other:?}"),
    };
    let refunded =
        r#"{"type":"invalid_request_error","code":"charge_already_refunded","message":"Charge ch_1 …"}"#;
    assert_eq!(declined(refunded, 400).code, "charge_already_refunded");
    assert!(!declined(refunded, 400).message.contains("ch_1"), "our own words");
    let stolen = declined(r#"{"decline_code":"stolen_card","payment_intent":{"id":"pi_1"}}"#, 402);
    assert_eq!((stolen.code.as_str(), stolen.gateway_ref), ("card_declined", None), "a payment is no refund");
    let report = refusal(Operation::Refund, 404, r#"{"code":"resource_missing","param":"payment_intent"}"#);
    assert!(matches!(report, Err(InDoubt::Refused { .. })), "{report:?}");
    // The same words about a charge say that our request was wrong.
    let report = refusal(Operation::Charge, 400, r#"{"code":"amount_too_large","param":"amount"}"#);
    assert!(matches!(report, Err(InDoubt::Refused { .. })), "{report:?}");
}

#[test]
fn a_duplicate_and_a_key_with_two_bodies_are_looked_up() {
    for operation in ALL {
        for error in [
            r#"{"type":"card_error","code":"card_declined","decline_code":"duplicate_transaction"}"#,
            r#"{"type":"idempotency_error"}"#,
        ] {
            for status in [400, 402] {
                let report = refusal(operation, status, error);
                let looked_up =
                    matches!(report, Err(InDoubt::Unknown { resolution: Resolution::LookUp, .. }));
                assert!(looked_up, "{operation:?} {error}: {report:?}");
            }
        }
    }
}

#[test]
fn the_gateways_hint_goes_before_the_rule() {
    let hinted = |operation, status, hint: &str| {
        let received = Received { should_retry: Some(hint.into()), ..received(status, "") };
        match no_object(operation, &received) {
            Err(InDoubt::Unknown { resolution, .. }) => resolution,
            other => panic!("{other:?}"),
        }
    };
    for operation in ALL {
        assert_eq!(hinted(operation, 400, "true"), Resolution::Replay);
        assert_eq!(hinted(operation, 500, "true"), Resolution::Replay);
        assert_eq!(hinted(operation, 500, "false"), Resolution::LookUp);
        assert_eq!(hinted(operation, 503, "true"), Resolution::Replay);
        assert_eq!(hinted(operation, 503, "false"), Resolution::LookUp);
    }
}

#[test]
fn a_request_to_wait_is_read() {
    let received = Received { retry_after: Some("7".into()), ..received(429, "") };
    let Err(InDoubt::NotSent { retry_after, .. }) = no_object(Operation::Capture, &received) else {
        panic!()
    };
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
}
