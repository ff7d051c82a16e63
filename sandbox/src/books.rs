//! The books: what the customers' banks would show, gateway by gateway.
//!
//! They are kept apart from the gateways' objects because they answer another question: not "what
//! does the API say" but "what money moved". A decline never gets here; a payment charged twice is
//! here twice. Entries are found by our caller's own reference, so a test can convict the caller
//! without knowing any gateway's ids.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One real movement: money taken, or reserved, from one customer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Charge {
    /// The caller's own reference, as it was sent with the payment.
    pub(crate) reference: Option<String>,
    /// Which gateway moved the money.
    pub(crate) gateway: String,
    /// The gateway's id of the movement.
    pub(crate) id: String,
    /// The gateway's id of the payment that the movement belongs to.
    #[serde(rename = "payment_intent")]
    pub(crate) payment: String,
    pub(crate) currency: String,
    /// What was reserved, in minor units.
    pub(crate) amount: i64,
    /// What was taken, in minor units: 0 while it is only reserved.
    pub(crate) captured: i64,
    /// What was given back, in minor units.
    pub(crate) refunded: i64,
    pub(crate) status: Status,
    /// Seconds since 1970.
    pub(crate) created: i64,
}

/// What became of a movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// Reserved, not taken.
    Authorized,
    /// Taken.
    Captured,
    /// Reserved once, given free without being taken.
    Released,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Total {
    captured: i64,
    refunded: i64,
    count: i64,
}

/// All movements, in the order in which they were first seen.
#[derive(Default)]
pub(crate) struct Books {
    charges: Vec<Charge>,
    by_id: HashMap<String, usize>,
    by_reference: HashMap<String, Vec<usize>>,
    totals: BTreeMap<String, Total>,
}

impl Books {
    /// Writes a movement down, or its newer state over the older one of the same id.
    pub(crate) fn record(&mut self, charge: Charge) {
        let total = self.totals.entry(charge.currency.clone()).or_default();
        total.add(&charge, 1);
        if let Some(&at) = self.by_id.get(&charge.id) {
            total.add(&self.charges[at], -1);
            self.charges[at] = charge;
            return;
        }
        let at = self.charges.len();
        self.by_id.insert(charge.id.clone(), at);
        if let Some(reference) = &charge.reference {
            self.by_reference.entry(reference.clone()).or_default().push(at);
        }
        self.charges.push(charge);
    }

    /// The books as `GET /books` shows them: all of them, or what one reference caused.
    pub(crate) fn report(&self, reference: Option<&str>) -> Value {
        let Some(reference) = reference else {
            return json!({"object": "books", "charges": self.charges, "totals": self.totals});
        };
        let places = self.by_reference.get(reference);
        let charges: Vec<&Charge> = places.into_iter().flatten().map(|&at| &self.charges[at]).collect();
        let mut totals: BTreeMap<&str, Total> = BTreeMap::new();
        for charge in &charges {
            totals.entry(&charge.currency).or_default().add(charge, 1);
        }
        json!({"object": "books", "charges": charges, "totals": totals})
    }
}

impl Total {
    /// Adds (`sign` 1) or takes away (`sign` -1) one movement. Only taken money counts.
    fn add(&mut self, charge: &Charge, sign: i64) {
        self.captured += sign * charge.captured;
        self.refunded += sign * charge.refunded;
        self.count += sign * i64::from(charge.captured > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(id: &str, captured: i64) -> Charge {
        Charge {
            reference: Some("pay_1".to_owned()),
            gateway: "stripe".to_owned(),
            id: id.to_owned(),
            payment: "pi_1".to_owned(),
            currency: "eur".to_owned(),
            amount: 500,
            captured,
            refunded: 0,
            status: Status::Captured,
            created: 1,
        }
    }

    #[test]
    fn a_second_charge_for_one_reference_is_visible() {
        let mut books = Books::default();
        books.record(charge("ch_1", 500));
        books.record(charge("ch_2", 500));
        let report = books.report(Some("pay_1"));
        assert_eq!(report["charges"].as_array().unwrap().len(), 2);
        assert_eq!(report["totals"]["eur"]["captured"], 1000);
        assert_eq!(report["totals"]["eur"]["count"], 2);
    }

    #[test]
    fn a_newer_state_replaces_the_older_one() {
        let mut books = Books::default();
        books.record(charge("ch_1", 0));
        assert_eq!(books.report(None)["totals"]["eur"]["count"], 0);
        books.record(charge("ch_1", 300));
        let report = books.report(None);
        assert_eq!(report["charges"].as_array().unwrap().len(), 1);
        assert_eq!(report["totals"]["eur"]["captured"], 300);
        assert_eq!(report["totals"]["eur"]["count"], 1);
    }
}
