//! One number in all the writings that people, forms, terminals and evaders have for it: each is found, and nothing
//! of it is left when it was taken out.

use serde_json::json;

use super::super::{REDACTED, in_address, in_json, in_text, names_card_data, redact};

/// Spellings of test numbers of all brands.
pub const SPELLINGS: [&str; 100] = [
    // As it is printed.
    "4242424242424242",
    "4242 4242 4242 4242",
    "4242-4242-4242-4242",
    "card: 4000056655665556.",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "3782 822463 10005",
    "6011111111111117",
    "3056930009020004",
    "36227206271667",
    "3566002020360505",
    "6200000000000005",
    "50339619890917",
    "4222222222222",
    "6304 0000 0000 0000",
    "qty 2 4242 4242 4242 4242",
    "(4242424242424242)",
    // What stands between.
    "4242.4242.4242.4242",
    "4242_4242_4242_4242",
    "4242/4242/4242/4242",
    "4242,4242,4242,4242",
    "4242:4242:4242:4242",
    "4242;4242;4242;4242",
    "4242|4242|4242|4242",
    "4242*4242*4242*4242",
    "4242~4242~4242~4242",
    "4242+4242+4242+4242",
    "4242'4242'4242'4242",
    "4242\t4242\t4242\t4242",
    "4242\n4242\r\n4242\n4242",
    "4242  4242 - 4242  4242",
    "4242 -- 4242 -- 4242 -- 4242",
    "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
    "4.2.4.2.4.2.4.2.4.2.4.2.4.2.4.2",
    "42 42 42 42 42 42 42 42",
    "424242 4242424242",
    "[4242][4242][4242][4242]",
    "4242x4242x4242x4242",
    "4242\u{a0}4242\u{a0}4242\u{a0}4242",
    "4242\u{2003}4242\u{2009}4242\u{202f}4242",
    "4242\u{2011}4242\u{2013}4242\u{2014}4242",
    "4242\u{b7}4242\u{2022}4242\u{3001}4242",
    "4242\u{2212}4242\u{ff0d}4242\u{30fc}4242",
    // What cannot be seen.
    "4242\u{200b}4242\u{200b}4242\u{200b}4242",
    "4242\u{ad}4242\u{ad}4242\u{ad}4242",
    "4242\u{2060}4242\u{feff}4242\u{200d}4242",
    "\u{202d}4242\u{2066}4242\u{2069}4242\u{202c}4242",
    "4\u{fe0f}\u{20e3}2\u{fe0f}\u{20e3}4\u{fe0f}\u{20e3}2\u{fe0f}\u{20e3}42424242 4242",
    "4\u{336}2\u{336}4\u{336}2\u{336}4\u{336}2\u{336}4\u{336}2\u{336}4\u{336}2\u{336}4\u{336}2\u{336}4242",
    "42424242\u{115f}42424242",
    "42424242\u{e0020}42424242",
    "42424242\u{0}42424242",
    // Digits of other scripts.
    "４２４２４２４２４２４２４２４２",
    "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢",
    "۴۲۴۲ ۴۲۴۲ ۴۲۴۲ ۴۲۴۲",
    "४२४२४२४२४२४२४२४२",
    "৪২৪২৪২৪২৪২৪২৪২৪২",
    "๔๒๔๒๔๒๔๒๔๒๔๒๔๒๔๒",
    "𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐",
    "𝟺𝟸𝟺𝟸 𝟜𝟚𝟜𝟚 𝟦𝟤𝟦𝟤 𝟰𝟮𝟰𝟮",
    "④②④②④②④②④②④②④②④②",
    "❹❷❹❷❹❷❹❷❹❷❹❷❹❷❹❷",
    "⁴²⁴²₄₂₄₂⁴²⁴²₄₂₄₂",
    "4２٤2 4２٤2 4２٤2 4２٤2",
    // Something beside it.
    "x4242424242424242",
    "4242424242424242x",
    "pm4242424242424242",
    "pm_4242424242424242",
    "card4242424242424242number",
    "a4242424242424242f",
    "\u{e9}4242424242424242\u{e9}",
    "00004242424242424242",
    "order-7-4242424242424242-9",
    // With its expiry, its security code, its track.
    "4242424242424242 12/30 123",
    "4242424242424242 1230",
    "4242424242424242|12|2030|123",
    "42424242424242421230",
    "42424242424242421230123",
    "4242424242424242122030",
    "4242424242424242123",
    "4242424242424242=30121010000",
    "4242424242424242D30121010000000000",
    ";4242424242424242=301210100000?",
    "%B4242424242424242^DOE/JOHN^30121010000000000?",
    "12/30 4242424242424242",
    // Escapes.
    "\\u0034\\u0032\\u0034\\u0032\\u0034\\u0032\\u0034\\u0032\\u0034\\u0032\\u0034\\u0032\\u0034\\u0032\\u0034\\u0032",
    "\\x34\\x32\\x34\\x32\\x34\\x32\\x34\\x32\\x34\\x32\\x34\\x32\\x34\\x32\\x34\\x32",
    "4242\\n4242\\t4242\\u00204242",
    "%34%32%34%32%34%32%34%32%34%32%34%32%34%32%34%32",
    "%25%33%34242424242424242",
    "4242%204242%C2%A04242%E2%80%8B4242",
    "&#52;&#50;&#52;&#50;&#52;&#50;&#52;&#50;&#52;&#50;&#52;&#50;&#52;&#50;&#52;&#50;",
    "&#x34;&#x32;&#x34;2 4242&nbsp;4242&#8203;4242",
    "<b>4242</b><i>4242</i> 4242<br/>4242",
    // Base64, hexadecimal, codes.
    "NDI0MjQyNDI0MjQyNDI0Mg==",
    "cm_NDI0MiA0MjQyIDQyNDIgNDI0Mg",
    "data:text/plain;base64,Y2FyZCA0MjQyNDI0MjQyNDI0MjQyIDEyLzMw",
    "34323432343234323432343234323432",
    "34 32 34 32 34 32 34 32 34 32 34 32 34 32 34 32",
];

#[test]
fn a_number_is_found_in_every_spelling() {
    let missed: Vec<_> = SPELLINGS.iter().filter(|text| !in_text(text)).collect();
    assert!(missed.is_empty(), "{} of {}: {missed:#?}", missed.len(), SPELLINGS.len());
}

#[test]
fn it_is_found_beside_other_words_and_in_documents() {
    for text in SPELLINGS {
        for sentence in [
            format!("order A-1042: {text}"),
            format!("{text}, paid by Ann"),
            format!("\u{2014}{text}\u{2014}"),
        ] {
            assert!(in_text(&sentence), "{sentence:?}");
        }
        assert!(in_json(&json!({ "metadata": { "note": ["a", { "b": text }] } })), "{text:?}");
        assert!(in_json(&json!({ "metadata": { text: "x" } })), "{text:?}");
    }
    assert!(in_json(&json!({ "amount": 4_242_424_242_424_242_u64 })));
    assert!(in_json(&json!({ "amount": 4_242_424_242_424_242.0 })));
}

#[test]
fn nothing_of_it_is_left() {
    for text in SPELLINGS {
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

#[test]
fn names_are_known_in_every_way_of_writing_them() {
    for name in [
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
    ] {
        assert!(names_card_data(name), "{name}");
        assert!(in_json(&json!({ "metadata": { name: "1" } })), "{name}");
        assert!(!in_json(&json!({ "metadata": { name: null } })), "{name} says nothing");
    }
    for name in [
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
    ] {
        assert!(!names_card_data(name), "{name}");
    }
    for text in ["cvv 123", "CVV: 1234", "{\"cvc\":\"123\"}", "cvc2=123;"] {
        assert!(in_text(text), "{text}");
    }
    for text in ["cvv", "cvv required", "cvc 12", "cvv 12345", "scvv 123", "the cvc check passed: 2026"] {
        assert!(!in_text(text), "{text}");
    }
}
