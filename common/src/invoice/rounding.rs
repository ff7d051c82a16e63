//! Fractions of money, in whole numbers: exact up to one rounding at the end, half away from zero, to the
//! smallest coin of the currency. A decimal quotient would be rounded twice.

use rust_decimal::Decimal;

use crate::money::Currency;

/// Digits before the point, at most: as many as an amount may have that a merchant asks for.
const WHOLE_DIGITS: u32 = 15;

/// An amount that is too large to be counted exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the amount is too large")]
pub struct TooLarge;

/// `amount × numerator ÷ denominator`, rounded once.
///
/// Fails with [`TooLarge`], also for a denominator of zero. What passes is so small that invoices add up without
/// overflow.
pub fn fraction(
    amount: Decimal,
    numerator: impl Into<i128>,
    denominator: impl Into<i128>,
    currency: Currency,
) -> Result<Decimal, TooLarge> {
    let exponent = currency.exponent();
    // In units of the currency's coin or of the amount's last digit, whichever is smaller.
    let scale = amount.scale().max(exponent);
    let power = |digits: u32| 10_i128.checked_pow(digits).ok_or(TooLarge);
    let dividend = amount
        .mantissa()
        .checked_mul(power(scale - amount.scale())?)
        .and_then(|units| units.checked_mul(numerator.into()))
        .ok_or(TooLarge)?;
    let divisor = denominator.into().checked_mul(power(scale - exponent)?).ok_or(TooLarge)?;
    let limit = power(WHOLE_DIGITS + exponent)?;
    let coins = nearest(dividend, divisor).filter(|coins| coins.abs() < limit).ok_or(TooLarge)?;
    Decimal::try_from_i128_with_scale(coins, exponent).map_err(|_| TooLarge)
}

/// `amount`, rounded to the smallest coin.
pub fn to_coins(amount: Decimal, currency: Currency) -> Result<Decimal, TooLarge> {
    fraction(amount, 1, 1, currency)
}

/// `dividend ÷ divisor` to the nearest whole number, halves away from zero; `None` by zero.
#[must_use]
pub fn nearest(dividend: i128, divisor: i128) -> Option<i128> {
    let quotient = dividend.checked_div(divisor)?;
    let remainder = dividend.checked_rem(divisor)?;
    let is_half_or_more = remainder.unsigned_abs() >= divisor.unsigned_abs() - remainder.unsigned_abs();
    let away = if (dividend < 0) == (divisor < 0) { 1 } else { -1 };
    if is_half_or_more { quotient.checked_add(away) } else { Some(quotient) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_away_from_zero() {
        for (dividend, divisor, expected) in [
            (5, 2, 3),
            (-5, 2, -3),
            (5, -2, -3),
            (-5, -2, 3),
            (4, 3, 1),
            (5, 3, 2),
            (-4, 3, -1),
            (0, 7, 0),
            (1, 1, 1),
        ] {
            assert_eq!(nearest(dividend, divisor), Some(expected), "{dividend} / {divisor}");
        }
        assert_eq!(nearest(1, 0), None);
    }

    #[test]
    fn the_smallest_coin_is_the_currencys() {
        for (amount, numerator, denominator, code, expected) in [
            ("10", 1, 3, "EUR", "3.33"),
            ("10", 2, 3, "EUR", "6.67"),
            ("-10", 2, 3, "EUR", "-6.67"),
            ("1000", 21, 31, "JPY", "677"),
            ("1", 2, 3, "KWD", "0.667"),
            ("1.0050", 1, 1, "EUR", "1.01"),
            ("0.0049", 1, 1, "EUR", "0.00"),
        ] {
            let currency = Currency::from_code(code).unwrap();
            let found = fraction(amount.parse().unwrap(), numerator, denominator, currency).unwrap();
            assert_eq!(found.to_string(), expected, "{amount} {code}");
        }
    }

    #[test]
    fn what_cannot_be_counted_is_refused() {
        let currency = Currency::from_code("EUR").unwrap();
        assert_eq!(fraction(Decimal::MAX, u64::MAX, 1, currency), Err(TooLarge));
        let most = Decimal::from(999_999_999_999_999_u64);
        assert_eq!(fraction(most, 1, 1, currency), Ok(most));
        assert_eq!(fraction(most, 2, 1, currency), Err(TooLarge));
        assert_eq!(fraction(Decimal::ONE, 1, 0, currency), Err(TooLarge));
    }
}
