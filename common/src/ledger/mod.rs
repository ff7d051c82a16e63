//! The books: double entry. Every movement of money is a [`Posting`], written by the store of its noun in
//! the transaction of the change that it records. What turns out wrong is reversed, never edited.

pub mod store;

use rust_decimal::Decimal;
use uuid::Uuid;

use crate::{
    gateway::GatewayName,
    id::MerchantId,
    money::{Currency, Money},
    name::names,
};

/// Where money is, or where it went: per merchant and currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Account {
    /// What the gateway owes us.
    GatewayClearing,
    /// What was taken from payers.
    Sales,
    /// What was given back to them.
    Refunds,
    /// What the gateway keeps.
    Fees,
    /// What payers' banks took back.
    Disputes,
    /// What was moved twice, until it is put right.
    Duplicates,
}

/// What moved. With its subject it names a ledger transaction, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Money was taken.
    PaymentCaptured,
    /// The gateway's fee for it.
    PaymentFee,
    /// Money was given back.
    RefundSucceeded,
    /// The gateway's fee for that, or a part of the payment's fee that it gives back.
    RefundFee,
    /// A refund that we had recorded came back.
    RefundFailed,
    /// A payer's bank took money back.
    DisputeWithdrawn,
    /// The gateway's fee for that.
    DisputeFee,
    /// The bank gave it again.
    DisputeReinstated,
    /// Money was taken a second time.
    DuplicateCaptured,
    /// Money was given back a second time.
    DuplicateRefunded,
    /// The gateway's fee for either.
    DuplicateFee,
    /// It was put right at the gateway. Positive: what had been given back is here again.
    DuplicateSettled,
}

names!(
    Account,
    GatewayClearing => "gateway_clearing", Sales => "sales", Refunds => "refunds", Fees => "fees",
    Disputes => "disputes", Duplicates => "duplicates",
);
names!(
    Kind,
    PaymentCaptured => "payment.captured", PaymentFee => "payment.fee", RefundSucceeded => "refund.succeeded",
    RefundFee => "refund.fee", RefundFailed => "refund.failed", DisputeWithdrawn => "dispute.withdrawn",
    DisputeFee => "dispute.fee", DisputeReinstated => "dispute.reinstated",
    DuplicateCaptured => "duplicate.captured", DuplicateRefunded => "duplicate.refunded",
    DuplicateFee => "duplicate.fee", DuplicateSettled => "duplicate.settled",
);

/// A ledger transaction: an amount that leaves one account for another. It cannot be out of balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting {
    /// Whose books.
    pub merchant_id: MerchantId,
    /// Which gateway moved it.
    pub gateway: GatewayName,
    /// The payment, refund or dispute.
    pub subject: Uuid,
    /// What moved.
    pub kind: Kind,
    /// The account that is debited.
    pub debit: Account,
    /// The account that is credited.
    pub credit: Account,
    /// How much; positive.
    pub money: Money,
}

/// Whose money, moved by whom, on account of what: what the postings of one change share.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// Whose books.
    pub merchant_id: MerchantId,
    /// Which gateway moved it.
    pub gateway: GatewayName,
    /// The payment, refund or dispute.
    pub id: Uuid,
}

impl Subject {
    /// The posting of a movement of that kind. `None` where nothing moves.
    #[must_use]
    pub fn posting(self, kind: Kind, money: Money) -> Option<Posting> {
        let (debit, credit) = match kind {
            Kind::PaymentCaptured => (Account::GatewayClearing, Account::Sales),
            Kind::PaymentFee | Kind::RefundFee | Kind::DisputeFee | Kind::DuplicateFee => {
                (Account::Fees, Account::GatewayClearing)
            }
            Kind::RefundSucceeded => (Account::Refunds, Account::GatewayClearing),
            Kind::RefundFailed => (Account::GatewayClearing, Account::Refunds),
            Kind::DisputeWithdrawn => (Account::Disputes, Account::GatewayClearing),
            Kind::DisputeReinstated => (Account::GatewayClearing, Account::Disputes),
            Kind::DuplicateCaptured | Kind::DuplicateSettled => {
                (Account::GatewayClearing, Account::Duplicates)
            }
            Kind::DuplicateRefunded => (Account::Duplicates, Account::GatewayClearing),
        };
        // What is given back goes the other way: a fee, or what was taken twice.
        let (debit, credit) = if money.amount.is_sign_negative() { (credit, debit) } else { (debit, credit) };
        (!money.amount.is_zero()).then_some(Posting {
            merchant_id: self.merchant_id,
            gateway: self.gateway,
            subject: self.id,
            kind,
            debit,
            credit,
            money: Money { amount: money.amount.abs(), ..money },
        })
    }
}

/// What an account holds: debits are positive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// Which gateway's.
    pub gateway: GatewayName,
    /// The account.
    pub account: Account,
    /// The currency.
    pub currency: Currency,
    /// What it holds.
    pub amount: Decimal,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posting(kind: Kind, amount: &str) -> Option<(Account, Account, String)> {
        let subject =
            Subject { merchant_id: MerchantId::new(), gateway: GatewayName::Stripe, id: Uuid::nil() };
        let money = Money { amount: amount.parse().unwrap(), currency: Currency::from_code("EUR").unwrap() };
        let posting = subject.posting(kind, money)?;
        Some((posting.debit, posting.credit, posting.money.to_string()))
    }

    #[test]
    fn every_movement_has_its_two_sides() {
        use Account::{Disputes, Duplicates, Fees, GatewayClearing, Refunds, Sales};
        for (kind, debit, credit) in [
            (Kind::PaymentCaptured, GatewayClearing, Sales),
            (Kind::PaymentFee, Fees, GatewayClearing),
            (Kind::RefundSucceeded, Refunds, GatewayClearing),
            (Kind::RefundFee, Fees, GatewayClearing),
            (Kind::RefundFailed, GatewayClearing, Refunds),
            (Kind::DisputeWithdrawn, Disputes, GatewayClearing),
            (Kind::DisputeFee, Fees, GatewayClearing),
            (Kind::DisputeReinstated, GatewayClearing, Disputes),
            (Kind::DuplicateCaptured, GatewayClearing, Duplicates),
            (Kind::DuplicateRefunded, Duplicates, GatewayClearing),
            (Kind::DuplicateFee, Fees, GatewayClearing),
            (Kind::DuplicateSettled, GatewayClearing, Duplicates),
        ] {
            assert_eq!(posting(kind, "1.50"), Some((debit, credit, "1.50 EUR".into())), "{kind}");
        }
    }

    #[test]
    fn a_fee_given_back_goes_the_other_way_and_nothing_is_no_movement() {
        let back = posting(Kind::RefundFee, "-0.30");
        assert_eq!(back, Some((Account::GatewayClearing, Account::Fees, "0.30 EUR".into())));
        let back = posting(Kind::DuplicateSettled, "-1.50");
        assert_eq!(back, Some((Account::Duplicates, Account::GatewayClearing, "1.50 EUR".into())));
        assert_eq!(posting(Kind::PaymentFee, "0.00"), None);
    }
}
