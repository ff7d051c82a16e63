//! Whatever PayPal might say, and some things that it should not.

use super::*;
use crate::gateway::{Fault, report::Worded as _};

fn order(status: &str, payments: &str) -> Report<ChargeOutcome> {
    let body = format!(
        r#"{{"id":"5O1","status":"{status}","purchase_units":[{{"payments":{payments}}}],
        "links":[{{"rel":"approve","href":"https://paypal.example/5O1"}}]}}"#
    );
    object::<Order>(body.as_bytes()).unwrap().report(Resolution::Replay)
}

fn one(id: &str, status: &str) -> String {
    format!(r#"{{"id":"{id}","status":"{status}","amount":{{"currency_code":"EUR","value":"49.90"}}}}"#)
}

#[test]
fn every_http_status_has_a_meaning_even_without_a_body() {
    for (status, expected) in [
        (200, "object"),
        (201, "object"),
        (204, "object"),
        (302, "unknown"),
        (400, "refusal: refused"),
        (401, "refused"),
        (403, "refusal: refused"),
        (404, "refusal: refused"),
        (405, "unknown"),
        (408, "unknown"),
        (409, "unknown"),
        (422, "refusal: refused"),
        (429, "not_sent"),
        (499, "unknown"),
        (500, "unknown"),
        (503, "unknown"),
    ] {
        for body in ["", "{}", "null", "<html>", r#"{"details":null}"#] {
            let received = Received { status, retry_after: None, body: body.to_owned().into() };
            let word = match sort(&received) {
                Answered::Object(_) => "object".to_owned(),
                Answered::Refused(refusal) => {
                    format!("refusal: {}", refusal.report::<ChargeOutcome>(None).word())
                }
                Answered::InDoubt(doubt) => doubt.word().to_owned(),
            };
            assert_eq!(word, expected, "{status} {body}");
        }
    }
}

#[test]
fn our_credentials_and_permissions_wake_somebody_and_a_request_to_wait_is_kept() {
    let sorted = |status| {
        let wait = Some(Duration::from_secs(7));
        match sort(&Received { status, retry_after: wait, body: Bytes::new() }) {
            Answered::Refused(refusal) => refusal.report::<ChargeOutcome>(None),
            Answered::InDoubt(doubt) => Err(doubt),
            Answered::Object(_) => panic!(),
        }
    };
    assert!(matches!(sorted(401), Err(InDoubt::Refused { fault: Fault::Credentials, .. })));
    assert!(matches!(sorted(403), Err(InDoubt::Refused { fault: Fault::Credentials, .. })));
    assert!(matches!(sorted(422), Err(InDoubt::Refused { fault: Fault::Request, .. })));
    assert!(
        matches!(sorted(429), Err(InDoubt::NotSent { retry_after: Some(wait), .. }) if wait.as_secs() == 7)
    );
}

#[test]
fn the_capture_says_what_became_of_an_order() {
    for (status, expected) in [
        ("COMPLETED", "succeeded"),
        ("PARTIALLY_REFUNDED", "succeeded"),
        ("REFUNDED", "succeeded"),
        ("PENDING", "processing"),
        ("DECLINED", "declined"),
        ("FAILED", "declined"),
        ("SOMETHING_NEW", "unknown"),
    ] {
        let payments = format!(r#"{{"captures":[{}]}}"#, one("3C1", status));
        assert_eq!(order("COMPLETED", &payments).word(), expected, "{status}");
    }
}

#[test]
fn the_authorization_says_what_became_of_an_order_until_it_is_captured() {
    for (status, alone, with_capture) in [
        ("CREATED", "authorized", "succeeded"),
        ("PENDING", "processing", "succeeded"),
        ("DENIED", "declined", "succeeded"),
        ("VOIDED", "canceled", "succeeded"),
        ("EXPIRED", "canceled", "succeeded"),
        ("CAPTURED", "unknown", "succeeded"),
        ("PARTIALLY_CAPTURED", "unknown", "succeeded"),
        ("SOMETHING_NEW", "unknown", "succeeded"),
    ] {
        let authorizations = format!(r#""authorizations":[{}]"#, one("2A1", status));
        assert_eq!(order("COMPLETED", &format!("{{{authorizations}}}")).word(), alone, "{status}");
        let both = format!(r#"{{{authorizations},"captures":[{}]}}"#, one("3C1", "COMPLETED"));
        assert_eq!(order("COMPLETED", &both).word(), with_capture, "{status}");
    }
}

#[test]
fn what_moved_money_decides() {
    for (authorization, captures, expected) in [
        ("CREATED", vec!["DECLINED"], "authorized"),
        ("CREATED", vec!["PENDING"], "processing"),
        ("CREATED", vec!["SOMETHING_NEW"], "unknown"),
        ("CAPTURED", vec!["DECLINED"], "declined"),
        ("VOIDED", vec!["FAILED"], "canceled"),
        ("CAPTURED", vec!["DECLINED", "COMPLETED"], "succeeded"),
        ("CAPTURED", vec!["PENDING", "DECLINED"], "processing"),
    ] {
        let captures: Vec<_> = captures.iter().map(|status| one("3C1", status)).collect();
        let payments = format!(
            r#"{{"authorizations":[{}],"captures":[{}]}}"#,
            one("2A1", authorization),
            captures.join(",")
        );
        assert_eq!(order("COMPLETED", &payments).word(), expected, "{authorization} {captures:?}");
    }
    let two = format!(r#"{{"captures":[{},{}]}}"#, one("3C1", "COMPLETED"), one("3C2", "COMPLETED"));
    let Ok(ChargeOutcome::Succeeded(charge)) = order("COMPLETED", &two) else { panic!() };
    assert_eq!(charge.charge_ref.as_deref(), Some("3C1"), "the first of equals");
}

#[test]
fn without_payments_the_order_says_it_itself() {
    for (status, expected) in [
        ("APPROVED", "approved"),
        ("PAYER_ACTION_REQUIRED", "requires_action"),
        ("CREATED", "requires_action"),
        ("SAVED", "requires_action"),
        ("VOIDED", "canceled"),
        ("COMPLETED", "unknown"),
        ("SOMETHING_NEW", "unknown"),
    ] {
        for payments in ["null", "{}", r#"{"captures":[]}"#, r#"{"captures":null,"authorizations":[]}"#] {
            assert_eq!(order(status, payments).word(), expected, "{status} {payments}");
        }
    }
    let bare =
        |status: &str| object::<Order>(format!(r#"{{"id":"5O1","status":"{status}"}}"#).as_bytes()).unwrap();
    assert_eq!(bare("CREATED").report(Resolution::Replay).word(), "unknown", "nobody can approve it");
    assert_eq!(bare("PAYER_ACTION_REQUIRED").report(Resolution::Replay).word(), "requires_action");
    let lookup = Err(InDoubt::Unknown {
        why: "a completed order without its payments".into(),
        resolution: Resolution::LookUp,
    });
    assert_eq!(bare("COMPLETED").report(Resolution::Replay), lookup, "a replay would say no more");
}

#[test]
fn a_success_says_what_was_taken_and_kept() {
    let capture = r#"{"id":"3C1","status":"COMPLETED","amount":{"currency_code":"EUR","value":"49.90"},
        "seller_receivable_breakdown":{"paypal_fee":{"currency_code":"USD","value":"2.23"}}}"#;
    let Ok(ChargeOutcome::Succeeded(charge)) = order("COMPLETED", &format!(r#"{{"captures":[{capture}]}}"#))
    else {
        panic!()
    };
    assert_eq!(&*charge.gateway_ref, "5O1");
    assert_eq!(charge.charge_ref.as_deref(), Some("3C1"));
    assert_eq!(charge.money.unwrap().to_string(), "49.90 EUR");
    assert_eq!(charge.fee.unwrap().to_string(), "2.23 USD");
    assert_eq!(charge.card, None);

    let nothing_said = order("COMPLETED", r#"{"captures":[{"status":"COMPLETED"}]}"#);
    let Ok(ChargeOutcome::Succeeded(charge)) = nothing_said else { panic!() };
    assert_eq!((charge.charge_ref, charge.money, charge.fee), (None, None, None));
}

#[test]
fn hostile_orders_are_unknown() {
    for body in [
        "",
        "null",
        "[]x",
        "<html>",
        "{\"id\":1}",
        r#"{"id":"5O1","status":7}"#,
        r#"{"id":"5O1","status":"COMPLETED","purchase_units":{}}"#,
        r#"{"id":"5O1","status":"COMPLETED","purchase_units":[null]}"#,
        r#"{"id":"5O1","status":"COMPLETED","purchase_units":[{"payments":{"captures":["COMPLETED"]}}]}"#,
    ] {
        assert!(object::<Order>(body.as_bytes()).is_err(), "{body}");
    }
    for body in [
        "{}",
        r#"{"id":null,"status":null,"purchase_units":null,"links":null}"#,
        r#"{"status":"COMPLETED","purchase_units":[{"payments":{"captures":[{"status":"COMPLETED"}]}}]}"#,
        r#"{"id":"5O1"}"#,
        r#"{"id":"5O1","purchase_units":[]}"#,
        r#"{"id":"5O1","purchase_units":[{"payments":{"captures":[{}]}}]}"#,
        r#"{"id":"5O1","purchase_units":[{"payments":{"authorizations":[{"status":null}]}}]}"#,
    ] {
        let report = object::<Order>(body.as_bytes()).unwrap().report(Resolution::LookUp);
        assert!(
            matches!(report, Err(InDoubt::Unknown { resolution: Resolution::LookUp, .. })),
            "{body}: {report:?}"
        );
    }
}

#[test]
fn a_refund_says_what_was_given_back() {
    let refund = |status: &str, fee: &str| {
        let body = format!(
            r#"{{"id":"1R1","status":"{status}","amount":{{"currency_code":"EUR","value":"9.99"}},
            "seller_payable_breakdown":{{"paypal_fee":{{"currency_code":"EUR","value":"{fee}"}}}}}}"#
        );
        object::<Refund>(body.as_bytes()).unwrap().report(Resolution::Replay)
    };
    for (status, expected) in [
        ("COMPLETED", "succeeded"),
        ("PENDING", "processing"),
        ("FAILED", "declined"),
        ("CANCELLED", "canceled"),
        ("SOMETHING_NEW", "unknown"),
    ] {
        assert_eq!(refund(status, "0.00").word(), expected, "{status}");
    }
    for (fee, expected) in [("0.35", Some("-0.35 EUR")), ("0.00", Some("0.00 EUR")), ("nonsense", None)] {
        let Ok(RefundOutcome::Succeeded(given)) = refund("COMPLETED", fee) else { panic!() };
        assert_eq!(&*given.gateway_ref, "1R1");
        assert_eq!(given.money.unwrap().to_string(), "9.99 EUR");
        assert_eq!(given.fee.map(|fee| fee.to_string()).as_deref(), expected, "{fee}");
    }
    for body in ["{}", r#"{"id":null,"status":"COMPLETED"}"#, r#"{"id":"1R1","status":null}"#] {
        let report = object::<Refund>(body.as_bytes()).unwrap().report(Resolution::Replay);
        assert_eq!(report.word(), "unknown", "{body}");
    }
}

#[test]
fn an_order_knows_its_refunds_by_our_reference() {
    let body = r#"{"id":"5O1","purchase_units":[{"payments":{
        "captures":[{"id":"3C1","status":"DECLINED"},{"id":"3C2","status":"PARTIALLY_REFUNDED"}],
        "refunds":[{"id":"1R0","status":"COMPLETED"},{"id":"1R1","status":"COMPLETED","custom_id":"re_1"},
            {"id":"1R2","status":"PENDING","custom_id":"x","invoice_id":"re_2"}]}}]}"#;
    let order: Order = object(body.as_bytes()).unwrap();
    let found = |reference| order.refund(reference).map(|refund| refund.report(Resolution::LookUp).word());
    assert_eq!(found("re_1"), Some("succeeded"));
    assert_eq!(found("re_2"), Some("processing"));
    assert_eq!(found("re_3"), None);
    assert_eq!(order.capture_id(), Some("3C2"));
}

#[test]
fn a_capture_alone_names_its_order() {
    let order = |supplement: &str| {
        let body = format!(r#"{{"id":"3C1","status":"COMPLETED","supplementary_data":{supplement}}}"#);
        let capture = object::<Payment>(body.as_bytes()).unwrap();
        capture.order_id().map(str::to_owned)
    };
    assert_eq!(order(r#"{"related_ids":{"order_id":"5O1"}}"#).as_deref(), Some("5O1"));
    for nothing in ["null", "{}", r#"{"related_ids":null}"#, r#"{"related_ids":{"order_id":null}}"#] {
        assert_eq!(order(nothing), None, "{nothing}");
    }
}
