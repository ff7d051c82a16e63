//! Exact fractions of whole numbers, for figures that are rounded only when they are shown.

use std::cmp::Ordering;

use rust_decimal::Decimal;

use crate::invoice::rounding::{TooLarge, nearest};

/// A fraction in its lowest terms; the denominator is positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    numerator: i128,
    denominator: i128,
}

impl Ratio {
    /// Nothing.
    pub const ZERO: Self = Self { numerator: 0, denominator: 1 };

    /// `numerator ÷ denominator`.
    ///
    /// Fails with [`TooLarge`], also for a denominator of zero.
    pub fn new(numerator: i128, denominator: i128) -> Result<Self, TooLarge> {
        let divisor =
            i128::try_from(greatest_common_divisor(numerator, denominator)).map_err(|_| TooLarge)?;
        let divisor = if denominator < 0 { -divisor } else { divisor };
        let part = |number: i128| number.checked_div(divisor).ok_or(TooLarge);
        let ratio = Self { numerator: part(numerator)?, denominator: part(denominator)? };
        if ratio.denominator > 0 { Ok(ratio) } else { Err(TooLarge) }
    }

    /// A decimal, as it is.
    pub fn of(decimal: Decimal) -> Result<Self, TooLarge> {
        Self::new(decimal.mantissa(), 10_i128.checked_pow(decimal.scale()).ok_or(TooLarge)?)
    }

    /// The sum.
    pub fn plus(self, other: Self) -> Result<Self, TooLarge> {
        // By the least common denominator, so that a long sum stays small.
        let divisor = i128::try_from(greatest_common_divisor(self.denominator, other.denominator))
            .map_err(|_| TooLarge)?;
        let (ours, theirs) = (other.denominator / divisor, self.denominator / divisor);
        let sum = self
            .numerator
            .checked_mul(ours)
            .zip(other.numerator.checked_mul(theirs))
            .and_then(|(a, b)| a.checked_add(b));
        Self::new(sum.ok_or(TooLarge)?, self.denominator.checked_mul(ours).ok_or(TooLarge)?)
    }

    /// The difference.
    pub fn minus(self, other: Self) -> Result<Self, TooLarge> {
        self.plus(Self { numerator: -other.numerator, ..other })
    }

    /// The product.
    pub fn times(self, other: Self) -> Result<Self, TooLarge> {
        // Crosswise first: what cancels out need not be multiplied.
        let a = Self::new(self.numerator, other.denominator)?;
        let b = Self::new(other.numerator, self.denominator)?;
        let product = |a: i128, b: i128| a.checked_mul(b).ok_or(TooLarge);
        Self::new(product(a.numerator, b.numerator)?, product(a.denominator, b.denominator)?)
    }

    /// The quotient; `None` by nothing.
    pub fn per(self, other: Self) -> Result<Option<Self>, TooLarge> {
        if other.numerator == 0 {
            return Ok(None);
        }
        self.times(Self::new(other.denominator, other.numerator)?).map(Some)
    }

    /// Rounded to so many decimals, half away from zero: to be shown.
    pub fn rounded(self, decimals: u32) -> Result<Decimal, TooLarge> {
        let scaled = 10_i128.checked_pow(decimals).and_then(|power| self.numerator.checked_mul(power));
        let number = nearest(scaled.ok_or(TooLarge)?, self.denominator).ok_or(TooLarge)?;
        Decimal::try_from_i128_with_scale(number, decimals).map_err(|_| TooLarge)
    }

    /// Whether it is more than nothing.
    #[must_use]
    pub fn is_positive(self) -> bool {
        self.numerator > 0
    }

    /// Which is more.
    pub fn compare(self, other: Self) -> Result<Ordering, TooLarge> {
        Ok(self.minus(other)?.numerator.cmp(&0))
    }
}

fn greatest_common_divisor(a: i128, b: i128) -> u128 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ratio(numerator: i128, denominator: i128) -> Ratio {
        Ratio::new(numerator, denominator).unwrap()
    }

    #[test]
    fn it_is_exact_until_it_is_shown() {
        let third = ratio(10, 3);
        let sum = third.plus(third).unwrap().plus(third).unwrap();
        assert_eq!(sum, ratio(10, 1));
        assert_eq!(third.rounded(2).unwrap().to_string(), "3.33");
        assert_eq!(ratio(-1, 2).rounded(0).unwrap().to_string(), "-1");
        assert_eq!(ratio(1, -2), ratio(-2, 4));
        assert_eq!(Ratio::of("12.50".parse().unwrap()), Ok(ratio(25, 2)));
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        assert_eq!(Ratio::new(1, 0), Err(TooLarge));
        assert_eq!(Ratio::new(0, 0), Err(TooLarge));
        assert_eq!(ratio(1, 2).per(Ratio::ZERO), Ok(None));
        assert_eq!(ratio(1, 2).per(ratio(-1, 4)), Ok(Some(ratio(-2, 1))));
    }

    #[test]
    fn what_is_too_large_is_refused() {
        assert_eq!(ratio(i128::MAX, 1).plus(ratio(1, 1)), Err(TooLarge));
        assert_eq!(ratio(i128::MAX, 1).times(ratio(2, 1)), Err(TooLarge));
        assert_eq!(Ratio::new(i128::MIN, i128::MIN), Err(TooLarge));
    }

    prop_compose! {
        fn any_ratio()(numerator in -1_000_000_i128..1_000_000, denominator in 1_i128..5_000) -> Ratio {
            ratio(numerator, denominator)
        }
    }

    proptest! {
        #[test]
        fn arithmetic_can_be_undone(a in any_ratio(), b in any_ratio()) {
            prop_assert_eq!(a.plus(b), b.plus(a));
            prop_assert_eq!(a.plus(b).unwrap().minus(b), Ok(a));
            prop_assert_eq!(a.compare(b).unwrap(), b.compare(a).unwrap().reverse());
            if b != Ratio::ZERO {
                prop_assert_eq!(a.times(b).unwrap().per(b), Ok(Some(a)));
            }
        }
    }
}
