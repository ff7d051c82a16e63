//! Card numbers among digits: 13 to 19 of them, with whatever stands between; an issuer's range and length; a
//! valid check digit.

use std::ops::Range;

use super::{DIGITS_MIN, reading::Unit, span};

/// Characters between two digits of one number, at most, and how many of them are no spaces.
const BETWEEN_MAX: (usize, usize) = (64, 5);

/// No card number has more digits.
const DIGITS_MAX: usize = 19;

/// Characters of a magnetic stripe behind its number, at most.
const TRACK_MAX: usize = 100;

/// Digits that stand together.
#[derive(Debug, Clone, Copy)]
struct Group {
    from: usize,
    to: usize,
}

impl Group {
    fn len(self) -> usize {
        self.to - self.from
    }
}

/// Finds card numbers outside of what was set `aside`.
pub fn find(units: &[Unit], aside: &[Range<usize>], found: &mut Vec<Range<usize>>) {
    let mut chain: Vec<Group> = Vec::new();
    let mut aside = aside.iter().peekable();
    let mut place = 0;
    while place < units.len() {
        if let Some(skipped) = aside.next_if(|skipped| skipped.start <= place) {
            in_chain(units, &std::mem::take(&mut chain), found);
            place = place.max(skipped.end);
            continue;
        }
        let stop = aside.peek().map_or(units.len(), |next| next.start);
        let c = units[place].c;
        if c.is_ascii_digit() {
            let length = units[place..stop].iter().take_while(|unit| unit.c.is_ascii_digit()).count();
            if chain.last().is_some_and(|last| is_far(&units[last.to..place])) {
                in_chain(units, &std::mem::take(&mut chain), found);
            }
            chain.push(Group { from: place, to: place + length });
            place += length;
        } else {
            if c.is_alphabetic() && !is_between_fours(units, place) {
                in_chain(units, &std::mem::take(&mut chain), found);
            }
            place += 1;
        }
    }
    in_chain(units, &chain, found);
}

/// Whether so much stands between digits that they are none of one number.
fn is_far(between: &[Unit]) -> bool {
    let seen = between.iter().filter(|unit| !unit.c.is_whitespace()).count();
    between.len() > BETWEEN_MAX.0 || seen > BETWEEN_MAX.1
}

/// `4242x4242x4242x4242`: one letter, the same each time, stands for a dash.
fn is_between_fours(units: &[Unit], place: usize) -> bool {
    let letter = units[place].c;
    let is_digit = |place: usize| units.get(place).is_some_and(|unit| unit.c.is_ascii_digit());
    let fours = |first: usize| {
        (0..19).all(|offset| match offset % 5 {
            4 => units.get(first + offset).is_some_and(|unit| unit.c == letter),
            _ => is_digit(first + offset),
        })
    };
    [4, 9, 14].iter().any(|before| place.checked_sub(*before).is_some_and(fours))
}

/// A number begins where a group does, and ends where one does: other digits may stand before and behind. What is
/// behind belongs to it: its expiry, its security code.
fn in_chain(units: &[Unit], chain: &[Group], found: &mut Vec<Range<usize>>) {
    let first = (0..chain.len()).find(|first| begins_number(units, &chain[*first..]));
    if let (Some(first), Some(last)) = (first, chain.last()) {
        found.push(span(&units[chain[first].from..last.to + track_behind(&units[last.to..])]));
    }
}

/// How long the rest of a magnetic stripe is, behind the number.
fn track_behind(units: &[Unit]) -> usize {
    if !units.first().is_some_and(|unit| matches!(unit.c, '^' | '=' | 'D')) {
        return 0;
    }
    let end = units.iter().take(TRACK_MAX).position(|unit| unit.c == '?').map(|end| end + 1);
    end.unwrap_or_else(|| {
        units.iter().take_while(|unit| unit.c.is_ascii_alphanumeric() || unit.c == '=').count()
    })
}

/// Whether a card number begins with the first of these groups.
fn begins_number(units: &[Unit], chain: &[Group]) -> bool {
    let Some(head) = chain.first() else { return false };
    let mut digits: Vec<u8> = Vec::with_capacity(DIGITS_MAX);
    let is_phone = units[..head.from].last().is_some_and(|unit| unit.c == '+');
    for (place, group) in chain.iter().enumerate() {
        if digits.len() + group.len() > DIGITS_MAX {
            break;
        }
        digits.extend(values(&units[group.from..group.to]));
        let sizes = || chain[..=place].iter().map(|group| group.len());
        if is_card_number(&digits, Shape { is_grouped: place > 0, is_phone, largest: sizes().max() }) {
            return true;
        }
    }
    within_one(&values(&units[head.from..head.to]).collect::<Vec<_>>())
}

fn values(units: &[Unit]) -> impl Iterator<Item = u8> {
    units.iter().filter_map(|unit| unit.c.to_digit(10).and_then(|digit| u8::try_from(digit).ok()))
}

/// A number with zeros before it, or with its expiry and security code behind, without anything between.
fn within_one(digits: &[u8]) -> bool {
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    let padded = &digits[zeros..];
    let alone = Shape { is_grouped: false, is_phone: false, largest: None };
    if zeros > 0 && is_card_number(padded, alone) {
        return true;
    }
    // Only the lengths that nearly all cards have: of others there would be too many by chance.
    [16, 15].iter().any(|length| {
        padded.split_at_checked(*length).is_some_and(|(number, behind)| {
            is_usual(number) && is_card_number(number, alone) && comes_behind(number, behind)
        })
    })
}

/// 16 digits, or American Express's 15.
fn is_usual(digits: &[u8]) -> bool {
    digits.len() == 16 || (digits.len() == 15 && matches!(digits, [3, 4 | 7, ..]))
}

/// A security code, or an expiry with or without one.
fn comes_behind(number: &[u8], behind: &[u8]) -> bool {
    let two = |from: usize| behind.get(from..from + 2).map(|pair| pair[0] * 10 + pair[1]);
    let month = |value: Option<u8>| value.is_some_and(|month| (1..=12).contains(&month));
    let year = |value: Option<u8>| value.is_some_and(|year| (15..=49).contains(&year));
    let century = |from| two(from) == Some(20);
    let expiry = |length| match length {
        4 => (month(two(0)) && year(two(2))) || (year(two(0)) && month(two(2))),
        6 => (month(two(0)) && century(2) && year(two(4))) || (century(0) && year(two(2)) && month(two(4))),
        _ => false,
    };
    match behind.len() {
        3 => number.len() == 16,
        4 | 6 => expiry(behind.len()),
        length => [4, 6]
            .iter()
            .any(|of_expiry| matches!(length.checked_sub(*of_expiry), Some(3 | 4)) && expiry(*of_expiry)),
    }
}

/// How digits stand in the text.
#[derive(Clone, Copy)]
struct Shape {
    /// Something stands between them.
    is_grouped: bool,
    /// A plus stands before them.
    is_phone: bool,
    /// The largest group, where there are several.
    largest: Option<usize>,
}

fn is_card_number(digits: &[u8], shape: Shape) -> bool {
    (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len())
        && issuer_has_length(digits)
        && check_digit_holds(digits)
        && !is_another_number(digits, shape)
}

/// What has the digits of a card, and is more likely something else. Nothing of this touches the lengths in which
/// cards are issued today: 16, American Express's 15, and Diners Club's 14.
fn is_another_number(digits: &[u8], shape: Shape) -> bool {
    if is_usual(digits) {
        return false;
    }
    // People write cards in groups of four to six; order numbers come in groups of seven.
    let is_no_grouping = shape.is_grouped && shape.largest.is_some_and(|largest| largest > 6);
    let is_rare = digits.len() == 13 || (digits.len() == 14 && !matches!(digits, [3, ..]));
    is_no_grouping || (is_rare && (shape.is_phone || is_article_number(digits)))
}

/// A number of the articles of trade (EAN-13, GTIN-14) has a check digit of its own.
fn is_article_number(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| u32::from(*digit) * if place % 2 == 1 { 3 } else { 1 })
        .sum();
    sum.is_multiple_of(10)
}

/// Issuer ranges and the lengths that each of them issues.
fn issuer_has_length(digits: &[u8]) -> bool {
    let prefix = |n: usize| digits[..n].iter().fold(0_u32, |number, digit| number * 10 + u32::from(*digit));
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
        (50 | 56..=69, _) => (14..=19).contains(&length),
        // UnionPay and RuPay, newer ranges
        (81 | 82, _) => (16..=19).contains(&length),
        // Troy, Uzcard, Humo
        (_, 9792 | 8600 | 9860) => length == 16,
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
            let value = u32::from(*digit) * if place % 2 == 1 { 2 } else { 1 };
            value / 10 + value % 10
        })
        .sum();
    sum.is_multiple_of(10)
}
