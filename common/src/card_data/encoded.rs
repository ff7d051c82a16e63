//! Card numbers in another writing: base64, hexadecimal, the codes of characters. Only what decodes to text is
//! looked into, and only text that holds a card number by itself counts: random bytes are never both.

use std::ops::Range;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{DIGITS_MIN, reading::Unit, span};

/// Characters that thirteen digits have in base64.
pub const LENGTH_MIN: usize = 18;

/// Characters of one piece that are looked into: a body has 65,536, and its fields far fewer.
const LENGTH_MAX: usize = 16 * 1024;

/// Digits that must come of it before it is looked into as a text: the first and the last two may lie in groups that
/// are not whole.
const DIGITS_PLAUSIBLE: usize = DIGITS_MIN - 2;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Whether a byte may stand in base64, of either alphabet.
pub fn is_of_alphabet(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// Whether a stretch of such bytes may be the encoding of a number. Tokens, ids and paths are long too, and end here.
pub fn is_plausible(run: &[u8]) -> bool {
    run.len() >= LENGTH_MIN && (is_like_base64(run) || is_like_hex(run))
}

/// Counts the digits among the bytes that each four characters carry, wherever the first four begin.
fn is_like_base64(run: &[u8]) -> bool {
    let bytes = |group: &[u8]| {
        let bits = group.iter().fold(0, |bits, byte| (bits << 6) | u32::from(sextet(*byte)));
        let [_, bytes @ ..] = bits.to_be_bytes();
        bytes.iter().filter(|byte| byte.is_ascii_digit()).count()
    };
    (0..4).any(|offset| run[offset..].chunks_exact(4).map(bytes).sum::<usize>() >= DIGITS_PLAUSIBLE)
}

/// The six bits that a character of base64 stands for.
fn sextet(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        _ => 63,
    }
}

/// The same for each two characters of hexadecimal, of which a digit is `30` to `39`.
fn is_like_hex(run: &[u8]) -> bool {
    let is_digit = |pair: &&[u8]| matches!(pair, [b'3', b'0'..=b'9']);
    (0..2).any(|offset| run[offset..].chunks_exact(2).filter(is_digit).count() >= DIGITS_PLAUSIBLE)
}

/// Finds what `holds` card data once it is decoded.
pub fn find(units: &[Unit], holds: impl Fn(&str) -> bool, found: &mut Vec<Range<usize>>) {
    let is_part = |unit: &Unit| u8::try_from(unit.c).is_ok_and(is_of_alphabet);
    for piece in units.split(|unit| !is_part(unit)) {
        // A dash or a slash may belong to it, or stand beside it.
        let pieces = piece.split(|unit| !unit.c.is_ascii_alphanumeric());
        let mut each = std::iter::once(piece).chain(pieces.filter(|part| part.len() < piece.len()));
        if let Some(hit) = each.find(|piece| in_piece(piece, &holds)) {
            found.push(span(hit));
        }
    }
    in_codes(units, &holds, found);
}

fn in_piece(piece: &[Unit], holds: &impl Fn(&str) -> bool) -> bool {
    if !(LENGTH_MIN..=LENGTH_MAX).contains(&piece.len()) {
        return false;
    }
    let text: Vec<u8> = piece.iter().map(|unit| u8::try_from(unit.c).unwrap_or_default()).collect();
    (is_like_base64(&text) && in_base64(&text, holds)) || (is_like_hex(&text) && in_hex(&text, holds))
}

/// Where it begins is not known: letters may stand before it.
fn in_base64(text: &[u8], holds: &impl Fn(&str) -> bool) -> bool {
    let standard = |byte: &u8| match byte {
        b'-' => b'+',
        b'_' => b'/',
        byte => *byte,
    };
    let text: Vec<u8> = text.iter().map(standard).collect();
    (0..4).any(|offset| {
        let text = &text[offset..];
        let text = if text.len() % 4 == 1 { &text[..text.len() - 1] } else { text };
        BASE64.decode(text).is_ok_and(|bytes| in_decoded(&bytes, holds))
    })
}

fn in_hex(text: &[u8], holds: &impl Fn(&str) -> bool) -> bool {
    let runs = text.split(|byte| !byte.is_ascii_hexdigit());
    let mut runs = runs.filter(|run| run.len() >= 2 * DIGITS_MIN);
    runs.any(|run| {
        (0..2).any(|offset| {
            let even = &run[offset..run.len() - (run.len() - offset) % 2];
            hex::decode(even).is_ok_and(|bytes| in_decoded(&bytes, holds))
        })
    })
}

/// `34 32 34 32`, `0x34,0x32`, `52 50 52 50`: one code after the other.
fn in_codes(units: &[Unit], holds: &impl Fn(&str) -> bool, found: &mut Vec<Range<usize>>) {
    let words: Vec<&[Unit]> =
        units.split(|unit| !unit.c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let value = |word: &[Unit], radix| match word {
        [zero, x, pair @ ..] if zero.c == '0' && matches!(x.c, 'x' | 'X') && pair.len() == 2 => {
            code(pair, 16)
        }
        pair if pair.len() == 2 => code(pair, radix),
        _ => None,
    };
    for radix in [16, 10] {
        for run in words.split(|word| value(word, radix).is_none()).filter(|run| run.len() >= DIGITS_MIN) {
            let bytes: Vec<u8> = run.iter().filter_map(|word| value(word, radix)).collect();
            if let (true, [first, .., last]) = (in_decoded(&bytes, holds), run) {
                found.push(span(first).start..span(last).end);
            }
        }
    }
}

fn code(pair: &[Unit], radix: u32) -> Option<u8> {
    let value = pair.iter().try_fold(0, |value, unit| Some(value * radix + unit.c.to_digit(radix)?))?;
    u8::try_from(value).ok()
}

/// Of what was decoded, whatever is text.
fn in_decoded(bytes: &[u8], holds: &impl Fn(&str) -> bool) -> bool {
    let is_text = |text: &str| text.len() >= DIGITS_MIN && holds(text);
    // Without the empty halves of UTF-16.
    let bytes: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
    let text = String::from_utf8_lossy(&bytes);
    text.split(|c: char| c == char::REPLACEMENT_CHARACTER || (c.is_control() && !c.is_whitespace()))
        .any(is_text)
}
