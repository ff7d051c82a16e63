//! Numbers that are long and no card's: UUIDs, digests, trace contexts, IBANs, moments. They are set aside by their own
//! form and their own check digits, so that one of them is not refused because its digits happen to add up.

use std::ops::Range;

use super::reading::Unit;

/// Lengths of the digests and ids that programs write in hexadecimal: of 96, 128, 160, 192, 224, 256, 384, 512 bits.
const DIGESTS: [usize; 8] = [24, 32, 40, 48, 56, 64, 96, 128];

/// Countries and the lengths of their IBANs.
const IBANS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 \
                     DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 \
                     IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 \
                     MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 \
                     SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30";

/// Finds them, in order, none touching another.
pub fn find(units: &[Unit]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut place = 0;
    while place < units.len() {
        if !units[place].c.is_ascii_alphanumeric() {
            place += 1;
            continue;
        }
        let rest = &units[place..];
        let token = word(rest);
        let length = uuid(rest)
            .or_else(|| id(&rest[..token]))
            .or_else(|| digest(&rest[..token]))
            .or_else(|| trace_context(rest))
            .or_else(|| iban(rest))
            .or_else(|| moment(rest));
        if let Some(length) = length {
            found.push(place..place + length);
        }
        place += length.unwrap_or(token);
    }
    found
}

/// How many letters and digits stand together.
fn word(units: &[Unit]) -> usize {
    units.iter().take_while(|unit| unit.c.is_ascii_alphanumeric()).count()
}

/// RFC 9562: 8-4-4-4-12 digits, with a version and a variant. One without letters is no accident.
fn uuid(units: &[Unit]) -> Option<usize> {
    let length = 36;
    let text = units.get(..length)?;
    let ends = units.get(length).is_none_or(|unit| !unit.c.is_ascii_alphanumeric());
    let well_formed = text.iter().enumerate().all(|(place, unit)| match place {
        8 | 13 | 18 | 23 => unit.c == '-',
        14 => matches!(unit.c, '1'..='8'),
        19 => matches!(unit.c, '8' | '9' | 'a' | 'b' | 'A' | 'B'),
        _ => unit.c.is_ascii_hexdigit(),
    });
    let letters = text.iter().filter(|unit| unit.c.is_ascii_alphabetic()).count();
    (ends && well_formed && letters > 1).then_some(length)
}

/// RFC 9562, version 7, without dashes, of our times: what stands in every id of ours. Some have almost no letters.
fn id(units: &[Unit]) -> Option<usize> {
    let at = |place: usize| units.get(place).map_or(' ', |unit| unit.c);
    let well_formed = units.len() == 32
        && (at(0), at(1), at(12)) == ('0', '1', '7')
        && matches!(at(16), '8' | '9' | 'a' | 'b')
        && units.iter().all(|unit| matches!(unit.c, '0'..='9' | 'a'..='f'))
        && units.iter().filter(|unit| unit.c.is_ascii_alphabetic()).count() > 1;
    well_formed.then_some(units.len())
}

/// A digest, or a UUID without dashes. By chance three of eight digits are letters; with fewer than one of eight
/// somebody has put them around a number.
fn digest(units: &[Unit]) -> Option<usize> {
    let count = |is: fn(&char) -> bool| units.iter().filter(|unit| is(&unit.c)).count();
    let (lower, upper) = (count(char::is_ascii_lowercase), count(char::is_ascii_uppercase));
    let one_case = lower == 0 || upper == 0;
    let is_digest = DIGESTS.contains(&units.len())
        && one_case
        && units.iter().all(|unit| unit.c.is_ascii_hexdigit())
        && lower + upper >= units.len() / 8;
    is_digest.then_some(units.len())
}

/// W3C: version, trace, span and flags. Each of the two ids has a letter, or somebody has chosen its digits.
fn trace_context(units: &[Unit]) -> Option<usize> {
    let length = 55;
    let text = units.get(..length)?;
    let well_formed = text.iter().enumerate().all(|(place, unit)| match place {
        2 | 35 | 52 => unit.c == '-',
        _ => unit.c.is_ascii_hexdigit(),
    });
    let has_letter = |part: &[Unit]| part.iter().any(|unit| unit.c.is_ascii_alphabetic());
    (well_formed && digest(&text[3..35]).is_some() && has_letter(&text[36..52])).then_some(length)
}

/// ISO 13616, in one piece or in fours: of a country, of its length, and with valid check digits.
fn iban(units: &[Unit]) -> Option<usize> {
    let country: String = units.get(..2)?.iter().map(|unit| unit.c.to_ascii_uppercase()).collect();
    let is_begun = country.bytes().all(|byte| byte.is_ascii_uppercase())
        && units.get(2..4)?.iter().all(|unit| unit.c.is_ascii_digit());
    let length: usize = is_begun
        .then(|| IBANS.split(' ').find_map(|known| known.strip_prefix(country.as_str())?.parse().ok()))
        .flatten()?;
    let (mut digits, mut taken) = (Vec::with_capacity(length), 0);
    for unit in units {
        if digits.len() == length {
            break;
        }
        match unit.c {
            c if c.is_ascii_alphanumeric() => digits.push(c.to_digit(36)?),
            ' ' if digits.len().is_multiple_of(4) => {}
            _ => return None,
        }
        taken += 1;
    }
    let ends = units.get(taken).is_none_or(|unit| !unit.c.is_ascii_alphanumeric());
    let rearranged = digits.iter().cycle().skip(4).take(length);
    let remainder =
        rearranged.fold(0, |rest, digit| (rest * if *digit < 10 { 10 } else { 100 } + digit) % 97);
    (ends && digits.len() == length && remainder == 1).then_some(taken)
}

/// `2026-11-28`, `2026-11-28 04:53`, `2026-11-28T04:53:10.123456789`: a date of our times, and perhaps a time.
fn moment(units: &[Unit]) -> Option<usize> {
    let number = |from: usize, to: usize| {
        let digits = units.get(from..to)?.iter().map(|unit| unit.c.to_digit(10));
        digits.collect::<Option<Vec<u32>>>().map(|digits| digits.iter().fold(0, |n, digit| n * 10 + digit))
    };
    let at = |place: usize, any: &[char]| units.get(place).is_some_and(|unit| any.contains(&unit.c));
    let is_date = (1900..2200).contains(&number(0, 4)?)
        && at(4, &['-', '/', '.'])
        && (1..=12).contains(&number(5, 7)?)
        && at(7, &['-', '/', '.'])
        && (1..=31).contains(&number(8, 10)?);
    is_date.then_some(())?;
    let has_time = at(10, &['T', 't', ' ']) && at(13, &[':']) && number(11, 13).is_some_and(|hour| hour < 24);
    if !has_time || number(14, 16).is_none_or(|minute| minute > 59) {
        return Some(10);
    }
    if !at(16, &[':']) || number(17, 19).is_none_or(|second| second > 60) {
        return Some(16);
    }
    let fraction =
        units.get(20..).unwrap_or_default().iter().take(9).take_while(|unit| unit.c.is_ascii_digit());
    Some(if at(19, &['.', ',']) { 20 + fraction.count() } else { 19 })
}
