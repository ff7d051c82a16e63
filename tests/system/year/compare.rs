//! What the product says of a subscription after the year, beside what the model says: every invoice, line by
//! line, and everything else that a merchant sees.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tests::Merchant;

use tests::calendar::At;

use super::{
    invoice::{Invoice, Line},
    model::Model,
    script::digits,
};

/// How late a moment may be: the time in which something is done.
const LATE: TimeDelta = TimeDelta::minutes(15);

/// Coins, as merchants write money.
pub fn money(coins: i64, currency: &str) -> String {
    let digits = digits(currency);
    let sign = if coins < 0 { "-" } else { "" };
    let text = format!("{:0width$}", coins.abs(), width = digits + 1);
    let (whole, part) = text.split_at(text.len() - digits);
    if digits == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

/// A subscription as it is shown, in what the model knows of it.
pub fn subscription(shown: &Value) -> Value {
    let mut known = json!({});
    for field in [
        "status",
        "name",
        "quantity",
        "zone",
        "current_period",
        "cancel_at_period_end",
        "pause_at_period_end",
    ] {
        known[field] = shown[field].clone();
    }
    known["pending_quantity"] = shown["pending_update"]["quantity"].clone();
    known
}

/// The same of the model.
pub fn expected_subscription(model: &Model) -> Value {
    let period = model.period.map(|period| {
        let text = |at: At| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        json!({ "index": period.index, "starts_at": text(period.start), "ends_at": text(period.end) })
    });
    json!({
        "status": model.status.name(),
        "name": model.terms.name,
        "quantity": model.terms.quantity,
        "zone": model.zone.name(),
        "current_period": period,
        "cancel_at_period_end": model.ends_with_period,
        "pause_at_period_end": model.rests_with_period,
        "pending_quantity": model.pending_terms.as_ref().map(|terms| terms.quantity),
    })
}

/// An invoice as it is shown, in what the model knows of it.
pub fn invoice(shown: &Value) -> Value {
    let mut known = json!({});
    for field in [
        "period_index",
        "occasion",
        "currency",
        "status",
        "total",
        "tax",
        "amount_from_balance",
        "amount_paid",
        "amount_credited",
        "amount_due",
        "attempts",
        "lines",
    ] {
        known[field] = shown[field].clone();
    }
    known
}

/// The same of the model.
pub fn expected_invoice(invoice: &Invoice, currency: &str) -> Value {
    let line = |line: &Line| {
        json!({
            "kind": line.kind,
            "description": line.name,
            "quantity": line.quantity,
            "unit_amount": money(line.unit, currency),
            "amount": money(line.amount, currency),
            "from": line.days.map(|days| days.0.to_string()),
            "to": line.days.map(|days| days.1.to_string()),
        })
    };
    json!({
        "period_index": invoice.index,
        "occasion": if invoice.change.is_some() { "change" } else { "period" },
        "currency": currency,
        "status": invoice.status.name(),
        "total": money(invoice.total, currency),
        "tax": money(invoice.tax, currency),
        "amount_from_balance": money(invoice.from_balance, currency),
        "amount_paid": money(invoice.paid, currency),
        "amount_credited": money(invoice.noted, currency),
        "amount_due": money(invoice.due(), currency),
        "attempts": invoice.attempts,
        "lines": invoice.lines.iter().map(line).collect::<Vec<_>>(),
    })
}

/// Whether a moment is the one that was expected, or a little later.
pub fn is_about(shown: &Value, expected: Option<At>) -> bool {
    let shown = shown.as_str().map(|text| text.parse::<At>().unwrap());
    match (shown, expected) {
        (Some(shown), Some(expected)) => (TimeDelta::zero()..LATE).contains(&(shown - expected)),
        (None, None) => true,
        _ => false,
    }
}

/// All invoices of a subscription, oldest first, page by page.
pub async fn invoices(merchant: &Merchant, id: &str) -> Vec<Value> {
    let mut all = merchant.all(&format!("/invoices?subscription={id}&limit=100")).await;
    all.reverse();
    all
}

/// Every difference between a subscription and its model.
pub async fn differences(merchant: &Merchant, id: &str, model: &Model) -> Vec<String> {
    let mut found = Vec::new();
    let mut differ = |what: String, shown: Value, expected: Value| {
        if shown != expected {
            found.push(format!("{what}\n    shown:    {shown}\n    expected: {expected}"));
        }
    };
    let shown = merchant.get(&format!("/subscriptions/{id}")).await.body;
    differ("subscription".into(), subscription(&shown), expected_subscription(model));
    differ("its end is right".into(), json!(is_about(&shown["ended_at"], model.ended)), json!(true));
    let currency = model.order.currency;
    let customer = merchant.get(&format!("/customers/{}", shown["customer"].as_str().unwrap())).await.body;
    let balance = customer["balances"][0]["amount"].as_str().map_or(money(0, currency), str::to_owned);
    differ("balance".into(), json!(balance), json!(money(model.balance, currency)));
    let invoices = invoices(merchant, id).await;
    differ("how many invoices".into(), json!(invoices.len()), json!(model.invoices.len()));
    for (place, (shown, expected)) in invoices.iter().zip(&model.invoices).enumerate() {
        differ(format!("invoice {place}"), invoice(shown), expected_invoice(expected, currency));
        let opened = is_about(&shown["opened_at"], Some(expected.opened));
        differ(format!("invoice {place} opened in time"), json!(opened), json!(true));
    }
    found
}
