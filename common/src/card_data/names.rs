//! Names of fields that can only mean card data, in any way of writing names: `cardNumber`, `card_number`,
//! `CARD-NUMBER`. A name is read word by word, so that `company`, `span` and `pinned` stay what they are.

use std::ops::Range;

use super::{
    reading::{self, Unit},
    span,
};

/// Words that mean it wherever they stand in a name.
const WORDS: [&str; 15] = [
    "cvv",
    "cvv2",
    "ccv",
    "cvc",
    "cvc2",
    "cvn",
    "cvn2",
    "csc",
    "cvvcode",
    "cvccode",
    "track1",
    "track2",
    "track3",
    "magstripe",
    "pinblock",
];

/// With one of these beside it, a name tells of a check, and not what was checked.
const ABOUT: [&str; 17] = [
    "check", "checks", "checked", "result", "results", "status", "response", "match", "matched", "required",
    "verified", "provided", "present", "error", "failed", "missing", "attempts",
];

/// Whole names that mean it, without separators.
const NAMES: [&str; 32] = [
    "pan",
    "pin",
    "pincode",
    "pinnumber",
    "pannumber",
    "primaryaccountnumber",
    "primaryaccountno",
    "cardnumber",
    "cardnumbers",
    "cardno",
    "cardnum",
    "cardnr",
    "cardaccountnumber",
    "ccnumber",
    "ccno",
    "ccnum",
    "ccnr",
    "cardcode",
    "cardcid",
    "securitycode",
    "cardverificationvalue",
    "cardverificationcode",
    "cardverificationnumber",
    "verificationvalue",
    "trackdata",
    "trackonedata",
    "tracktwodata",
    "magneticstripe",
    "magneticstripedata",
    "fullmagneticstripe",
    "kartennummer",
    "pruefziffer",
];

/// Words that say whose it is, or how it came, and change nothing.
const AROUND: [&str; 32] = [
    "the",
    "my",
    "your",
    "new",
    "old",
    "raw",
    "full",
    "plain",
    "clear",
    "encrypted",
    "x",
    "payment",
    "pay",
    "payer",
    "customer",
    "user",
    "client",
    "buyer",
    "shopper",
    "billing",
    "bank",
    "debit",
    "credit",
    "atm",
    "cardholder",
    "holder",
    "source",
    "instrument",
    "value",
    "input",
    "field",
    "data",
];

/// Names of security codes, as people write them before one.
const CODES: [&str; 6] = ["cvv", "cvv2", "cvc", "cvc2", "cvn", "cvn2"];

/// Whether a name can only mean card data.
#[must_use]
pub fn is_card_data(name: &str) -> bool {
    if !may_be(name.as_bytes()) {
        return false;
    }
    let words = words(name);
    if words.is_empty() || words.iter().any(|word| ABOUT.contains(&word.as_str())) {
        return false;
    }
    if words.iter().any(|word| WORDS.contains(&word.as_str())) {
        return true;
    }
    let whole: String = words.concat();
    let (from, to) = bare(&words);
    let is_one = |name: &str| NAMES.contains(&name) || WORDS.contains(&name);
    let of_card = words[from..to].split_first().filter(|(first, _)| matches!(first.as_str(), "card" | "cc"));
    is_one(&whole)
        || is_one(&words[from..to].concat())
        || of_card.is_some_and(|(_, rest)| is_one(&rest.concat()))
}

/// Whether a closer look is worth while: three letters, as each of the names has them.
fn may_be(name: &[u8]) -> bool {
    let mut last = [0; 3];
    name.iter().any(|byte| {
        if !byte.is_ascii_alphanumeric() {
            return !byte.is_ascii();
        }
        last = [last[1], last[2], byte.to_ascii_lowercase()];
        matches!(
            &last,
            b"cvv"
                | b"ccv"
                | b"cvc"
                | b"cvn"
                | b"csc"
                | b"pan"
                | b"pin"
                | b"tra"
                | b"mag"
                | b"pri"
                | b"car"
                | b"ccn"
                | b"sec"
                | b"ver"
                | b"kar"
                | b"pru"
        )
    })
}

/// Without the words around it that change nothing.
fn bare(words: &[String]) -> (usize, usize) {
    let is_around = |word: &&String| AROUND.contains(&word.as_str());
    let before = words.iter().take_while(is_around).count();
    let behind = words[before..].iter().rev().take_while(is_around).count();
    (before, words.len() - behind)
}

/// The words of a name, in lower case. `PANNumber` is `pan`, `number`; a digit belongs to the word before it.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = reading::read(name).into_iter().map(|unit| unit.c).collect();
    let mut words = vec![String::new()];
    for (place, c) in letters.iter().enumerate() {
        if !c.is_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let before = place.checked_sub(1).and_then(|place| letters.get(place));
        let next_is_lower = letters.get(place + 1).is_some_and(|c| c.is_lowercase());
        let begins = c.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase() || before.is_numeric() || (before.is_uppercase() && next_is_lower)
            });
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    join_numbers(words)
}

/// `track_2` is `track2`, and `cvv-2` is `cvv2`.
fn join_numbers(words: Vec<String>) -> Vec<String> {
    let mut joined: Vec<String> = Vec::with_capacity(words.len());
    for word in words {
        match joined.last_mut() {
            Some(last) if word.len() == 1 && matches!(word.as_str(), "1" | "2" | "3") => last.push_str(&word),
            _ => joined.push(word),
        }
    }
    joined
}

/// Finds security codes that stand in a text behind their name: `CVV: 123`, `"cvc":"1234"`.
pub fn find_codes(units: &[Unit], found: &mut Vec<Range<usize>>) {
    let mut place = 0;
    while place < units.len() {
        let length = units[place..].iter().take_while(|unit| unit.c.is_ascii_alphanumeric()).count();
        let behind = &units[place + length..];
        if (3..=4).contains(&length)
            && is_code(&units[place..place + length])
            && let Some(to) = code_behind(behind)
        {
            found.push(span(&units[place..place + length + to]));
        }
        place += length.max(1);
    }
}

fn is_code(word: &[Unit]) -> bool {
    CODES.iter().any(|code| {
        code.len() == word.len() && code.chars().zip(word).all(|(c, unit)| unit.c.eq_ignore_ascii_case(&c))
    })
}

/// Three or four digits, soon.
fn code_behind(units: &[Unit]) -> Option<usize> {
    let between = units.iter().take_while(|unit| !unit.c.is_alphanumeric()).count();
    let digits = units[between..].iter().take_while(|unit| unit.c.is_ascii_digit()).count();
    let ends = units.get(between + digits).is_none_or(|unit| !unit.c.is_alphanumeric());
    ((1..=6).contains(&between) && (3..=4).contains(&digits) && ends).then_some(between + digits)
}
