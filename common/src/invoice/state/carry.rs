//! An invoice that is tried by another gateway than the one that it opened for. What is due was measured by that one:
//! what this one cannot charge to the unit is carried forward as well.

use rust_decimal::Decimal;

use super::ToBalance;
use crate::{invoice::Invoice, money::Money};

/// What is due becomes what `chargeable` says of it; the customer's balance pays the rest, and may be below zero by it.
/// Where nothing of it is chargeable, nothing changes: its gateway declines it, and the retries end as they always do.
pub fn carry(invoice: &mut Invoice, chargeable: impl FnOnce(Money) -> Money) -> ToBalance {
    let due = invoice.due();
    let part = chargeable(due).amount;
    let rest = if part > Decimal::ZERO { due.amount - part } else { Decimal::ZERO };
    invoice.from_balance += rest;
    ToBalance(-rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gateway::GatewayName::{self, Paypal, Stripe},
        invoice::{Status, state::tests::invoice},
        money::Currency,
    };

    #[test]
    fn another_gateway_is_asked_for_what_it_can_charge() {
        for (gateway, currency, due, asked) in [
            (Paypal, "HUF", "2538.73", "2538"),
            (Paypal, "HUF", "2538", "2538"),
            (Paypal, "EUR", "9.99", "9.99"),
            (Stripe, "KWD", "1.999", "1.990"),
            (Stripe, "HUF", "2538.73", "2538.73"),
            // Less than its least, or than a step: declined as it always was.
            (Stripe, "EUR", "0.30", "0.30"),
            (Paypal, "HUF", "0.73", "0.73"),
        ] {
            let mut of = invoice(Status::Open, due);
            of.currency = Currency::from_code(currency).unwrap();
            let total = of.total;
            for _ in 0..2 {
                let before = of.from_balance;
                let ToBalance(carried) = carry(&mut of, |due| GatewayName::chargeable(gateway, due));
                assert_eq!(of.due().amount, asked.parse().unwrap(), "{due} {currency}");
                assert_eq!(of.from_balance + of.due().amount, total, "{due} {currency}");
                assert_eq!(carried, before - of.from_balance, "{due} {currency}: asked again, nothing more");
            }
        }
    }
}
