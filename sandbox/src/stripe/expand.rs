//! References between objects: ids, unless the request asks for the whole object, and where that is
//! found.

use super::errors::StripeError;
use super::form::Params;
use super::money_objects::{BalanceTransaction, Dispute, Refund};
use super::objects::{Charge, Intent, PaymentMethod};
use super::store::{Change, Store, StripeChange};

/// Which references become whole objects: the request's `expand[]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expand(Vec<String>);

impl Expand {
    /// Reads `expand[]`. In a list the names start with `data.`, which is `prefix` then.
    pub(crate) fn read(params: &Params, prefix: &str, known: &[&str]) -> Result<Self, StripeError> {
        let names = params.list("expand").map(|name| {
            let inner = name.strip_prefix(prefix).filter(|inner| known.contains(inner));
            inner.map(str::to_owned).ok_or_else(|| {
                StripeError::invalid(format!("This property cannot be expanded ({name}).")).param("expand")
            })
        });
        names.collect::<Result<_, _>>().map(Self)
    }

    /// What is asked of the object behind this reference, if that is to be shown whole.
    pub(crate) fn within(&self, name: &str) -> Option<Self> {
        let mut wanted = false;
        let mut inner = Vec::new();
        for asked in &self.0 {
            match asked.strip_prefix(name) {
                Some("") => wanted = true,
                Some(rest) if rest.starts_with('.') => {
                    wanted = true;
                    inner.push(rest[1..].to_owned());
                }
                _ => {}
            }
        }
        wanted.then_some(Self(inner))
    }
}

/// What may be expanded in an intent.
pub(crate) const IN_INTENT: [&str; 7] = [
    "customer",
    "latest_charge",
    "latest_charge.balance_transaction",
    "latest_charge.customer",
    "latest_charge.refunds",
    "latest_charge.refunds.data.balance_transaction",
    "payment_method",
];

/// What may be expanded in a charge.
pub(crate) const IN_CHARGE: [&str; 5] =
    ["balance_transaction", "customer", "payment_intent", "refunds", "refunds.data.balance_transaction"];

/// What may be expanded in a refund.
pub(crate) const IN_REFUND: [&str; 5] = [
    "balance_transaction",
    "charge",
    "charge.balance_transaction",
    "failure_balance_transaction",
    "payment_intent",
];

/// What may be expanded in a customer.
pub(crate) const IN_CUSTOMER: [&str; 1] = ["invoice_settings.default_payment_method"];

/// What may be expanded in a payment method.
pub(crate) const IN_METHOD: [&str; 1] = ["customer"];

/// What may be expanded in a dispute.
pub(crate) const IN_DISPUTE: [&str; 3] = ["charge", "charge.balance_transaction", "payment_intent"];

/// What may be expanded in a balance transaction.
pub(crate) const IN_TRANSACTION: [&str; 2] = ["source", "source.payment_intent"];

/// Where the objects behind ids are found: fresh ones that are not stored yet, then the store.
#[derive(Clone, Copy)]
pub(crate) struct Shelf<'a> {
    pub(crate) store: &'a Store,
    fresh: &'a [Change],
}

impl<'a> Shelf<'a> {
    /// Only what is stored.
    pub(crate) fn stored(store: &'a Store) -> Self {
        Self { store, fresh: &[] }
    }

    /// What will be stored once these changes have happened.
    pub(crate) fn after(store: &'a Store, fresh: &'a [Change]) -> Self {
        Self { store, fresh }
    }

    fn find_fresh<T>(&self, find: impl Fn(&'a StripeChange) -> Option<&'a T>) -> Option<&'a T> {
        self.fresh.iter().rev().find_map(|change| match change {
            Change::Own(change) => find(change),
            _ => None,
        })
    }

    /// The intent with this id.
    pub(crate) fn intent(&self, id: &str) -> Option<&'a Intent> {
        let fresh = self.find_fresh(|change| match change {
            StripeChange::Intent(found) if found.id == id => Some(found.as_ref()),
            _ => None,
        });
        fresh.or_else(|| self.store.intents.get(id))
    }

    /// The charge with this id.
    pub(crate) fn charge(&self, id: &str) -> Option<&'a Charge> {
        let fresh = self.find_fresh(|change| match change {
            StripeChange::Charge(found) if found.id == id => Some(found.as_ref()),
            _ => None,
        });
        fresh.or_else(|| self.store.charges.get(id))
    }

    /// The payment method with this id.
    pub(crate) fn method(&self, id: &str) -> Option<&'a PaymentMethod> {
        let fresh = self.find_fresh(|change| match change {
            StripeChange::PaymentMethod(found) if found.id == id => Some(found),
            _ => None,
        });
        fresh.or_else(|| self.store.method(id))
    }

    /// The refund with this id.
    pub(crate) fn refund(&self, id: &str) -> Option<&'a Refund> {
        let fresh = self.find_fresh(|change| match change {
            StripeChange::Refund(found) if found.id == id => Some(found.as_ref()),
            _ => None,
        });
        fresh.or_else(|| self.store.refunds.get(id))
    }

    /// The refunds of this charge, newest first.
    pub(crate) fn refunds(&self, charge: &str) -> Vec<&'a Refund> {
        let fresh = self.find_fresh(|change| match change {
            StripeChange::Refund(found) if found.charge == charge => Some(found.as_ref()),
            _ => None,
        });
        let fresh_id = fresh.map(|fresh| fresh.id.as_str());
        let stored =
            self.store.refunds.of(charge).rev().filter(|refund| Some(refund.id.as_str()) != fresh_id);
        fresh.into_iter().chain(stored).collect()
    }

    /// The dispute with this id.
    pub(crate) fn dispute(&self, id: &str) -> Option<&'a Dispute> {
        let fresh = self.find_fresh(|change| match change {
            StripeChange::Dispute(found) if found.id == id => Some(found.as_ref()),
            _ => None,
        });
        fresh.or_else(|| self.store.disputes.get(id))
    }

    /// The balance transaction with this id.
    pub(crate) fn transaction(&self, id: &str) -> Option<&'a BalanceTransaction> {
        let fresh = self.find_fresh(|change| match change {
            StripeChange::BalanceTransaction(found) if found.id == id => Some(found.as_ref()),
            _ => None,
        });
        fresh.or_else(|| self.store.transactions.get(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nested_name_asks_for_its_parents_too() {
        let params = Params::parse(b"expand[]=data.latest_charge.balance_transaction").unwrap();
        let expand = Expand::read(&params, "data.", &IN_INTENT).unwrap();
        let charge = expand.within("latest_charge").unwrap();
        assert!(charge.within("balance_transaction").is_some());
        assert!(expand.within("latest").is_none());
        assert!(charge.within("customer").is_none());
    }
}
