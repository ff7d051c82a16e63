//! What moves on the merchant's balance, and the entries in the books that go with it.
//!
//! Every movement is written twice and on purpose apart: as the transaction that the API shows, and in
//! the books, which only tests see.

use super::amounts;
use super::money_objects::{
    BalanceTransaction, Dispute, DisputeStatus, Refund, RefundStatus, TransactionKind,
};
use super::objects::{Charge, ChargeStatus, Intent, PaymentMethod, REFERENCE};
use super::store::{Change, StripeChange};
use super::test_cards::{self, Kind};
use crate::books;
use crate::clock::Moment;
use crate::ids::new_id;

/// The gateway's name in the books.
const GATEWAY: &str = "stripe";

/// A captured charge reaches the balance, less the fee.
pub(crate) fn take(charge: &mut Charge, method: &PaymentMethod, now: Moment) -> Change {
    let kind = if is_card(method) { TransactionKind::Charge } else { TransactionKind::Payment };
    let fee = amounts::fee(charge.amount_captured, &charge.currency);
    let transaction = new_transaction(kind, charge.amount_captured, fee, &charge.currency, &charge.id, now);
    charge.balance_transaction = Some(transaction.id.clone());
    stored(transaction)
}

/// A refund leaves the balance. The charge's fee is kept.
pub(crate) fn give_back(refund: &mut Refund, method: &PaymentMethod, now: Moment) -> Change {
    let kind = if is_card(method) { TransactionKind::Refund } else { TransactionKind::PaymentRefund };
    let transaction = new_transaction(kind, -refund.amount, 0, &refund.currency, &refund.id, now);
    refund.balance_transaction = Some(transaction.id.clone());
    stored(transaction)
}

/// A refund that had left comes back.
pub(crate) fn come_back(refund: &mut Refund, now: Moment) -> Change {
    let kind = TransactionKind::RefundFailure;
    let transaction = new_transaction(kind, refund.amount, 0, &refund.currency, &refund.id, now);
    refund.failure_balance_transaction = Some(transaction.id.clone());
    stored(transaction)
}

/// A dispute takes its amount and its fee.
pub(crate) fn withdraw(dispute: &mut Dispute, now: Moment) -> Change {
    let fee = amounts::dispute_fee(&dispute.currency);
    let kind = TransactionKind::Dispute;
    let transaction = new_transaction(kind, -dispute.amount, fee, &dispute.currency, &dispute.id, now);
    dispute.balance_transactions.push(transaction.id.clone());
    stored(transaction)
}

/// A dispute that was won gives its amount back, but not its fee.
pub(crate) fn reinstate(dispute: &mut Dispute, now: Moment) -> Change {
    let kind = TransactionKind::DisputeReversal;
    let transaction = new_transaction(kind, dispute.amount, 0, &dispute.currency, &dispute.id, now);
    dispute.balance_transactions.push(transaction.id.clone());
    stored(transaction)
}

fn is_card(method: &PaymentMethod) -> bool {
    test_cards::of(method).kind == Kind::Card
}

fn new_transaction(
    kind: TransactionKind,
    amount: i64,
    fee: i64,
    currency: &str,
    source: &str,
    now: Moment,
) -> BalanceTransaction {
    BalanceTransaction {
        id: new_id("txn"),
        created: now.seconds(),
        amount,
        fee,
        currency: currency.to_owned(),
        kind,
        source: source.to_owned(),
    }
}

fn stored(transaction: BalanceTransaction) -> Change {
    Change::Own(StripeChange::BalanceTransaction(Box::new(transaction)))
}

/// The books' entry for a charge: none unless money was taken or reserved.
pub(crate) fn booked_charge(intent: &Intent, charge: &Charge, status: books::Status) -> Option<Change> {
    let entry = || books::Charge {
        reference: intent.reference().map(str::to_owned),
        gateway: GATEWAY.to_owned(),
        id: charge.id.clone(),
        payment: intent.id.clone(),
        currency: charge.currency.clone(),
        decimals: amounts::decimals(&charge.currency),
        amount: charge.amount,
        captured: charge.amount_captured,
        fee: if charge.captured { amounts::fee(charge.amount_captured, &charge.currency) } else { 0 },
        status,
        created: charge.created,
    };
    (charge.status == ChargeStatus::Succeeded).then(|| Change::Books(entry()))
}

/// The books' entry for a refund.
pub(crate) fn booked_refund(intent: &Intent, refund: &Refund) -> Change {
    let payment = intent.reference().or(refund.metadata.get(REFERENCE).map(String::as_str));
    Change::BooksRefund(books::Refund {
        reference: refund.reference().map(str::to_owned),
        payment_reference: payment.map(str::to_owned),
        gateway: GATEWAY.to_owned(),
        id: refund.id.clone(),
        charge: refund.charge.clone(),
        currency: refund.currency.clone(),
        decimals: amounts::decimals(&refund.currency),
        amount: refund.amount,
        fee: 0,
        status: match refund.status {
            RefundStatus::Pending | RefundStatus::RequiresAction => books::RefundStatus::Pending,
            RefundStatus::Succeeded => books::RefundStatus::Succeeded,
            RefundStatus::Failed | RefundStatus::Canceled => books::RefundStatus::Failed,
        },
        created: refund.created,
    })
}

/// The books' entry for a dispute.
pub(crate) fn booked_dispute(intent: &Intent, dispute: &Dispute) -> Change {
    Change::BooksDispute(books::Dispute {
        payment_reference: intent.reference().map(str::to_owned),
        gateway: GATEWAY.to_owned(),
        id: dispute.id.clone(),
        charge: dispute.charge.clone(),
        currency: dispute.currency.clone(),
        decimals: amounts::decimals(&dispute.currency),
        amount: dispute.amount,
        fee: amounts::dispute_fee(&dispute.currency),
        status: match dispute.status {
            DisputeStatus::NeedsResponse | DisputeStatus::UnderReview => books::DisputeStatus::Open,
            DisputeStatus::Won => books::DisputeStatus::Won,
            DisputeStatus::Lost => books::DisputeStatus::Lost,
        },
        created: dispute.created,
    })
}
