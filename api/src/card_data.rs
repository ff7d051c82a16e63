//! Finds card numbers and security codes, so that none enters. A number is one when it has 13 to 19
//! digits (spaces and dashes allowed inside), an issuer's range and length, and a valid check digit.

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// Words that, in a field's name, can only mean card data.
const FIELD_WORDS: [&str; 8] = ["cvv", "cvv2", "cvc", "cvc2", "cvn", "csc", "cvvcode", "track2"];

/// Field names, in lower case without separators, that can only mean card data.
const FIELD_NAMES: [&str; 8] = [
    "securitycode",
    "cardsecuritycode",
    "cardverificationvalue",
    "cardnumber",
    "cardno",
    "ccnumber",
    "primaryaccountnumber",
    "cardcode",
];

/// Whether a JSON value holds card data, in a key or in a value, at any depth.
pub fn in_json(value: &Value) -> bool {
    match value {
        Value::String(text) => in_text(text),
        Value::Number(number) => in_text(&number.to_string()),
        Value::Array(items) => items.iter().any(in_json),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| is_field_name(name) || in_text(name) || in_json(value))
        }
        Value::Null | Value::Bool(_) => false,
    }
}

fn is_field_name(name: &str) -> bool {
    let words = name.split(|c: char| !c.is_alphanumeric()).map(str::to_ascii_lowercase);
    let mut plain = String::new();
    for word in words {
        if FIELD_WORDS.contains(&word.as_str()) {
            return true;
        }
        plain += &word;
    }
    FIELD_NAMES.contains(&plain.as_str())
}

/// Whether a text holds a card number.
pub fn in_text(text: &str) -> bool {
    // No card number has fewer than thirteen digits: most texts are done here.
    if text.len() < 13 {
        return false;
    }
    let text: Vec<char> = text.chars().map(plain).collect();
    (0..text.len()).any(|start| starts_number(&text, start))
}

/// Whether the address of a request holds a card number, percent-encoded or not.
pub fn in_address(address: &str) -> bool {
    let parts = address.split(['/', '?', '&', '=']);
    parts
        .map(|part| part.replace('+', " "))
        .any(|part| in_text(&percent_decode_str(&part).decode_utf8_lossy()))
}

/// Digits and separators in the forms that keyboards and word processors make of them.
fn plain(c: char) -> char {
    match c {
        '\u{ff10}'..='\u{ff19}' => char::from(b'0' + u8::try_from(u32::from(c) - 0xff10).unwrap_or(0)),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ff0d}' => '-',
        c if c.is_whitespace() => ' ',
        c => c,
    }
}

/// Whether a number begins here: at a digit that touches no letter or digit before it, and ends at one
/// that touches none after it. Spaces and dashes may stand between its digits.
fn starts_number(text: &[char], start: usize) -> bool {
    let touches = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric());
    if !text[start].is_ascii_digit() || touches(start.checked_sub(1).and_then(|i| text.get(i))) {
        return false;
    }
    let mut digits = Vec::with_capacity(19);
    for (place, c) in text.iter().enumerate().skip(start) {
        match c {
            '0'..='9' if digits.len() == 19 => return false,
            '0'..='9' => {
                digits.push(u8::try_from(u32::from(*c)).unwrap_or(b'0'));
                if !touches(text.get(place + 1)) && is_card_number(&digits) {
                    return true;
                }
            }
            ' ' | '-' => {}
            _ => return false,
        }
    }
    false
}

fn is_card_number(digits: &[u8]) -> bool {
    (13..=19).contains(&digits.len()) && issuer_has_length(digits) && check_digit_holds(digits)
}

/// Issuer ranges and the lengths that each of them issues.
fn issuer_has_length(digits: &[u8]) -> bool {
    let prefix =
        |n: usize| digits[..n].iter().fold(0_u32, |number, digit| number * 10 + u32::from(digit - b'0'));
    let length = digits.len();
    match (prefix(2), prefix(4)) {
        // American Express
        (34 | 37, _) => length == 15,
        // Diners Club
        (30 | 36 | 38 | 39, _) => (14..=19).contains(&length),
        // JCB
        (_, 3528..=3589) => (16..=19).contains(&length),
        // Visa
        (40..=49, _) => matches!(length, 13 | 16 | 19),
        // Mastercard
        (51..=55, _) | (_, 2221..=2720) => length == 16,
        // Mir
        (_, 2200..=2204) => (16..=19).contains(&length),
        // Discover, UnionPay, Maestro, RuPay
        (50 | 56..=69, _) => (13..=19).contains(&length),
        // UnionPay and RuPay, newer ranges
        (81 | 82, _) => (16..=19).contains(&length),
        _ => false,
    }
}

/// The Luhn formula.
fn check_digit_holds(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit - b'0') * if place % 2 == 1 { 2 } else { 1 };
            value / 10 + value % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn card_numbers_are_found_however_they_are_written() {
        for text in [
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
            "qty 2 4242 4242 4242 4242",
            "(4242424242424242)",
            "pi_4242424242424242",
            "A1 4242424242424242",
            "4242424242424242 3rd",
            "4242  4242 - 4242  4242",
            "４２４２４２４２４２４２４２４２",
            "4242\u{2011}4242\u{2011}4242\u{2011}4242",
            "4242\u{a0}4242\u{a0}4242\u{a0}4242",
        ] {
            assert!(in_text(text), "{text}");
        }
    }

    #[test]
    fn other_numbers_pass() {
        for text in [
            "4242424242424241",
            "x4242424242424242",
            "4242424242424242x",
            "1234567890123456",
            "2026-11-23 21:06:00",
            "+49 30 901820 00",
            "0193a3f1-c2d8-7b51-a9f0-c4d2e8b7a601",
            "order-1732396800123-42",
            "4242.4242.4242.4242",
            "42424242",
            "",
        ] {
            assert!(!in_text(text), "{text}");
        }
    }

    #[test]
    fn addresses_are_decoded_first() {
        for address in [
            "/payments/4242424242424242",
            "/payments?order_id=%34242424242424242",
            "/payments?order_id=4242%2d4242%2D4242%204242",
            "/payments?order_id=4242+4242+4242+4242&limit=1",
            "/payments?a=A1%204242424242424242",
        ] {
            assert!(in_address(address), "{address}");
        }
        assert!(!in_address("/payments?limit=100&starting_after=pay_0193a3f1c2d87b51a9f0c4d2e8b7a601"));
        assert!(!in_address("/payments?order_id=%zz%4"));
    }

    #[test]
    fn json_is_searched_at_every_depth() {
        assert!(in_json(&json!({"metadata": {"note": ["a", {"b": "4242424242424242"}]}})));
        assert!(in_json(&json!({"amount": 4_242_424_242_424_242_u64})));
        assert!(in_json(&json!({"metadata": {"4242424242424242": "x"}})));
        assert!(in_json(&json!({"metadata": {"CVV": "123"}})));
        assert!(in_json(&json!({"card": {"card_number": "x"}})));
        for name in ["card_cvv", "cvv_code", "CVC", "card-security-code", "cardNumber", "csc"] {
            assert!(in_json(&json!({"metadata": {name: "1"}})), "{name}");
        }
        assert!(!in_json(&json!({"amount": "49.90", "metadata": {"order": "1234", "company": "x"}})));
    }
}
