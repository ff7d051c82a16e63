//! Reads a text as it is meant: digits of any script are digits, what cannot be seen is not there, and escapes are
//! what they stand for. Each character that was read knows where in the text it stands.

use unicode_normalization::char::decompose_compatible;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};

/// A character as it was read.
#[derive(Debug, Clone, Copy)]
pub struct Unit {
    /// What it means.
    pub c: char,
    /// Where it begins in the text, in bytes.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
}

/// Numbers that are digits to everybody but the standard, as (first, its value, how many): circled and dingbat
/// digits, Ethiopic ones.
const OTHER_DIGITS: [(u32, u32, u32); 9] = [
    (0x1369, 1, 9),
    (0x19da, 1, 1),
    (0x24f5, 1, 9),
    (0x24ff, 0, 1),
    (0x2776, 1, 9),
    (0x2780, 1, 9),
    (0x278a, 1, 9),
    (0x1f10b, 0, 1),
    (0x1f10c, 0, 1),
];

/// The digits of Chinese and Japanese, which are letters to the standard.
const HAN: [char; 10] = ['〇', '一', '二', '三', '四', '五', '六', '七', '八', '九'];

/// Letters that are displayed as nothing.
const FILLERS: [char; 5] = ['\u{115f}', '\u{1160}', '\u{17b4}', '\u{3164}', '\u{ffa0}'];

/// Reads a text, escapes as they stand.
pub fn read(text: &str) -> Vec<Unit> {
    let mut units = Vec::with_capacity(text.len());
    for (from, read) in text.char_indices() {
        plain(read, |c| units.push(Unit { c, from, to: from + read.len_utf8() }));
    }
    units
}

/// A character in its plainest form: one, several, or none.
fn plain(c: char, mut emit: impl FnMut(char)) {
    if c.is_ascii() {
        return emit(c);
    }
    decompose_compatible(c, |c| {
        if let Some(digit) = digit(c) {
            emit(digit);
        } else if c.is_ascii() || !is_unseen(c) {
            emit(if is_between(c) { ' ' } else { c });
        }
    });
}

/// What separates, though it is called a letter: the long mark of Japanese, above all, which looks like a dash.
fn is_between(c: char) -> bool {
    c.is_whitespace() || c.general_category() == GeneralCategory::ModifierLetter
}

/// What a reader does not see, or sees as a mark on what stands before it.
fn is_unseen(c: char) -> bool {
    let category = c.general_category();
    category == GeneralCategory::Format
        || c.general_category_group() == GeneralCategoryGroup::Mark
        || FILLERS.contains(&c)
        || matches!(u32::from(c), 0xfff0..=0xfff8 | 0xe0000..=0xe0fff)
}

/// The ASCII form of a decimal digit of any script. The standard keeps each script's ten together, in order.
fn digit(c: char) -> Option<char> {
    if c.is_ascii() {
        return c.is_ascii_digit().then_some(c);
    }
    let code = u32::from(c);
    let value = if c.general_category() == GeneralCategory::DecimalNumber {
        let is_digit = |code| {
            char::from_u32(code).is_some_and(|c| c.general_category() == GeneralCategory::DecimalNumber)
        };
        (1..).take_while(|back| is_digit(code - back)).count() as u32 % 10
    } else if let Some(value) = HAN.iter().position(|han| *han == c) {
        u32::try_from(value).ok()?
    } else {
        let (first, value, _) =
            OTHER_DIGITS.iter().find(|(first, _, count)| (*first..first + count).contains(&code))?;
        value + code - first
    };
    char::from_digit(value, 10)
}

/// Reads escapes: of addresses, of JSON and programming languages, of HTML. `None`: there are none.
pub fn unescape(units: &[Unit]) -> Option<Vec<Unit>> {
    if !units.iter().any(|unit| matches!(unit.c, '%' | '\\' | '&' | '<')) {
        return None;
    }
    let mut unescaped = Vec::with_capacity(units.len());
    let (mut rest, mut changed) = (units, false);
    while let Some((first, after)) = rest.split_first() {
        let escape = match first.c {
            '%' => percent(rest),
            '\\' => backslash(after).map(|(c, length)| (c, length + 1)),
            '&' => entity(after).map(|(c, length)| (c, length + 1)),
            '<' => tag(after).map(|length| (Some(' '), length + 1)),
            _ => None,
        };
        let (c, length) = escape.unwrap_or((Some(first.c), 1));
        changed |= escape.is_some();
        let (read, behind) = rest.split_at(length);
        if let (Some(c), Some(last)) = (c, read.last()) {
            plain(c, |c| unescaped.push(Unit { c, from: first.from, to: last.to }));
        }
        rest = behind;
    }
    changed.then_some(unescaped)
}

/// The number that so many digits of a base make.
fn digits(units: &[Unit], radix: u32) -> Option<u32> {
    (!units.is_empty()).then_some(())?;
    units
        .iter()
        .try_fold(0_u32, |number, unit| number.checked_mul(radix)?.checked_add(unit.c.to_digit(radix)?))
}

/// `%34`, the bytes of a longer character, and `%u0034`. What is no text counts as something that separates.
fn percent(units: &[Unit]) -> Option<(Option<char>, usize)> {
    if units.get(1).is_some_and(|unit| matches!(unit.c, 'u' | 'U')) {
        return Some((char::from_u32(digits(units.get(2..6)?, 16)?), 6));
    }
    let byte = |place: usize| {
        let escape = units.get(place * 3..place * 3 + 3).filter(|escape| escape[0].c == '%')?;
        u8::try_from(digits(&escape[1..], 16)?).ok()
    };
    let first = byte(0)?;
    let length = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let bytes: Option<Vec<u8>> = (0..length).map(byte).collect();
    let c = bytes.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok()?.chars().next());
    Some(c.map_or((Some(' '), 3), |c| (Some(c), 3 * length)))
}

/// What follows a backslash: `u0034`, `u{34}`, `U00000034`, `x34`, `064`, `n`.
fn backslash(units: &[Unit]) -> Option<(Option<char>, usize)> {
    let hex = |from: usize, to: usize| digits(units.get(from..to)?, 16);
    match units.first()?.c {
        'u' if units.get(1).is_some_and(|unit| unit.c == '{') => {
            let length = units.iter().take(9).position(|unit| unit.c == '}')?;
            Some((char::from_u32(hex(2, length)?), length + 1))
        }
        'u' => match hex(1, 5)? {
            high @ 0xd800..=0xdbff => {
                let low = hex(7, 11).filter(|low| (0xdc00..=0xdfff).contains(low))?;
                Some((char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)), 11))
            }
            code => Some((char::from_u32(code), 5)),
        },
        'U' => Some((char::from_u32(hex(1, 9)?), 9)),
        'x' => Some((char::from_u32(hex(1, 3)?), 3)),
        '0'..='3' if digits(units.get(..3)?, 8).is_some() => {
            Some((char::from_u32(digits(&units[..3], 8)?), 3))
        }
        c if c.is_ascii_alphabetic() => Some((Some(' '), 1)),
        c => Some((Some(c), 1)),
    }
}

/// What follows an ampersand: `#52;`, `#x34;`, `nbsp;`.
fn entity(units: &[Unit]) -> Option<(Option<char>, usize)> {
    let length = |from: usize, is_part: fn(char) -> bool| {
        units.get(from..).unwrap_or_default().iter().take(10).take_while(|unit| is_part(unit.c)).count()
    };
    let (c, length) = match (units.first()?.c, units.get(1).map(|unit| unit.c)) {
        ('#', Some('x' | 'X')) => {
            let end = 2 + length(2, |c| c.is_ascii_hexdigit());
            (char::from_u32(digits(&units[2..end], 16)?), end)
        }
        ('#', _) => {
            let end = 1 + length(1, |c| c.is_ascii_digit());
            (char::from_u32(digits(&units[1..end], 10)?), end)
        }
        _ => {
            let end = length(0, |c| c.is_ascii_alphanumeric());
            units.get(end).filter(|unit| end >= 2 && unit.c == ';')?;
            let name: String = units[..end].iter().map(|unit| unit.c).collect();
            (named(&name), end)
        }
    };
    let closed = usize::from(units.get(length).is_some_and(|unit| unit.c == ';'));
    Some((c, length + closed))
}

fn named(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "zwj" | "zwnj" | "shy" => None,
        _ => Some(' '),
    }
}

/// How long a tag is, behind its `<`.
fn tag(units: &[Unit]) -> Option<usize> {
    let begins = units.first().is_some_and(|unit| unit.c == '/' || unit.c.is_ascii_alphabetic());
    let end = units.iter().take(40).position(|unit| unit.c == '>')?;
    begins.then_some(end + 1)
}
