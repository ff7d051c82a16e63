//! Up to which amounts a key may be used: for a shop's plugin, or for an agent that pays by itself. Where there is a cap
//! of amounts, a currency that it does not name cannot be paid in.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money::{Currency, Money};

/// The caps of a key. Each that is empty is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caps {
    /// What one payment may come to, at most: one amount for each currency.
    pub payment: Vec<Money>,
    /// What all payments of a day (UTC) may come to together: one amount for each currency.
    pub day: Vec<Money>,
    /// It refunds only payments that were made by it.
    pub own_payments_only: bool,
}

/// Over which cap a request is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverCap {
    /// One payment is more than this.
    Payment(Money),
    /// The payments of a day are more than this, with this one.
    Day(Money),
    /// There is a cap of amounts, and this currency is not in it.
    OtherCurrency(Currency),
    /// The payment was not made by this key.
    NotItsOwn,
}

impl Caps {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.payment.is_empty() && self.day.is_empty() && !self.own_payments_only
    }

    /// Whether amounts are capped.
    #[must_use]
    pub fn is_of_amounts(&self) -> bool {
        !self.payment.is_empty() || !self.day.is_empty()
    }

    /// Whether so much may be paid at once. Answers what may be paid in a day, if that is capped.
    pub fn check(&self, money: Money) -> Result<Option<Money>, OverCap> {
        let of_payment = of_currency(&self.payment, money.currency)?;
        let of_day = of_currency(&self.day, money.currency)?;
        match (of_payment, of_day) {
            (Some(cap), _) if money.amount > cap.amount => Err(OverCap::Payment(cap)),
            (_, Some(cap)) if money.amount > cap.amount => Err(OverCap::Day(cap)),
            (_, of_day) => Ok(of_day),
        }
    }
}

fn of_currency(caps: &[Money], currency: Currency) -> Result<Option<Money>, OverCap> {
    match caps.iter().find(|cap| cap.currency == currency) {
        None if !caps.is_empty() => Err(OverCap::OtherCurrency(currency)),
        found => Ok(found.copied()),
    }
}

impl OverCap {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Payment(_) => "cap-payment-amount",
            Self::Day(_) => "cap-daily-amount",
            Self::OtherCurrency(_) => "cap-currency",
            Self::NotItsOwn => "cap-own-payments",
        }
    }
}

impl fmt::Display for OverCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payment(cap) => write!(f, "this key makes payments of {cap} at most"),
            Self::Day(cap) => write!(f, "this key makes payments of {cap} in a day (UTC) at most"),
            Self::OtherCurrency(currency) => write!(f, "the caps of this key do not name {currency}"),
            Self::NotItsOwn => f.write_str("this key refunds only payments that were made with it"),
        }
    }
}

/// As it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct CapsRow {
    payment: Vec<(Decimal, String)>,
    day: Vec<(Decimal, String)>,
    own_payments_only: bool,
}

impl From<&Caps> for CapsRow {
    fn from(caps: &Caps) -> Self {
        let all = |caps: &[Money]| {
            caps.iter().map(|cap| (cap.amount, cap.currency.code().to_owned())).collect::<Vec<_>>()
        };
        Self { payment: all(&caps.payment), day: all(&caps.day), own_payments_only: caps.own_payments_only }
    }
}

impl TryFrom<CapsRow> for Caps {
    type Error = crate::db::row::InvalidColumn;

    fn try_from(row: CapsRow) -> Result<Self, Self::Error> {
        let all = |caps: Vec<(Decimal, String)>| {
            let money = |(amount, code): (Decimal, String)| {
                Ok(Money { amount, currency: crate::db::row::currency(&code)? })
            };
            caps.into_iter().map(money).collect::<Result<Vec<_>, Self::Error>>()
        };
        Ok(Self { payment: all(row.payment)?, day: all(row.day)?, own_payments_only: row.own_payments_only })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: &str, currency: &str) -> Money {
        Money { amount: amount.parse().unwrap(), currency: Currency::from_code(currency).unwrap() }
    }

    #[test]
    fn a_payment_is_held_against_each_cap_of_its_currency() {
        let none = Caps::default();
        assert_eq!(none.check(money("1000000", "EUR")), Ok(None));
        let caps = Caps {
            payment: vec![money("50", "EUR"), money("60", "USD")],
            day: vec![money("100", "EUR"), money("40", "USD")],
            own_payments_only: false,
        };
        assert_eq!(caps.check(money("50.00", "EUR")), Ok(Some(money("100", "EUR"))));
        assert_eq!(caps.check(money("50.01", "EUR")), Err(OverCap::Payment(money("50", "EUR"))));
        assert_eq!(caps.check(money("41", "USD")), Err(OverCap::Day(money("40", "USD"))));
        assert_eq!(
            caps.check(money("1", "JPY")),
            Err(OverCap::OtherCurrency(Currency::from_code("JPY").unwrap()))
        );
        let of_payment_alone = Caps { day: Vec::new(), ..caps };
        assert_eq!(of_payment_alone.check(money("60", "USD")), Ok(None));
    }

    #[test]
    fn caps_are_as_they_were_when_they_are_read_again() {
        let caps = Caps { payment: vec![money("50.25", "EUR")], day: Vec::new(), own_payments_only: true };
        let stored = serde_json::to_value(CapsRow::from(&caps)).unwrap();
        let read: CapsRow = serde_json::from_value(stored).unwrap();
        assert_eq!(Caps::try_from(read).unwrap(), caps);
    }
}
