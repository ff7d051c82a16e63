//! One number in all the writings that people, forms, terminals and evaders have for it: each is found, and nothing
//! of it is left when it was taken out.

use serde_json::json;

use super::super::{REDACTED, in_address, in_json, in_text, names_card_data, redact};

/// Test numbers of all brands, a JSON string a line: the system tests send them to every field.
fn spellings() -> Vec<String> {
    let lines = include_str!("spellings.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).expect("a JSON string")).collect()
}

#[test]
fn a_number_is_found_in_every_spelling() {
    let all = spellings();
    let missed: Vec<_> = all.iter().filter(|text| !in_text(text)).collect();
    assert!(all.len() >= 64 && missed.is_empty(), "{} of {}: {missed:#?}", missed.len(), all.len());
}

#[test]
fn it_is_found_beside_other_words_and_in_documents() {
    for text in spellings() {
        for sentence in [
            format!("order A-1042: {text}"),
            format!("{text}, paid by Ann"),
            format!("\u{2014}{text}\u{2014}"),
        ] {
            assert!(in_text(&sentence), "{sentence:?}");
        }
        assert!(in_json(&json!({ "metadata": { "note": ["a", { "b": text }] } })), "{text:?}");
        assert!(in_json(&json!({ "metadata": { text.clone(): "x" } })), "{text:?}");
    }
    assert!(in_json(&json!({ "amount": 4_242_424_242_424_242_u64 })));
    assert!(in_json(&json!({ "amount": 4_242_424_242_424_242.0 })));
}

#[test]
fn nothing_of_it_is_left() {
    for text in spellings() {
        let sentence = format!("the gateway says: {text} is not known.");
        let redacted = redact(&sentence);
        assert!(redacted.contains(REDACTED) && !in_text(&redacted), "{redacted}");
        let digits = redacted.chars().filter(|c| c.is_numeric()).count();
        assert!(digits < 11, "too much is left of {text:?}: {redacted}");
        assert!(redacted.starts_with("the gateway says: "), "{redacted}");
    }
    let twice = redact("4242424242424242 and NDI0MjQyNDI0MjQyNDI0Mg==, cvv 123; then 5555555555554444.");
    assert_eq!(twice, "[card data] and [card data]==, [card data]; then [card data].");
    assert!(matches!(redact("no. 1042 of 2026-11-28"), std::borrow::Cow::Borrowed(_)));
}

#[test]
fn an_address_is_read_as_a_server_reads_it() {
    for address in [
        "/payments/4242424242424242",
        "/payments?order_id=%34242424242424242",
        "/payments?order_id=4242%2d4242%2D4242%204242",
        "/payments?order_id=4242+4242+4242+4242&limit=1",
        "/payments?a=A1%204242424242424242",
        "/payments?x4242424242424242",
        "/payments?4242424242424242=1",
        "/payments/NDI0MjQyNDI0MjQyNDI0Mg",
        "/payments?cvv=123",
        "/payments?card%4eumber=x",
    ] {
        assert!(in_address(address), "{address}");
    }
    for address in [
        "/payments?limit=100&starting_after=pay_0193a3f1c2d87b51a9f0c4d2e8b7a601",
        "/payments?order_id=%zz%4",
        "/payments?pinned=true&company=x&cvv=",
        "/reports/subscriptions?from=2026-11-01&to=2026-11-28T04:53:10.123456Z",
    ] {
        assert!(!in_address(address), "{address}");
    }
}

/// Names that can only mean card data.
const CARD_NAMES: &[&str] = &[
    "cardNumber",
    "card_number",
    "CARD-NUMBER",
    "CardNumber",
    "cardnumber",
    "card number",
    "card.number",
    "creditCardNumber",
    "x-card-number",
    "ccNumber",
    "cc_num",
    "cardCvv",
    "card_cvv",
    "CVV",
    "cvv2",
    "cvv_2",
    "cvc",
    "CVC2",
    "cvcCode",
    "csc",
    "cvn",
    "pan",
    "PAN",
    "PANNumber",
    "card_pan",
    "primaryAccountNumber",
    "pin",
    "PIN",
    "cardPin",
    "customer_pin",
    "pin_code",
    "pin_block",
    "track1",
    "track2",
    "Track_2",
    "track2Data",
    "trackData",
    "magStripe",
    "securityCode",
    "card-security-code",
    "cardVerificationValue",
    "c\u{200b}vv",
    "ｃｖｖ",
    "payment.card.cvv",
];

/// Names that only look like it.
const HONEST_NAMES: &[&str] = &[
    "span",
    "pinned",
    "company",
    "panel",
    "japan",
    "shipping",
    "tracking_number",
    "track_id",
    "soundtrack",
    "card_type",
    "card_brand",
    "cardholder_name",
    "discard_number",
    "postcard",
    "account",
    "cvc_check",
    "cvv_result",
    "last4",
    "exp_month",
    "pin_board",
    "map_pin",
    "spinner",
    "expansion",
    "security",
    "number",
    "order_number",
    "verification_url",
    "gift_card_id",
    "",
];

#[test]
fn names_are_known_in_every_way_of_writing_them() {
    for name in CARD_NAMES {
        assert!(names_card_data(name), "{name}");
        assert!(in_json(&json!({ "metadata": { *name: "1" } })), "{name}");
        assert!(!in_json(&json!({ "metadata": { *name: null } })), "{name} says nothing");
    }
    for name in HONEST_NAMES {
        assert!(!names_card_data(name), "{name}");
    }
    for text in ["cvv 123", "CVV: 1234", "{\"cvc\":\"123\"}", "cvc2=123;"] {
        assert!(in_text(text), "{text}");
    }
    for text in ["cvv", "cvv required", "cvc 12", "cvv 12345", "scvv 123", "the cvc check passed: 2026"] {
        assert!(!in_text(text), "{text}");
    }
}
