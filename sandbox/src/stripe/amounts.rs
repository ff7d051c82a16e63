//! Stripe's rules about amounts and currencies.
//!
//! Amounts are whole minor units of at most eight digits. What a minor unit is depends on Stripe's own
//! table, which is not quite ISO's: that difference is a classical way to charge a hundredfold, so the
//! sandbox refuses exactly what Stripe refuses, and its books say what a payer's bank would show. The table is
//! checked against one that neither the adapter's author nor ours has read: `tests/bodies/check_amounts.py`.

use super::errors::StripeError;
use super::form::Params;

/// Most money in one charge: eight digits, and twelve of rupiah, of which a dollar is sixteen thousand.
fn largest(currency: &str) -> i64 {
    if currency == "idr" { 999_999_999_999 } else { 99_999_999 }
}

/// The currencies that Stripe charges in.
const SUPPORTED: &str = "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd \
    bob brl bsd bwp byn bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp \
    gel gip gmd gnf gtq gyd hkd hnl hrk htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd \
    kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd \
    omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb \
    tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xof xpf yer zar zmw";

/// Currencies without decimals.
const NO_DECIMALS: [&str; 15] =
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"];

/// Currencies that have lost their decimals, and are sent with two of them as before, which must be zeros.
const DECIMALS_OF_OLD: [&str; 2] = ["isk", "ugx"];

/// Currencies with three decimals, of which the last must be 0.
const THREE_DECIMALS: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

/// Reads `amount` and `currency`; answers them with the currency in lower case.
pub(crate) fn read(params: &Params) -> Result<(i64, String), StripeError> {
    let amount = params.integer("amount")?.ok_or_else(|| StripeError::missing("amount"))?;
    let currency = params.required("currency")?.to_lowercase();
    if !SUPPORTED.split_whitespace().any(|known| known == currency) {
        let message = format!("Invalid currency: {currency}.");
        return Err(StripeError::invalid(message).param("currency"));
    }
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(StripeError::invalid(message).code("parameter_invalid_integer").param("amount"));
    }
    if amount > largest(&currency) {
        let message = format!("Amount must be no more than {} in minor units", largest(&currency));
        return Err(StripeError::invalid(message).code("amount_too_large").param("amount"));
    }
    if amount < smallest(&currency) {
        let message = format!("Amount must be at least {} {currency} in minor units", smallest(&currency));
        return Err(StripeError::invalid(message).code("amount_too_small").param("amount"));
    }
    check_step(amount, &currency)?;
    Ok((amount, currency))
}

/// Refuses an amount that cannot be paid in this currency's coins.
pub(crate) fn check_step(amount: i64, currency: &str) -> Result<(), StripeError> {
    let step = step(currency);
    if amount % step == 0 {
        return Ok(());
    }
    let message = format!("Amounts in {currency} must be evenly divisible by {step}.");
    Err(StripeError::invalid(message).code("parameter_invalid_integer").param("amount"))
}

/// The least that can be charged, for the currencies where it matters.
fn smallest(currency: &str) -> i64 {
    match currency {
        "usd" | "eur" | "aud" | "cad" | "chf" | "jpy" => 50,
        "gbp" => 30,
        _ => 1,
    }
}

/// How many decimals the minor units of a currency are.
pub(crate) fn decimals(currency: &str) -> u32 {
    match currency {
        none if NO_DECIMALS.contains(&none) => 0,
        three if THREE_DECIMALS.contains(&three) => 3,
        _ => 2,
    }
}

/// What Stripe keeps of a charge: 2.9 %, rounded half up, and 30 minor units (three decimals: 300).
pub(crate) fn fee(amount: i64, currency: &str) -> i64 {
    (amount * 29 + 500) / 1000 + small_change(currency, 30)
}

/// What a dispute costs, whoever wins it.
pub(crate) fn dispute_fee(currency: &str) -> i64 {
    small_change(currency, 1500)
}

fn small_change(currency: &str, minor_units: i64) -> i64 {
    if THREE_DECIMALS.contains(&currency) { minor_units * 10 } else { minor_units }
}

/// By what an amount must be divisible.
fn step(currency: &str) -> i64 {
    match currency {
        whole if DECIMALS_OF_OLD.contains(&whole) => 100,
        three if THREE_DECIMALS.contains(&three) => 10,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(amount: &str, currency: &str) -> bool {
        let text = format!("amount={amount}&currency={currency}");
        read(&Params::parse(text.as_bytes()).unwrap()).is_ok()
    }

    #[test]
    fn fees_are_rounded_half_up() {
        for (amount, currency, expected) in [
            (1099, "eur", 62),
            (1000, "usd", 59),
            (500, "jpy", 45),
            (50, "usd", 31),
            (1_000, "kwd", 329),
            (99_999_999, "eur", 2_900_030),
        ] {
            assert_eq!(fee(amount, currency), expected, "{amount} {currency}");
        }
        assert_eq!(dispute_fee("kwd"), 10 * dispute_fee("jpy"));
    }

    #[test]
    fn amounts_keep_stripes_rules() {
        for (amount, currency) in [
            ("50", "usd"),
            ("99999999", "eur"),
            ("50", "jpy"),
            ("1230", "kwd"),
            ("700", "isk"),
            ("500", "ugx"),
            ("999999999999", "idr"),
            ("1", "czk"),
            ("100", "EUR"),
        ] {
            assert!(accepts(amount, currency), "{amount} {currency} should pass");
        }
        for (amount, currency) in [
            ("49", "usd"),
            ("100000000", "eur"),
            ("1234", "kwd"),
            ("750", "isk"),
            ("550", "ugx"),
            ("1000000000000", "idr"),
            ("0", "czk"),
            ("-5", "czk"),
            ("10.5", "usd"),
            ("100", "xxx"),
            ("", "usd"),
            ("100", ""),
        ] {
            assert!(!accepts(amount, currency), "{amount} {currency} should be refused");
        }
    }
}
