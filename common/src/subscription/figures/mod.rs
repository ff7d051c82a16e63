//! The figures of a business of subscriptions, in one currency at one instant. They are exact, and rounded
//! only when they are shown.

mod ratio;

use std::collections::BTreeMap;

use super::{Status, Subscription};
use crate::{
    id::{CustomerId, InvoiceId},
    invoice::{
        Discount, Span, TaxRate,
        rounding::TooLarge,
        totals::{self, Item, Sale, Totals},
    },
    money::Currency,
    plan::{Interval, Price, Unit},
};

pub use ratio::Ratio;

/// What of a subscription its revenue is made of, at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurring {
    /// Who pays.
    pub customer_id: CustomerId,
    /// Where it stands.
    pub status: Status,
    /// What a seat costs.
    pub price: Price,
    /// How many seats.
    pub quantity: u32,
    /// What is taken off, in this order.
    pub discounts: Vec<Discount>,
    /// The tax.
    pub tax: Option<TaxRate>,
}

impl From<&Subscription> for Recurring {
    fn from(subscription: &Subscription) -> Self {
        Self {
            customer_id: subscription.customer_id,
            status: subscription.status,
            price: subscription.terms.price,
            quantity: subscription.terms.quantity,
            discounts: subscription.discounts.clone(),
            tax: subscription.tax.clone(),
        }
    }
}

/// Monthly recurring revenue, by customer: of one currency, at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revenue {
    currency: Currency,
    by_customer: BTreeMap<CustomerId, Ratio>,
}

/// What became of customers and revenue between two instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Churn {
    /// How many paid at the start.
    pub customers_at_start: u64,
    /// How many of these pay nothing at the end.
    pub customers_lost: u64,
    /// What was paid at the start.
    pub revenue_at_start: Ratio,
    /// What those who were there at the start pay less at the end, all of it or a part. What others pay more
    /// does not make up for it.
    pub revenue_lost: Ratio,
}

/// What the retries have brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Invoices whose first attempt failed.
    pub failed: u64,
    /// Those of them that were paid before their retry schedule ended.
    pub recovered: u64,
}

impl Revenue {
    /// The revenue of all `subscriptions` that are in `currency`.
    pub fn of(
        currency: Currency,
        subscriptions: impl IntoIterator<Item: Into<Recurring>>,
    ) -> Result<Self, TooLarge> {
        let mut by_customer = BTreeMap::new();
        let ours = |recurring: &Recurring| recurring.price.unit.currency == currency;
        for recurring in subscriptions.into_iter().map(Into::into).filter(ours) {
            let sum = by_customer.entry(recurring.customer_id).or_insert(Ratio::ZERO);
            *sum = sum.plus(monthly_revenue(recurring)?)?;
        }
        Ok(Self { currency, by_customer })
    }

    /// What it is counted in.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// All of it: MRR.
    pub fn total(&self) -> Result<Ratio, TooLarge> {
        self.by_customer.values().try_fold(Ratio::ZERO, |sum, revenue| sum.plus(*revenue))
    }

    /// How many customers pay something.
    #[must_use]
    pub fn customers(&self) -> u64 {
        self.by_customer.values().map(|revenue| u64::from(revenue.is_positive())).sum()
    }

    /// Revenue per customer that pays something: ARPU. `None` without any.
    pub fn per_customer(&self) -> Result<Option<Ratio>, TooLarge> {
        self.total()?.per(Ratio::new(self.customers().into(), 1)?)
    }

    /// What became of it until `end`.
    pub fn churn(&self, end: &Self) -> Result<Churn, TooLarge> {
        let mut churn = Churn {
            customers_at_start: self.customers(),
            customers_lost: 0,
            revenue_at_start: self.total()?,
            revenue_lost: Ratio::ZERO,
        };
        for (customer, before) in &self.by_customer {
            let after = end.by_customer.get(customer).copied().unwrap_or(Ratio::ZERO);
            churn.customers_lost += u64::from(before.is_positive() && !after.is_positive());
            let less = before.minus(after)?;
            if less.is_positive() {
                churn.revenue_lost = churn.revenue_lost.plus(less)?;
            }
        }
        Ok(churn)
    }
}

impl Churn {
    /// Customers lost, of those who paid at the start. `None` without any.
    pub fn of_customers(&self) -> Result<Option<Ratio>, TooLarge> {
        share(self.customers_lost, self.customers_at_start)
    }

    /// Revenue lost, of that at the start: gross MRR churn. `None` without any.
    pub fn of_revenue(&self) -> Result<Option<Ratio>, TooLarge> {
        self.revenue_lost.per(self.revenue_at_start)
    }
}

impl Recovery {
    /// Invoices recovered, of those whose first attempt failed. `None` without any.
    pub fn rate(&self) -> Result<Option<Ratio>, TooLarge> {
        share(self.recovered, self.failed)
    }
}

fn share(part: u64, whole: u64) -> Result<Option<Ratio>, TooLarge> {
    Ratio::new(part.into(), 1)?.per(Ratio::new(whole.into(), 1)?)
}

/// What a subscription brings in a month: its next invoice without tax and without discounts that end, as
/// long as it renews and is not free.
pub fn monthly_revenue(of: impl Into<Recurring>) -> Result<Ratio, TooLarge> {
    let Recurring { status, price, quantity, discounts, tax, .. } = of.into();
    match status {
        Status::Active | Status::PastDue => {}
        Status::Incomplete
        | Status::IncompleteExpired
        | Status::Trialing
        | Status::Unpaid
        | Status::Paused
        | Status::Canceled => return Ok(Ratio::ZERO),
    }
    let currency = price.unit.currency;
    let lasting: Vec<_> = discounts.into_iter().filter(Discount::is_lasting).collect();
    // One day is as good as any other: a whole period costs what it costs.
    let days = Span { from: Default::default(), to: Default::default() };
    let sale = Sale::period("", price.unit.amount, quantity, days, currency)?;
    let invoice = InvoiceId(uuid::Uuid::nil());
    let terms = totals::Terms { invoice, currency, discounts: &lasting, tax: tax.as_ref() };
    let totals = Totals::of(&totals::lines(&[Item::Sale(sale)], &terms)?);
    Ratio::of(totals.total - totals.tax)?.times(months_in(price.interval)?)
}

/// How many of that interval a month has.
fn months_in(interval: Interval) -> Result<Ratio, TooLarge> {
    let count = i128::from(interval.count());
    match interval.unit() {
        Unit::Day => Ratio::new(365, 12 * count),
        Unit::Week => Ratio::new(52, 12 * count),
        Unit::Month => Ratio::new(1, count),
        Unit::Year => Ratio::new(1, 12 * count),
    }
}

#[cfg(test)]
mod tests;
