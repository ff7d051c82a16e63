//! Stripe's tables, the changes that fill them, and what is due when.
//!
//! Endpoints only read the store and answer with the changes they want; applying a change is the same
//! whether it has just been decided or is read back from the journal.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::idempotency::{Answer, Answers};
use super::money_objects::{BalanceTransaction, Dispute, Refund};
use super::objects::{CUSTOMER_REFERENCE, Charge, Customer, Intent, PaymentMethod, referred};
use super::table::{Row, Table};
use crate::engine::state::{self, Recorded};

/// One change of Stripe's state, as the journal keeps it: the whole object as it is afterwards.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StripeChange {
    Intent(Box<Intent>),
    Charge(Box<Charge>),
    Refund(Box<Refund>),
    Dispute(Box<Dispute>),
    BalanceTransaction(Box<BalanceTransaction>),
    PaymentMethod(PaymentMethod),
    Customer(Customer),
    /// An answer to be repeated under its idempotency key.
    Answer(Answer),
    /// A token's fault has struck the first request of this name and lets the later ones pass.
    FaultSpent(String),
    /// The API key of this digest is good for nothing any more.
    KeyRevoked(String),
}

/// A change of Stripe's state or of what it shares with the others.
pub(crate) type Change = state::Change<StripeChange>;

impl Recorded for StripeChange {
    const NAME: &'static str = "stripe";
}

/// An object to which something happens by itself, by its place in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// A debit settles, or an authorization expires.
    Intent(usize),
    /// A dispute is opened.
    Charge(usize),
    /// A refund ends.
    Refund(usize),
    /// A dispute is decided.
    Dispute(usize),
}

/// All of Stripe's state.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) intents: Table<Intent>,
    pub(crate) charges: Table<Charge>,
    pub(crate) refunds: Table<Refund>,
    pub(crate) disputes: Table<Dispute>,
    pub(crate) transactions: Table<BalanceTransaction>,
    due: BTreeSet<(i64, Due)>,
    methods: HashMap<String, PaymentMethod>,
    customers: HashMap<String, Customer>,
    spent_faults: HashSet<String>,
    revoked_keys: HashSet<String>,
    pub(crate) answers: Answers,
}

impl Store {
    /// Makes a change happen.
    pub(crate) fn apply(&mut self, change: StripeChange) {
        match change {
            StripeChange::Intent(intent) => put(&mut self.intents, *intent, &mut self.due, Due::Intent),
            StripeChange::Charge(charge) => put(&mut self.charges, *charge, &mut self.due, Due::Charge),
            StripeChange::Refund(refund) => put(&mut self.refunds, *refund, &mut self.due, Due::Refund),
            StripeChange::Dispute(dispute) => put(&mut self.disputes, *dispute, &mut self.due, Due::Dispute),
            StripeChange::BalanceTransaction(transaction) => {
                self.transactions.put(*transaction);
            }
            StripeChange::PaymentMethod(method) => {
                self.methods.insert(method.id.clone(), method);
            }
            StripeChange::Customer(customer) => {
                self.customers.insert(customer.id.clone(), customer);
            }
            StripeChange::Answer(answer) => self.answers.keep(answer),
            StripeChange::FaultSpent(scope) => {
                self.spent_faults.insert(scope);
            }
            StripeChange::KeyRevoked(digest) => {
                self.revoked_keys.insert(digest);
            }
        }
    }

    /// The intents that carry this reference.
    pub(crate) fn intents_of_reference<'a>(
        &'a self,
        reference: &str,
    ) -> impl Iterator<Item = &'a Intent> + use<'a> {
        self.intents.of(&referred(reference))
    }

    /// What has been due longest at this moment (milliseconds).
    pub(crate) fn first_due(&self, now_ms: i64) -> Option<Due> {
        self.due.first().filter(|(due_ms, _)| *due_ms <= now_ms).map(|(_, due)| *due)
    }

    /// The payment method with this id.
    pub(crate) fn method(&self, id: &str) -> Option<&PaymentMethod> {
        self.methods.get(id)
    }

    /// The customer with this id.
    pub(crate) fn customer(&self, id: &str) -> Option<&Customer> {
        self.customers.get(id)
    }

    /// All customers who carry this reference, each with the ids of what they have saved.
    pub(crate) fn saved(&self, reference: &str) -> Vec<(&Customer, Vec<&str>)> {
        let is_theirs = |customer: &&Customer| {
            customer.metadata.get(CUSTOMER_REFERENCE).is_some_and(|theirs| theirs == reference)
        };
        let customers = self.customers.values().filter(is_theirs);
        customers.map(|customer| (customer, self.saved_by(&customer.id))).collect()
    }

    fn saved_by(&self, customer: &str) -> Vec<&str> {
        let saved = self.methods.values().filter(|method| method.customer.as_deref() == Some(customer));
        saved.map(|method| method.id.as_str()).collect()
    }

    /// Whether the API key of this digest was revoked.
    pub(crate) fn is_revoked(&self, digest: &str) -> bool {
        self.revoked_keys.contains(digest)
    }

    /// Whether a token's fault has struck this request already.
    pub(crate) fn fault_spent(&self, scope: &str) -> bool {
        self.spent_faults.contains(scope)
    }
}

/// Puts an object into its table and notes when something will happen to it.
fn put<T: Row>(table: &mut Table<T>, row: T, due: &mut BTreeSet<(i64, Due)>, at: fn(usize) -> Due) {
    let old = table.get(row.id()).and_then(Row::due_ms);
    let new = row.due_ms();
    let place = table.put(row);
    if let Some(old) = old {
        due.remove(&(old, at(place)));
    }
    if let Some(new) = new {
        due.insert((new, at(place)));
    }
}
