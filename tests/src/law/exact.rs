//! Money without rounding: whole numbers of the billionth part of a coin.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Neg, Sub, SubAssign},
};

/// An amount of money, exact but for billionths of the currency's smallest coin.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Exact(i128);

const PARTS: i128 = 1_000_000_000;

impl Exact {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many coins.
    #[must_use]
    pub fn coins(coins: i64) -> Self {
        Self(i128::from(coins) * PARTS)
    }

    /// So many halves of a coin: what so many roundings may be off by.
    #[must_use]
    pub fn halves(halves: i64) -> Self {
        Self(i128::from(halves) * PARTS / 2)
    }

    /// `part ÷ whole` of it.
    #[must_use]
    pub fn share(self, part: i64, whole: i64) -> Self {
        Self(self.0 * i128::from(part) / i128::from(whole))
    }

    /// So many times.
    #[must_use]
    pub fn times(self, count: i64) -> Self {
        Self(self.0 * i128::from(count))
    }

    /// Without its sign.
    #[must_use]
    pub fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// Not below zero.
    #[must_use]
    pub fn or_nothing(self) -> Self {
        self.max(Self::ZERO)
    }
}

impl Add for Exact {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Exact {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Exact {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Exact {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl SubAssign for Exact {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl Sum for Exact {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        Self(all.map(|one| one.0).sum())
    }
}

/// In coins, with what is there of their hundredths.
impl fmt::Debug for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, all) = (if self.0 < 0 { "-" } else { "" }, self.0.abs());
        write!(f, "{sign}{}.{:02}", all / PARTS, all % PARTS * 100 / PARTS)
    }
}
