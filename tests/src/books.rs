//! What must hold whenever all is quiet: our rows, our ledger, and the gateways' own books agree.

use std::collections::{BTreeMap, HashMap, HashSet};

use common::id::{PaymentId, RefundId};
use serde_json::Value;
use uuid::Uuid;

use crate::Deployment;

/// A gateway's books, as `GET /books` shows them.
struct Books(Value);

/// Ten-thousandths of a major unit: what the database keeps, as whole numbers.
type Amount = i64;

/// What one gateway owes us in one currency.
type Nets = BTreeMap<(String, String), Amount>;

/// A refund, as our row has it: its payment, its status, and the gateway's name for it if nobody asked us for it.
type RefundRow = (Uuid, Uuid, String, Option<String>);

/// A payment, as our row has it.
type PaymentRow = (Uuid, String, String, Amount, Amount);

impl Deployment {
    /// Every payment and refund has an end, nothing was charged or given back twice, and what we say
    /// was moved, in rows and in the ledger, is what the gateways moved.
    pub async fn check_books(&self) {
        let books = Books(self.books().await);
        let payments: Vec<PaymentRow> = sqlx::query_as(
            "SELECT id, status, gateway, (amount_captured * 10000)::bigint, (amount_refunded * 10000)::bigint
             FROM payments",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap();
        let refunds: Vec<RefundRow> = sqlx::query_as(
            "SELECT id, payment_id, status, CASE WHEN origin = 'gateway' THEN gateway_ref END FROM refunds",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap();
        // Nobody knows of these but the gateway: that is what the review is for.
        let reviewed: HashSet<String> = payments
            .iter()
            .filter(|(_, status, ..)| status == "needs_review")
            .map(|(id, ..)| PaymentId(*id).to_string())
            .chain(
                refunds
                    .iter()
                    .filter(|(_, _, status, _)| status == "needs_review")
                    .map(|(id, ..)| RefundId(*id).to_string()),
            )
            .collect();
        books.check_payments(&payments);
        books.check_refunds(&refunds, &reviewed);
        self.check_refunded(&books, &payments, &refunds).await;
        self.check_ledger(&books.nets(&reviewed)).await;
    }

    /// The ledger says that the gateways owe us what they say, even where something was moved twice.
    pub async fn check_ledger_is_the_gateways(&self) {
        self.check_ledger(&Books(self.books().await).nets(&HashSet::new())).await;
    }

    /// What our rows say was given back of each payment is the sum of its refunds that succeeded.
    async fn check_refunded(&self, books: &Books, payments: &[PaymentRow], refunds: &[RefundRow]) {
        let unclear: HashSet<Uuid> = refunds
            .iter()
            .filter(|(_, _, status, _)| status == "needs_review")
            .map(|(_, payment, ..)| *payment)
            .collect();
        let mut given_back: HashMap<&str, Amount> = HashMap::new();
        for refund in books.entries("refunds").filter(|refund| refund["status"] == "succeeded") {
            let payment = refund["payment_reference"].as_str().expect("a reference of ours");
            *given_back.entry(payment).or_default() += amount(refund, "amount");
        }
        for (id, .., captured, refunded) in payments.iter().filter(|(id, ..)| !unclear.contains(id)) {
            let id = PaymentId(*id).to_string();
            let at_gateway = given_back.get(id.as_str()).copied().unwrap_or_default();
            assert_eq!(*refunded, at_gateway, "what was given back of {id}");
            assert!(refunded <= captured, "{id}: {refunded} of {captured}");
        }
        let off = "SELECT count(*) FROM payments p LEFT JOIN LATERAL (
                SELECT coalesce(sum(amount) FILTER (WHERE r.status = 'succeeded'), 0) AS given_back,
                       coalesce(sum(amount) FILTER (WHERE r.status NOT IN ('succeeded', 'failed')), 0) AS held
                FROM refunds r WHERE r.payment_id = p.id) sums ON true
             WHERE p.amount_refunded <> sums.given_back OR p.amount_refunding <> sums.held";
        assert_eq!(self.count(off).await, 0, "payments whose amounts are not those of their refunds");
    }

    /// The ledger is balanced, and says that the gateways owe us what they say.
    async fn check_ledger(&self, nets: &Nets) {
        let off = "SELECT count(*) FROM (
                SELECT FROM ledger_entries GROUP BY currency HAVING sum(amount) <> 0) off";
        assert_eq!(self.count(off).await, 0, "currencies whose entries do not add up to zero");
        let rows: Vec<(String, String, Amount)> = sqlx::query_as(
            "SELECT gateway, lower(currency), (sum(amount) * 10000)::bigint FROM ledger_entries
             WHERE account = 'gateway_clearing' GROUP BY gateway, currency",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap();
        let ours: Nets = rows.into_iter().map(|(gateway, code, sum)| ((gateway, code), sum)).collect();
        let moved = |nets: &Nets| -> Nets {
            nets.iter().filter(|(_, net)| **net != 0).map(|(key, net)| (key.clone(), *net)).collect()
        };
        assert_eq!(moved(&ours), moved(nets), "what the gateways owe us: our ledger, their books");
    }
}

impl Books {
    fn entries(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.0[kind].as_array().expect("a list").iter()
    }

    /// Every payment has an end, and was charged once at most: what we say was taken.
    fn check_payments(&self, payments: &[PaymentRow]) {
        let mut charges: HashMap<&str, &Value> = HashMap::new();
        for charge in self.entries("charges") {
            let reference = charge["reference"].as_str().expect("a reference of ours");
            let another = charges.insert(reference, charge);
            assert!(another.is_none(), "{reference} was charged twice: {}", self.0);
        }
        for (id, status, gateway, captured, _) in payments {
            let id = PaymentId(*id).to_string();
            let charge = charges.remove(id.as_str());
            let taken = charge.map_or(0, |charge| amount(charge, "captured"));
            let reserved = charge.is_some_and(|charge| charge["status"] == "authorized");
            match status.as_str() {
                "succeeded" | "failed" | "canceled" | "authorized" => {
                    assert_eq!(*captured, taken, "{id} is {status}");
                    assert_eq!(reserved, status == "authorized", "{id} is {status}: {charge:?}");
                    let elsewhere = charge.filter(|charge| charge["gateway"] != gateway.as_str());
                    assert!(elsewhere.is_none(), "{id} is not of {gateway}: {elsewhere:?}");
                }
                "needs_review" => {}
                other => panic!("{id} is still {other}"),
            }
        }
        assert!(charges.is_empty(), "charged, and unknown here: {charges:?}");
    }

    /// Every refund has an end, and was made once at most: what we say was given back. Those that were made at the
    /// gateway itself are found by its own name.
    fn check_refunds(&self, refunds: &[RefundRow], reviewed: &HashSet<String>) {
        let mut made: HashMap<&str, &Value> = HashMap::new();
        for refund in self.entries("refunds") {
            let ours = refund["reference"].as_str().filter(|name| name.parse::<RefundId>().is_ok());
            let name = ours.or(refund["id"].as_str()).expect("a name");
            let another = made.insert(name, refund);
            assert!(another.is_none(), "{name} was made twice: {}", self.0);
        }
        for (id, payment, status, told) in refunds {
            let (id, payment) = (RefundId(*id).to_string(), PaymentId(*payment).to_string());
            let refund = made.remove(told.as_deref().unwrap_or(&id));
            assert!(refund.is_none_or(|refund| refund["payment_reference"] == payment), "{refund:?}");
            match status.as_str() {
                "succeeded" | "failed" => {
                    let given_back = refund.is_some_and(|refund| refund["status"] == "succeeded");
                    assert_eq!(given_back, status == "succeeded", "{id} is {status}: {refund:?}");
                }
                "needs_review" => assert!(reviewed.contains(&id)),
                other => panic!("{id} is still {other}"),
            }
        }
        assert!(made.is_empty(), "given back, and unknown here: {made:?}");
    }

    /// What each gateway owes us by its own books, leaving out what we know that we do not know.
    fn nets(&self, reviewed: &HashSet<String>) -> Nets {
        let mut nets = Nets::new();
        let mut add = |entry: &Value, reference: &str, change: Amount| {
            if !reviewed.contains(entry[reference].as_str().unwrap_or_default()) {
                let text = |field: &str| entry[field].as_str().expect("a text").to_owned();
                *nets.entry((text("gateway"), text("currency"))).or_default() += change;
            }
        };
        for charge in self.entries("charges") {
            add(charge, "reference", amount(charge, "captured") - amount(charge, "fee"));
        }
        for refund in self.entries("refunds") {
            let given_back = if refund["status"] == "succeeded" { amount(refund, "amount") } else { 0 };
            add(refund, "reference", -given_back - amount(refund, "fee"));
        }
        for dispute in self.entries("disputes") {
            let taken_back = if dispute["status"] == "won" { 0 } else { amount(dispute, "amount") };
            // PayPal tells the fee of a dispute in its settlement report, and nowhere else.
            let fee = if dispute["gateway"] == "paypal" { 0 } else { amount(dispute, "fee") };
            add(dispute, "payment_reference", -taken_back - fee);
        }
        nets
    }
}

/// A field of an entry in minor units, as the gateway counts them; how many decimals they are, it says itself.
fn amount(entry: &Value, field: &str) -> Amount {
    let decimals = entry["decimals"].as_u64().and_then(|decimals| u32::try_from(decimals).ok());
    entry[field].as_i64().expect("a whole number") * 10_i64.pow(4 - decimals.expect("a number of decimals"))
}
