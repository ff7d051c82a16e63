//! Stripe's tables, the changes that fill them, and the indexes that keep every request quick.
//!
//! Endpoints only read the store and answer with the changes they want; applying a change is the same
//! whether it has just been decided or is read back from the journal.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::idempotency::{Answer, Answers};
use super::objects::{Charge, Customer, Intent, PaymentMethod};

/// One change of Stripe's state, as the journal keeps it: the whole object as it is afterwards.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    Intent(Box<Intent>),
    Charge(Box<Charge>),
    PaymentMethod(PaymentMethod),
    Customer(Customer),
    /// An answer to be repeated under its idempotency key.
    Answer(Answer),
    /// A token's fault has struck the first request of this name and lets the later ones pass.
    FaultSpent(String),
}

/// All of Stripe's state.
#[derive(Default)]
pub(crate) struct Store {
    /// Every intent, in the order of creation, which is also the order of `created`.
    intents: Vec<Intent>,
    places: HashMap<String, usize>,
    by_customer: HashMap<String, Vec<usize>>,
    by_reference: HashMap<String, Vec<usize>>,
    due: BTreeSet<(i64, usize)>,
    charges: HashMap<String, Charge>,
    methods: HashMap<String, PaymentMethod>,
    customers: HashMap<String, Customer>,
    spent_faults: HashSet<String>,
    pub(crate) answers: Answers,
}

impl Store {
    /// Makes a change happen.
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Intent(intent) => self.put_intent(*intent),
            Change::Charge(charge) => {
                self.charges.insert(charge.id.clone(), *charge);
            }
            Change::PaymentMethod(method) => {
                self.methods.insert(method.id.clone(), method);
            }
            Change::Customer(customer) => {
                self.customers.insert(customer.id.clone(), customer);
            }
            Change::Answer(answer) => self.answers.keep(answer),
            Change::FaultSpent(scope) => {
                self.spent_faults.insert(scope);
            }
        }
    }

    fn put_intent(&mut self, mut intent: Intent) {
        let place = match self.places.get(&intent.id) {
            Some(&place) => place,
            None => self.index(&mut intent),
        };
        if let Some(due) = self.intents.get(place).and_then(|old| old.due_ms) {
            self.due.remove(&(due, place));
        }
        if let Some(due) = intent.due_ms {
            self.due.insert((due, place));
        }
        match self.intents.get_mut(place) {
            Some(old) => *old = intent,
            None => self.intents.push(intent),
        }
    }

    /// Gives a new intent its place at the end.
    fn index(&mut self, intent: &mut Intent) -> usize {
        let place = self.intents.len();
        // Lists are searched by time, so a machine clock set back must not make the order lie.
        let latest = self.intents.last().map_or(0, |last| last.created);
        intent.created = intent.created.max(latest);
        self.places.insert(intent.id.clone(), place);
        if let Some(customer) = &intent.customer {
            self.by_customer.entry(customer.clone()).or_default().push(place);
        }
        if let Some(reference) = intent.reference() {
            self.by_reference.entry(reference.to_owned()).or_default().push(place);
        }
        place
    }

    /// The intent with this id.
    pub(crate) fn intent(&self, id: &str) -> Option<&Intent> {
        self.places.get(id).map(|&place| &self.intents[place])
    }

    /// Where an intent stands in the order of creation.
    pub(crate) fn place(&self, id: &str) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// The intent at a place in the order of creation.
    pub(crate) fn at(&self, place: usize) -> &Intent {
        &self.intents[place]
    }

    /// How many intents there are.
    pub(crate) fn intent_count(&self) -> usize {
        self.intents.len()
    }

    /// The places of one customer's intents, in the order of creation.
    pub(crate) fn places_of_customer(&self, customer: &str) -> &[usize] {
        self.by_customer.get(customer).map_or(&[], Vec::as_slice)
    }

    /// The intents that carry this reference.
    pub(crate) fn intents_of_reference(&self, reference: &str) -> impl Iterator<Item = &Intent> {
        let places = self.by_reference.get(reference);
        places.into_iter().flatten().map(|&place| &self.intents[place])
    }

    /// The intents to which something happens by itself up to this moment (milliseconds), soonest first.
    pub(crate) fn due_until(&self, now_ms: i64) -> impl Iterator<Item = &Intent> {
        self.due.range(..=(now_ms, usize::MAX)).map(|&(_, place)| &self.intents[place])
    }

    /// The charge with this id.
    pub(crate) fn charge(&self, id: &str) -> Option<&Charge> {
        self.charges.get(id)
    }

    /// The payment method with this id.
    pub(crate) fn method(&self, id: &str) -> Option<&PaymentMethod> {
        self.methods.get(id)
    }

    /// The customer with this id.
    pub(crate) fn customer(&self, id: &str) -> Option<&Customer> {
        self.customers.get(id)
    }

    /// Whether a token's fault has struck this request already.
    pub(crate) fn fault_spent(&self, scope: &str) -> bool {
        self.spent_faults.contains(scope)
    }
}
