//! Whether what a subscription will bill can be charged: said before it is agreed to, because later there is
//! nobody to be asked for another amount. What of a period is no whole step of its gateway's is no reason to refuse it:
//! that is carried forward (docs/adr/0023-what-cannot-be-charged-is-carried-forward.md).

use uuid::Uuid;

use super::Refusal;
use crate::{
    gateway::GatewayName,
    id::InvoiceId,
    invoice::{Reduction, totals::Totals},
    money::Money,
    subscription::Subscription,
};

impl Subscription {
    /// How much of what is due its method can be charged. Without a method that is not known: all of it, until
    /// there is one.
    #[must_use]
    pub fn chargeable(&self, due: Money) -> Money {
        self.method.as_ref().map_or(due, |method| method.chargeable(due))
    }
}

/// The invoices of its periods, as it stands and as it is to be: with its discounts, and without them.
pub(super) fn check(subscription: &Subscription) -> Result<(), Refusal> {
    let mut then = Subscription { discounts: Vec::new(), ..subscription.clone() };
    for (place, discount) in subscription.discounts.iter().enumerate() {
        if let Reduction::Amount(amount) = discount.reduction {
            let checked = Money::new(amount, subscription.terms.price.unit.currency);
            checked.map_err(|why| Refusal::Discount { place, why })?;
        }
    }
    check_period(subscription)?;
    check_period(&then)?;
    if let Some(terms) = then.pending_terms.take() {
        check_period(&Subscription { terms: terms.clone(), ..subscription.clone() })?;
        check_period(&Subscription { terms, ..then })?;
    }
    Ok(())
}

fn check_period(subscription: &Subscription) -> Result<(), Refusal> {
    let lines = subscription.period_lines(InvoiceId(Uuid::nil()), &subscription.next_period()?)?;
    let money = Money { amount: Totals::of(&lines).total, currency: subscription.terms.price.unit.currency };
    if money.amount.is_zero() {
        return Ok(());
    }
    let gateways = match &subscription.method {
        Some(method) => vec![GatewayName::for_method(method.kind)],
        None => GatewayName::ALL.to_vec(),
    };
    let mut checked = gateways.into_iter().map(|gateway| gateway.check_bill(&money));
    let first = checked.next().unwrap_or(Ok(()));
    let told =
        |why| Refusal::NotChargeable(format!("an invoice over {money} cannot be charged: its amount {why}"));
    if checked.any(|checked| checked.is_ok()) { Ok(()) } else { first.map_err(told) }
}
