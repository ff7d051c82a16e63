//! Stripe's balance transactions: what a movement of money did to our balance there, and what Stripe
//! kept of it. They are in the currency that Stripe pays out in, which need not be the payment's.

use crate::{
    gateway::stripe::{
        amount::from_minor_units,
        wire::{BalanceTransaction, Expandable},
    },
    money::Money,
};

impl BalanceTransaction {
    /// What Stripe kept; negative where it gave back.
    pub fn fee(&self) -> Option<Money> {
        money(self.fee, self.currency.as_deref())
    }

    /// Whether it took money from us.
    pub fn takes(&self) -> bool {
        self.amount.is_some_and(|amount| amount < 0)
    }
}

/// The fee of a movement; `None` while Stripe has not booked it.
pub fn fee_of(transaction: Option<&Expandable<BalanceTransaction>>) -> Option<Money> {
    transaction?.object()?.fee()
}

/// An amount, where both of its halves are there.
pub fn money(minor: Option<i64>, currency: Option<&str>) -> Option<Money> {
    from_minor_units(minor?, currency?)
}
