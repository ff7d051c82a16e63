//! The books: what the customers' banks would show, gateway by gateway.
//!
//! They are kept apart from the gateways' objects because they answer another question: not "what
//! does the API say" but "what money moved". A decline never gets here; a payment charged twice is
//! here twice. Entries are found by our caller's own reference, so a test can convict the caller
//! without knowing any gateway's ids.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Money taken, or reserved, from one customer.
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
    /// How many decimals the payer's bank shows of these minor units, by the gateway's own table.
    #[serde(default = "hundredths")]
    pub(crate) decimals: u32,
    /// What was reserved, in minor units.
    pub(crate) amount: i64,
    /// What was taken, in minor units: 0 while it is only reserved.
    pub(crate) captured: i64,
    /// What the gateway kept for itself, in minor units: 0 until the money is taken.
    #[serde(default)]
    pub(crate) fee: i64,
    pub(crate) status: Status,
    /// Seconds since 1970.
    pub(crate) created: i64,
}

/// What was written down without decimals was in hundredths, or is of no interest any more.
fn hundredths() -> u32 {
    2
}

/// What became of a charge.
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

/// Money on its way back to one customer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Refund {
    /// The caller's own reference of the refund.
    pub(crate) reference: Option<String>,
    /// The caller's own reference of the payment.
    pub(crate) payment_reference: Option<String>,
    pub(crate) gateway: String,
    pub(crate) id: String,
    /// The id of the charge that is given back.
    pub(crate) charge: String,
    pub(crate) currency: String,
    /// How many decimals the payer's bank shows of these minor units, by the gateway's own table.
    #[serde(default = "hundredths")]
    pub(crate) decimals: u32,
    pub(crate) amount: i64,
    /// What the gateway took for giving back.
    pub(crate) fee: i64,
    pub(crate) status: RefundStatus,
    pub(crate) created: i64,
}

/// What became of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RefundStatus {
    Pending,
    Succeeded,
    Failed,
}

/// Money that a customer's bank took back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Dispute {
    /// The caller's own reference of the payment.
    pub(crate) payment_reference: Option<String>,
    pub(crate) gateway: String,
    pub(crate) id: String,
    /// The id of the charge that is disputed.
    pub(crate) charge: String,
    pub(crate) currency: String,
    /// How many decimals the payer's bank shows of these minor units, by the gateway's own table.
    #[serde(default = "hundredths")]
    pub(crate) decimals: u32,
    pub(crate) amount: i64,
    /// What the gateway took for the trouble; it is kept even when the dispute is won.
    pub(crate) fee: i64,
    pub(crate) status: DisputeStatus,
    pub(crate) created: i64,
}

/// Who has the money: the customer while a dispute is open or lost, the merchant once it is won.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DisputeStatus {
    Open,
    Won,
    Lost,
}

/// All movements.
#[derive(Default)]
pub(crate) struct Books {
    charges: Column<Charge>,
    refunds: Column<Refund>,
    disputes: Column<Dispute>,
    totals: Totals,
}

impl Books {
    /// Writes a charge down, or its newer state over the older one of the same id.
    pub(crate) fn charge(&mut self, charge: Charge) {
        self.charges.record(charge, &mut self.totals);
    }

    /// Writes a refund down, or its newer state.
    pub(crate) fn refund(&mut self, refund: Refund) {
        self.refunds.record(refund, &mut self.totals);
    }

    /// Writes a dispute down, or its newer state.
    pub(crate) fn dispute(&mut self, dispute: Dispute) {
        self.disputes.record(dispute, &mut self.totals);
    }

    /// The books as `GET /books` shows them: all of them, or what one reference caused.
    pub(crate) fn report(&self, reference: Option<&str>) -> Value {
        let charges = self.charges.of(reference);
        let refunds = self.refunds.of(reference);
        let disputes = self.disputes.of(reference);
        let totals = match reference {
            None => &self.totals,
            Some(_) => {
                let mut totals = Totals::default();
                charges.iter().for_each(|charge| totals.add(*charge, 1));
                refunds.iter().for_each(|refund| totals.add(*refund, 1));
                disputes.iter().for_each(|dispute| totals.add(*dispute, 1));
                &totals.clone()
            }
        };
        // Whoever finds a charge by its reference finds its refunds by the same one.
        let mut given_back: HashMap<&str, i64> = HashMap::new();
        for refund in &refunds {
            *given_back.entry(&refund.charge).or_default() += refund.given_back();
        }
        let charges: Vec<ChargeLine<'_>> = charges
            .into_iter()
            .map(|charge| ChargeLine {
                refunded: given_back.get(charge.id.as_str()).copied().unwrap_or_default(),
                charge,
            })
            .collect();
        json!({
            "object": "books",
            "charges": charges,
            "refunds": refunds,
            "disputes": disputes,
            "totals": totals.report(),
        })
    }
}

/// A charge as the report shows it.
#[derive(Serialize)]
struct ChargeLine<'a> {
    #[serde(flatten)]
    charge: &'a Charge,
    /// What was given back, in minor units.
    refunded: i64,
}

/// What all kinds of entries have.
trait Entry {
    fn id(&self) -> &str;
    /// The caller's references by which the entry is found.
    fn references(&self) -> [Option<&str>; 2];
    fn currency(&self) -> &str;
    /// Adds (`sign` 1) or takes away (`sign` -1) what the entry moved.
    fn count_in(&self, total: &mut Total, sign: i64);
}

impl Entry for Charge {
    fn id(&self) -> &str {
        &self.id
    }

    fn references(&self) -> [Option<&str>; 2] {
        [self.reference.as_deref(), None]
    }

    fn currency(&self) -> &str {
        &self.currency
    }

    fn count_in(&self, total: &mut Total, sign: i64) {
        total.captured += sign * self.captured;
        total.fees += sign * self.fee;
        total.count += sign * i64::from(self.captured > 0);
    }
}

impl Refund {
    fn given_back(&self) -> i64 {
        if self.status == RefundStatus::Succeeded { self.amount } else { 0 }
    }
}

impl Entry for Refund {
    fn id(&self) -> &str {
        &self.id
    }

    fn references(&self) -> [Option<&str>; 2] {
        let own = self.reference.as_deref();
        [own, self.payment_reference.as_deref().filter(|payment| Some(*payment) != own)]
    }

    fn currency(&self) -> &str {
        &self.currency
    }

    fn count_in(&self, total: &mut Total, sign: i64) {
        total.refunded += sign * self.given_back();
        total.fees += sign * self.fee;
    }
}

impl Entry for Dispute {
    fn id(&self) -> &str {
        &self.id
    }

    fn references(&self) -> [Option<&str>; 2] {
        [self.payment_reference.as_deref(), None]
    }

    fn currency(&self) -> &str {
        &self.currency
    }

    fn count_in(&self, total: &mut Total, sign: i64) {
        if self.status != DisputeStatus::Won {
            total.disputed += sign * self.amount;
        }
        total.fees += sign * self.fee;
    }
}

/// All entries of one kind, in the order in which they were first seen.
struct Column<T> {
    entries: Vec<T>,
    by_id: HashMap<String, usize>,
    by_reference: HashMap<String, Vec<usize>>,
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), by_id: HashMap::new(), by_reference: HashMap::new() }
    }
}

impl<T: Entry> Column<T> {
    fn record(&mut self, entry: T, totals: &mut Totals) {
        totals.add(&entry, 1);
        if let Some(&at) = self.by_id.get(entry.id()) {
            totals.add(&self.entries[at], -1);
            self.entries[at] = entry;
            return;
        }
        let at = self.entries.len();
        self.by_id.insert(entry.id().to_owned(), at);
        for reference in entry.references().into_iter().flatten() {
            self.by_reference.entry(reference.to_owned()).or_default().push(at);
        }
        self.entries.push(entry);
    }

    fn of(&self, reference: Option<&str>) -> Vec<&T> {
        let Some(reference) = reference else {
            return self.entries.iter().collect();
        };
        let places = self.by_reference.get(reference);
        places.into_iter().flatten().map(|&at| &self.entries[at]).collect()
    }
}

/// The sums, by currency.
#[derive(Clone, Default)]
struct Totals(BTreeMap<String, Total>);

#[derive(Clone, Copy, Debug, Default)]
struct Total {
    captured: i64,
    refunded: i64,
    fees: i64,
    disputed: i64,
    count: i64,
}

impl Totals {
    fn add(&mut self, entry: &impl Entry, sign: i64) {
        // Looked up first: most entries are in a currency that is known already.
        if let Some(total) = self.0.get_mut(entry.currency()) {
            return entry.count_in(total, sign);
        }
        entry.count_in(self.0.entry(entry.currency().to_owned()).or_default(), sign);
    }

    fn report(&self) -> Value {
        let lines = self.0.iter().map(|(currency, total)| {
            let line = json!({
                "captured": total.captured,
                "refunded": total.refunded,
                "fees": total.fees,
                "disputed": total.disputed,
                "net": total.captured - total.refunded - total.fees - total.disputed,
                "count": total.count,
            });
            (currency.clone(), line)
        });
        Value::Object(lines.collect())
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
            decimals: 2,
            amount: 500,
            captured,
            fee: 40,
            status: Status::Captured,
            created: 1,
        }
    }

    fn refund(id: &str, amount: i64, status: RefundStatus) -> Refund {
        Refund {
            reference: Some(format!("ref_{id}")),
            payment_reference: Some("pay_1".to_owned()),
            gateway: "stripe".to_owned(),
            id: id.to_owned(),
            charge: "ch_1".to_owned(),
            currency: "eur".to_owned(),
            decimals: 2,
            amount,
            fee: 0,
            status,
            created: 2,
        }
    }

    fn dispute(status: DisputeStatus) -> Dispute {
        Dispute {
            payment_reference: Some("pay_1".to_owned()),
            gateway: "stripe".to_owned(),
            id: "dp_1".to_owned(),
            charge: "ch_1".to_owned(),
            currency: "eur".to_owned(),
            decimals: 2,
            amount: 500,
            fee: 1500,
            status,
            created: 3,
        }
    }

    #[test]
    fn a_second_charge_for_one_reference_is_visible() {
        let mut books = Books::default();
        books.charge(charge("ch_1", 500));
        books.charge(charge("ch_2", 500));
        let report = books.report(Some("pay_1"));
        assert_eq!(report["charges"].as_array().unwrap().len(), 2);
        assert_eq!(report["totals"]["eur"]["captured"], 1000);
        assert_eq!(report["totals"]["eur"]["count"], 2);
    }

    #[test]
    fn a_newer_state_replaces_the_older_one() {
        let mut books = Books::default();
        books.charge(charge("ch_1", 0));
        assert_eq!(books.report(None)["totals"]["eur"]["count"], 0);
        books.charge(charge("ch_1", 300));
        let report = books.report(None);
        assert_eq!(report["charges"].as_array().unwrap().len(), 1);
        assert_eq!(report["totals"]["eur"]["captured"], 300);
        assert_eq!(report["totals"]["eur"]["count"], 1);
    }

    #[test]
    fn only_refunds_that_succeeded_count() {
        let mut books = Books::default();
        books.charge(charge("ch_1", 500));
        books.refund(refund("re_1", 100, RefundStatus::Succeeded));
        books.refund(refund("re_2", 50, RefundStatus::Pending));
        books.refund(refund("re_3", 70, RefundStatus::Succeeded));
        books.refund(refund("re_3", 70, RefundStatus::Failed));
        for reference in [None, Some("pay_1")] {
            let report = books.report(reference);
            assert_eq!(report["refunds"].as_array().unwrap().len(), 3);
            assert_eq!(report["charges"][0]["refunded"], 100);
            assert_eq!(report["totals"]["eur"]["refunded"], 100);
            assert_eq!(report["totals"]["eur"]["net"], 500 - 100 - 40);
        }
        let own = books.report(Some("ref_re_1"));
        assert_eq!(own["refunds"][0]["id"], "re_1");
        assert!(own["charges"].as_array().unwrap().is_empty());
    }

    #[test]
    fn a_dispute_takes_the_money_until_it_is_won_and_the_fee_for_ever() {
        let mut books = Books::default();
        books.charge(charge("ch_1", 500));
        for (status, disputed) in
            [(DisputeStatus::Open, 500), (DisputeStatus::Lost, 500), (DisputeStatus::Won, 0)]
        {
            books.dispute(dispute(status));
            let total = &books.report(Some("pay_1"))["totals"]["eur"];
            assert_eq!(total["disputed"], disputed);
            assert_eq!(total["fees"], 1540);
            assert_eq!(total["net"], 500 - 1540 - disputed);
        }
    }
}
