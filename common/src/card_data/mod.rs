//! Finds card data, so that none enters, and takes it out of what is written down: a card number, however it is
//! spelled, and fields whose names can only mean card data.
//!
//! A text is read as a person, or a program at the other end, would read it ([`reading`]): digits of any script
//! are digits, what cannot be seen is not there, escapes stand for what they mean. What then looks like a long
//! number and is an id, a digest, an IBAN or a moment is set aside ([`honest`]); of the rest, digits with whatever
//! stands between them are a card's if issuer range, length and check digit say so ([`number`]). Base64 and
//! hexadecimal are looked into where they hold text ([`encoded`]).
//!
//! What this lets pass that it should not is a breach; what it refuses that it should not is a nuisance. Both are
//! counted in the tests beside it.

mod encoded;
mod honest;
mod names;
mod number;
mod reading;

use std::{borrow::Cow, ops::Range};

use serde_json::Value;

pub use names::is_card_data as names_card_data;
use reading::Unit;

/// No card number has fewer digits.
const DIGITS_MIN: usize = 13;

/// What stands in a text where card data stood.
pub const REDACTED: &str = "[card data]";

/// How often an encoding within an encoding is looked into.
const DEPTH_MAX: u8 = 3;

/// Whether a text holds a card number, or a security code with its name.
#[must_use]
pub fn in_text(text: &str) -> bool {
    may_hold(text.as_bytes()) && !find(text, DEPTH_MAX, Wanted::Any).is_empty()
}

/// Whether a header's value holds card data. What is not text is read as far as it is.
#[must_use]
pub fn in_bytes(bytes: &[u8]) -> bool {
    may_hold(bytes) && in_text(&String::from_utf8_lossy(bytes))
}

/// Whether a JSON value holds card data, in a name or in a value, at any depth.
#[must_use]
pub fn in_json(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            (says_something(value) && names_card_data(name)) || in_text(name) || in_json(value)
        }),
        Value::Array(items) => items.iter().any(in_json),
        value => in_scalar(value),
    }
}

/// Whether a gateway's document holds a card number. Its own fields may be named as they like.
#[must_use]
pub fn in_document(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.iter().any(|(name, value)| in_text(name) || in_document(value)),
        Value::Array(items) => items.iter().any(in_document),
        value => in_scalar(value),
    }
}

fn in_scalar(value: &Value) -> bool {
    match value {
        Value::String(text) => in_text(text),
        Value::Number(number) => in_text(&number.to_string()),
        _ => false,
    }
}

/// `"cvv": null` and `"cvv_required": true` hold nothing.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Number(_) => true,
    }
}

/// Whether the address of a request holds card data, in its path, or in the names or values of its query.
#[must_use]
pub fn in_address(address: &str) -> bool {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    in_text(path)
        || in_text(query)
        || pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).any(|(name, value)| {
            let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
            in_text(value) || (!value.is_empty() && names_card_data(&name))
        })
}

/// The text without card data.
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    let found = if may_hold(text.as_bytes()) { find(text, DEPTH_MAX, Wanted::All) } else { Vec::new() };
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut redacted = String::with_capacity(text.len());
    let mut kept = 0;
    for span in found {
        redacted.push_str(text.get(kept..span.start.max(kept)).unwrap_or_default());
        if span.end > kept {
            redacted.push_str(REDACTED);
            kept = span.end;
        }
    }
    redacted.push_str(text.get(kept..).unwrap_or_default());
    Cow::Owned(redacted)
}

/// Takes card data out of a document; it stays one.
pub fn redact_json(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(redacted) = redact(text) {
                *text = redacted;
            }
        }
        Value::Number(number) if in_text(&number.to_string()) => *value = Value::from(REDACTED),
        Value::Array(items) => items.iter_mut().for_each(redact_json),
        Value::Object(fields) => {
            if fields.keys().any(|name| in_text(name)) {
                let renamed = std::mem::take(fields).into_iter();
                *fields = renamed.map(|(name, value)| (redact(&name).into_owned(), value)).collect();
            }
            fields.values_mut().for_each(redact_json);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether a closer look is worth while. Nearly every text ends here, so this is one pass over its bytes: as many
/// digits as a card has, or what may stand for them, or something that may be the encoding of such.
fn may_hold(bytes: &[u8]) -> bool {
    let (mut digits, mut run, mut before) = (0, 0, 0);
    for (place, &byte) in bytes.iter().enumerate() {
        // A security code is short; its name is not.
        if byte | 0x20 == b'v' && before | 0x20 == b'c' {
            return true;
        }
        before = byte;
        digits += usize::from(byte.is_ascii_digit() || byte >= 0x80);
        if encoded::is_of_alphabet(byte) {
            continue;
        }
        if place - run >= encoded::LENGTH_MIN && encoded::is_plausible(&bytes[run..place]) {
            return true;
        }
        run = place + 1;
    }
    digits >= DIGITS_MIN || encoded::is_plausible(&bytes[run..])
}

/// How much is to be found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Any,
    All,
}

/// Where card data is in a text, in order.
fn find(text: &str, depth: u8, wanted: Wanted) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut units = reading::read(text);
    // An escape may hide another; what is written plainly beside it is not lost meanwhile.
    for _ in 0..DEPTH_MAX {
        look(&units, depth, &mut found);
        if wanted == Wanted::Any && !found.is_empty() {
            break;
        }
        match reading::unescape(&units) {
            Some(unescaped) => units = unescaped,
            None => break,
        }
    }
    found.sort_by_key(|span| (span.start, span.end));
    found
}

fn look(units: &[Unit], depth: u8, found: &mut Vec<Range<usize>>) {
    let aside = honest::find(units);
    number::find(units, &aside, found);
    names::find_codes(units, found);
    if depth > 0 {
        encoded::find(units, |inner| in_text_at(inner, depth - 1), found);
    }
}

fn in_text_at(text: &str, depth: u8) -> bool {
    may_hold(text.as_bytes()) && !find(text, depth, Wanted::Any).is_empty()
}

/// The place in the text of a stretch of what was read of it.
fn span(units: &[Unit]) -> Range<usize> {
    match (units.first(), units.last()) {
        (Some(first), Some(last)) => first.from..last.to,
        _ => 0..0,
    }
}

#[cfg(test)]
mod tests;
