//! A subscription: a price that is billed again and again.
//!
//! [`state`] decides what becomes of it, [`calendar`] when its periods begin, [`proration`] what a change
//! within one costs. What it owes is on [invoices](crate::invoice), which have rules of their own.

pub mod calendar;
pub mod figures;
pub mod proration;
pub mod state;
pub mod store;

use serde::Serialize;

pub use chrono_tz::Tz;

/// The retries of what a subscription owes.
pub use crate::invoice::dunning;

use crate::{
    clock::Timestamp,
    customer::PaymentMethod,
    id::{CustomerId, InvoiceId, MerchantId, PlanId, SubscriptionId},
    invoice::{
        Debtor, Discount, Line, TaxRate,
        rounding::TooLarge,
        totals::{self, Item, Sale},
    },
    metadata::Metadata,
    name::names,
    plan::Price,
};
use calendar::{Anchor, OutOfCalendar, Period};

/// Where a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its first invoice is not paid yet.
    Incomplete,
    /// Its first invoice was not paid in time.
    IncompleteExpired,
    /// Free, up to a day.
    Trialing,
    /// It renews, and everything is paid or on its way.
    Active,
    /// It renews, and something was declined.
    PastDue,
    /// It renews no more until what is open is paid.
    Unpaid,
    /// It rests: nothing is billed.
    Paused,
    /// It has ended.
    Canceled,
}

names!(
    Status,
    Incomplete => "incomplete", IncompleteExpired => "incomplete_expired", Trialing => "trialing",
    Active => "active", PastDue => "past_due", Unpaid => "unpaid", Paused => "paused",
    Canceled => "canceled",
);

impl Status {
    /// Whether it has ended for good.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::IncompleteExpired | Self::Canceled)
    }

    /// Whether its next boundary means something: a renewal, or the end of its trial.
    #[must_use]
    pub fn renews(self) -> bool {
        matches!(self, Self::Trialing | Self::Active | Self::PastDue)
    }
}

/// What is subscribed to, as it was agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The plan.
    pub plan_id: PlanId,
    /// The plan's name.
    pub name: String,
    /// The plan's price.
    pub price: Price,
    /// How many seats; at least one.
    pub quantity: u32,
}

/// What becomes of a trial that ends without a payment method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WithoutMethod {
    /// It rests until there is one.
    #[default]
    Pause,
    /// It ends.
    Cancel,
}

names!(WithoutMethod, Pause => "pause", Cancel => "cancel");

/// What a dispute of one of its payments does to a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDispute {
    /// It goes on.
    #[default]
    Keep,
    /// It ends at once, and nothing of its period is given back: the payer's bank has done that.
    Cancel,
}

names!(OnDispute, Keep => "keep", Cancel => "cancel");

/// A subscription, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its name.
    pub id: SubscriptionId,
    /// Whose customer it is.
    pub merchant_id: MerchantId,
    /// Who pays.
    pub customer_id: CustomerId,
    /// For what.
    pub terms: Terms,
    /// What is taken off its invoices, in this order.
    pub discounts: Vec<Discount>,
    /// The tax on them.
    pub tax: Option<TaxRate>,
    /// How it is paid.
    pub method: Option<PaymentMethod>,
    /// Where it stands.
    pub status: Status,
    /// Where its periods are counted from.
    pub anchor: Anchor,
    /// The last period that began; `None` while it is in its trial.
    pub current_period: Option<Period>,
    /// The invoice that was made last. The store knows.
    pub latest_invoice: Option<InvoiceId>,
    /// The number of the period that is billed next.
    pub next_period_index: u32,
    /// How many changes within periods were billed: the number of the last.
    pub change_seq: u32,
    /// How many of its seats came without proration: nothing was billed for them, until the period ends.
    pub free_seats: u32,
    /// When its trial ends, or ended.
    pub trial_ends_at: Option<Timestamp>,
    /// What then, without a payment method.
    pub without_method: WithoutMethod,
    /// What a dispute of one of its payments does to it.
    pub on_dispute: OnDispute,
    /// It ends with the period.
    pub cancel_at_period_end: bool,
    /// It rests from the end of the period on.
    pub pause_at_period_end: bool,
    /// The terms from the next boundary on.
    pub pending_terms: Option<Terms>,
    /// The zone from the next boundary on.
    pub pending_zone: Option<Tz>,
    /// So many renewals were missed that a person must decide: how many.
    pub missed_renewals: Option<u32>,
    /// Up to this period a person has let missed renewals be billed.
    pub catch_up_to: Option<u32>,
    /// The merchant's own keys and values.
    pub metadata: Metadata,
    /// How often it was stored: its ETag. The store counts.
    pub version: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl Subscription {
    /// It, as one who owes invoices.
    #[must_use]
    pub fn debtor(&self) -> Debtor {
        Debtor { subscription: self.id, is_unpaid: self.status == Status::Unpaid }
    }

    /// The period that is billed next; its start is when. It begins where the one before it ended, whatever
    /// has become of the zone since.
    pub fn next_period(&self) -> Result<Period, OutOfCalendar> {
        let period = self.anchor.period(self.terms.price.interval, self.next_period_index)?;
        let start = match self.current_period {
            Some(current) if current.index + 1 == period.index && self.anchor.index < period.index => {
                current.end
            }
            Some(current) => period.start.max(current.end),
            None => period.start,
        };
        Ok(Period { start, end: period.end.max(start), ..period })
    }

    /// When its next boundary comes; `None` where it does not renew.
    pub fn next_boundary(&self) -> Result<Option<Timestamp>, OutOfCalendar> {
        self.status.renews().then(|| self.next_period().map(|period| period.start)).transpose()
    }

    /// The lines of the invoice for a whole period.
    pub fn period_lines(&self, invoice: InvoiceId, period: &Period) -> Result<Vec<Line>, TooLarge> {
        let Terms { name, price, quantity, .. } = &self.terms;
        let sale = Sale::period(name, price.unit.amount, *quantity, period.days, price.unit.currency)?;
        self.lines(invoice, &[Item::Sale(sale)], |discount| discount.covers(period.index))
    }

    /// The lines of the invoice for a change within period `index`.
    pub fn change_lines(
        &self,
        invoice: InvoiceId,
        index: u32,
        items: &[Item],
    ) -> Result<Vec<Line>, TooLarge> {
        self.lines(invoice, items, |discount| discount.covers(index))
    }

    fn lines(
        &self,
        invoice: InvoiceId,
        items: &[Item],
        applies: impl Fn(&&Discount) -> bool,
    ) -> Result<Vec<Line>, TooLarge> {
        let discounts: Vec<Discount> = self.discounts.iter().filter(applies).cloned().collect();
        let currency = self.terms.price.unit.currency;
        totals::lines(
            items,
            &totals::Terms { invoice, currency, discounts: &discounts, tax: self.tax.as_ref() },
        )
    }
}
