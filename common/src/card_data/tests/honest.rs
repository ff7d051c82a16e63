//! What is no card's, and how often it is taken for one all the same. The numbers come from a seed, so that a rate
//! is the same wherever it is counted.

use std::fmt::Write as _;
use std::time::Instant;

use rand::{Rng, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::{in_json, in_text};

/// Of each kind.
const EACH: usize = 10_000;

#[test]
fn other_numbers_pass() {
    for text in [
        "4242424242424241",
        "1234567890123456",
        "2026-11-23 21:06:00",
        "2026-11-30 04:53:10.123456",
        "+49 30 901820 00",
        "+4915123456789",
        "0193a3f1-c2d8-7b51-a9f0-c4d2e8b7a601",
        "pay_0193a3f1c2d87b51a9f0c4d2e8b7a601",
        "req_01a2243288457410904e79133882c148",
        "evt_01a2243288457410904e79133882c148_3",
        "order-1732396800123-42",
        "42424242",
        "DE89 3704 0044 0532 0130 00",
        "GB29NWBK60161331926819",
        "302-1234567-1234567",
        "https://shop.example/return/path/of/a/long/way?session=aGVsbG8gd29ybGQsIGhlcmUgSSBhbQ",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "%zz &amp; \\u12 <b>5</b>",
        "",
    ] {
        assert!(!in_text(text), "{text}");
    }
}

/// What a shop sends, and what programs make: how many of 10,000 each are taken for card data.
#[test]
fn few_are_taken_for_cards() {
    let mut random = StdRng::seed_from_u64(42);
    let mut rate = |kind: &str, most: usize, make: &dyn Fn(&mut StdRng, usize) -> String| {
        let refused: Vec<_> = (0..EACH).map(|n| make(&mut random, n)).filter(|text| in_text(text)).collect();
        println!("{kind}: {} of {EACH}", refused.len());
        assert!(
            refused.len() <= most,
            "{kind}: {} of {EACH}: {:?}",
            refused.len(),
            &refused[..refused.len().min(9)]
        );
    };
    // Made by programs: none.
    rate("UUIDs of version 4", 0, &|random, _| uuid(random, 4).hyphenated().to_string());
    rate("UUIDs without dashes", 0, &|random, _| uuid(random, 7).simple().to_string());
    rate("our own ids", 0, &|random, _| format!("pay_{}", uuid(random, 7).simple()));
    rate("idempotency keys", 0, &|random, n| format!("order-{n}-retry-{}", uuid(random, 4)));
    rate("trace contexts", 0, &|random, _| {
        format!("00-{:032x}-{:016x}-01", random.random::<u128>(), random.random::<u64>())
    });
    rate("SHA-256 digests", 0, &|random, _| {
        (0..4).fold(String::new(), |mut text, _| {
            let _ = write!(text, "{:016x}", random.random::<u64>());
            text
        })
    });
    rate("random base62 of 24", 0, &|random, _| letters(random, 24));
    rate("API keys", 0, &|random, _| format!("rmt_live_{}", letters(random, 36)));
    rate("ULIDs", 0, &|random, _| crockford(random));
    rate("milliseconds", 0, &|random, _| {
        (1_764_305_590_000 + random.random_range(0..9_999_999_999_u64)).to_string()
    });
    rate("microseconds", 0, &|random, _| {
        (1_764_305_590_000_000 + random.random_range(0..9_999_999_999_999_u64)).to_string()
    });
    rate("nanoseconds", 0, &|random, _| {
        (1_764_305_590_000_000_000 + random.random_range(0..9_999_999_999_999_999_u64)).to_string()
    });
    rate("moments", 0, &|random, _| moment(random));
    // Of trade and banks: none, by their own check digits.
    rate("IBANs", 0, &|random, n| iban(random, n, false));
    rate("IBANs in fours", 0, &|random, n| iban(random, n, true));
    rate("EAN-13s", 0, &|random, _| article(random, 13));
    rate("phone numbers", 0, &phone);
    rate("order numbers of usual shapes", 0, &order_number);
    // A bare number of a card's length, in a card's range, has a card's check digit one time in ten: whoever has
    // such numbers cannot send them, and no rule could tell them from cards.
    rate("GTIN-14s", 60, &|random, _| article(random, 14));
    rate("any 14 digits", 250, &|random, _| digits(random, 14));
    rate("any 16 digits", 500, &|random, _| digits(random, 16));
    rate("any 19 digits", 900, &|random, _| digits(random, 19));
}

fn uuid(random: &mut StdRng, version: u128) -> Uuid {
    let bits: u128 = random.random();
    Uuid::from_u128((bits & !(0xf << 76) & !(0x3 << 62)) | (version << 76) | (0x2 << 62))
}

fn letters(random: &mut StdRng, length: usize) -> String {
    (0..length).map(|_| char::from(random.sample(rand::distr::Alphanumeric))).collect()
}

fn digits(random: &mut StdRng, length: usize) -> String {
    let first = random.random_range(1..10_u8);
    std::iter::once(first)
        .chain((1..length).map(|_| random.random_range(0..10)))
        .map(|digit| char::from(b'0' + digit))
        .collect()
}

fn crockford(random: &mut StdRng) -> String {
    let alphabet = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let rest: String = (0..25).map(|_| char::from(alphabet[random.random_range(0..32)])).collect();
    format!("0{rest}")
}

fn moment(random: &mut StdRng) -> String {
    let mut two = |from: u8, to: u8| random.random_range(from..to);
    let (month, day, hour, minute, second) = (two(1, 13), two(1, 29), two(0, 24), two(0, 60), two(0, 60));
    let fraction = random.random_range(0..1_000_000_u32);
    format!("2026-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{fraction:06}")
}

/// The check digit of trade: three times every other digit, from the right.
fn article(random: &mut StdRng, length: usize) -> String {
    let text = digits(random, length - 1);
    let sum: u32 = text
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| u32::from(digit - b'0') * if place % 2 == 0 { 3 } else { 1 })
        .sum();
    format!("{text}{}", (10 - sum % 10) % 10)
}

/// Of ten countries, with the check digits of ISO 13616.
fn iban(random: &mut StdRng, n: usize, in_fours: bool) -> String {
    let (country, bank, rest) = [
        ("DE", "", 18),
        ("FR", "", 23),
        ("GB", "NWBK", 14),
        ("NL", "ABNA", 10),
        ("ES", "", 20),
        ("IT", "X", 22),
        ("PL", "", 24),
        ("AT", "", 16),
        ("CH", "", 17),
        ("BE", "", 12),
    ][n % 10];
    let account = format!("{bank}{}", digits(random, rest));
    let number = |text: &str| {
        text.chars().fold(0_u32, |rest, c| {
            let value = c.to_digit(36).unwrap();
            (rest * if value < 10 { 10 } else { 100 } + value) % 97
        })
    };
    let check = 98 - number(&format!("{account}{country}00"));
    let iban = format!("{country}{check:02}{account}");
    if !in_fours {
        return iban;
    }
    let groups: Vec<_> = iban.as_bytes().chunks(4).map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(" ")
}

fn phone(random: &mut StdRng, n: usize) -> String {
    let national = |random: &mut StdRng, length| digits(random, length);
    match n % 8 {
        0 => format!("+49151{}", national(random, 8)),
        1 => format!("+49 30 {} {}", national(random, 4), national(random, 4)),
        2 => format!("+1 ({}) {}-{}", national(random, 3), national(random, 3), national(random, 4)),
        3 => format!("{}-{}-{}", national(random, 3), national(random, 3), national(random, 4)),
        4 => format!("+44 7{} {}", national(random, 3), national(random, 6)),
        5 => format!("+62 8{} {} {}", national(random, 2), national(random, 4), national(random, 4)),
        6 => format!("00 43 664 {}", national(random, 8)),
        _ => format!("+55 11 9{}-{}", national(random, 4), national(random, 4)),
    }
}

fn order_number(random: &mut StdRng, n: usize) -> String {
    match n % 10 {
        0 => format!("A-{}", digits(random, 4)),
        1 => format!("ORD-2026-{}", digits(random, 6)),
        2 => format!("#{}", digits(random, 5)),
        3 => digits(random, 8),
        4 => format!("20261128{}", digits(random, 6)),
        5 => format!("SO{}", digits(random, 10)),
        6 => digits(random, 12),
        7 => format!("{}-{}-{}", digits(random, 3), digits(random, 7), digits(random, 7)),
        8 => format!("INV/2026/11/{}", digits(random, 5)),
        _ => format!("{}-{}", digits(random, 6), letters(random, 5)),
    }
}

/// What nearly every request pays for the search.
#[test]
fn an_ordinary_body_costs_next_to_nothing() {
    let body = ordinary();
    let rounds = 2_000;
    let started = Instant::now();
    for _ in 0..rounds {
        assert!(!in_json(std::hint::black_box(&body)));
    }
    let each = started.elapsed() / rounds;
    println!("an ordinary body: {each:?}");
    // Optimised it is a hundredth of this: the bound is for a debug build on a busy machine.
    assert!(each.as_micros() < 200, "{each:?}");
}

fn ordinary() -> Value {
    json!({
        "amount": "49.90",
        "currency": "EUR",
        "payment_method": { "type": "card", "token": "pm_1MqLiJLkdIwHu7ixUEgbFdYF" },
        "customer": { "id": "c-1042", "email": "ada@example.com", "name": "Ada Lovelace" },
        "description": "Two tickets, row 7",
        "order_id": "A-1042",
        "metadata": { "cart": "c1a7", "channel": "web" },
        "return_url": "https://shop.example/checkout/done?order=A-1042",
    })
}
