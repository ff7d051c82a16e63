//! Finds card numbers and security codes, so that none enters. A number is one when it has 13 to 19
//! digits (spaces and dashes allowed inside), an issuer's range and length, and a valid check digit.

use serde_json::Value;

/// Field names, in lower case without separators, that can only mean card data.
const FIELD_NAMES: [&str; 12] = [
    "cvv",
    "cvv2",
    "cvc",
    "cvc2",
    "cvn",
    "securitycode",
    "cardsecuritycode",
    "cardnumber",
    "cardno",
    "ccnumber",
    "primaryaccountnumber",
    "track2",
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
    let plain: String =
        name.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
    FIELD_NAMES.contains(&plain.as_str())
}

/// Whether a text holds a card number.
pub fn in_text(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut position = 0;
    while position < bytes.len() {
        if !bytes[position].is_ascii_digit() {
            position += 1;
            continue;
        }
        let end = run_end(bytes, position);
        let touches = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80);
        let before = position.checked_sub(1).and_then(|i| bytes.get(i));
        if !touches(before) && !touches(bytes.get(end)) && holds_number(&bytes[position..end]) {
            return true;
        }
        position = end;
    }
    false
}

/// Where a run of digits ends that single spaces or dashes may interrupt.
fn run_end(bytes: &[u8], start: usize) -> usize {
    let mut end = start + 1;
    loop {
        match (bytes.get(end), bytes.get(end + 1)) {
            (Some(b'0'..=b'9'), _) => end += 1,
            (Some(b' ' | b'-'), Some(b'0'..=b'9')) => end += 2,
            _ => return end,
        }
    }
}

/// Whether the whole run is a number, or a part of it that separators set off: `qty 2 4242 4242 …`.
fn holds_number(run: &[u8]) -> bool {
    let groups: Vec<&[u8]> = run.split(|b| matches!(b, b' ' | b'-')).collect();
    (0..groups.len()).any(|first| {
        let mut digits = Vec::with_capacity(19);
        groups[first..].iter().any(|group| {
            digits.extend_from_slice(group);
            is_card_number(&digits)
        })
    })
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
    fn json_is_searched_at_every_depth() {
        assert!(in_json(&json!({"metadata": {"note": ["a", {"b": "4242424242424242"}]}})));
        assert!(in_json(&json!({"amount": 4_242_424_242_424_242_u64})));
        assert!(in_json(&json!({"metadata": {"4242424242424242": "x"}})));
        assert!(in_json(&json!({"metadata": {"CVV": "123"}})));
        assert!(in_json(&json!({"card": {"card_number": "x"}})));
        assert!(!in_json(&json!({"amount": "49.90", "metadata": {"order": "1234", "company": "x"}})));
    }
}
