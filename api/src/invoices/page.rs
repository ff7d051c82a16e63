//! `GET /invoices/{id}/html`: an invoice for people, to be shown in a browser, printed, or sent on by its
//! merchant. One document that needs nothing from elsewhere; what merchants have written is escaped by the
//! template.

use std::sync::LazyLock;

use askama::Template;
use axum::{
    extract::State,
    http::header,
    response::{Html, IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use common::{
    clock::Timestamp,
    customer::{self, Customer},
    id::InvoiceId,
    invoice::{Invoice, Line, LineKind, Span, Status, store, totals::Totals},
    merchant,
    money::{Currency, display_amount},
    subscription::{self, Subscription, calendar::local_date},
};
use rust_decimal::Decimal;
use sha2::{Digest as _, Sha256};

use crate::{
    App,
    auth::{Caller, SubscriptionsRead},
    docs::ReadProblems,
    error::ApiError,
    extract::PathId,
};

const STYLE: &str = include_str!("../../templates/invoice.css");

/// A browser runs nothing on the page, loads nothing, and takes no other style than ours.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
});

/// Show an invoice
///
/// A page to show, to print (A4 or Letter) or to send on: self-contained HTML, without scripts. It needs your
/// key as everything does, so your server asks for it, and hands it to your customer.
#[utoipa::path(
    get, path = "/invoices/{id}/html", operation_id = "showInvoice", tag = "Invoices",
    params(PathId<InvoiceId>),
    responses(
        (status = 200, body = String, content_type = "text/html", description = "The page.",
            example = "<!doctype html><html lang=\"en\"><title>Invoice 000042</title>…</html>"),
        ReadProblems,
    ),
)]
pub async fn show(
    State(app): State<App>,
    caller: Caller<SubscriptionsRead>,
    PathId(id): PathId<InvoiceId>,
) -> Result<Response, ApiError> {
    let mut db = app.reads.of(caller.merchant).await?;
    let invoice = store::find(&mut *db, caller.merchant, id).await?.ok_or(ApiError::NotFound)?;
    let customer = customer::store::find(&mut *db, caller.merchant, invoice.customer_id).await?;
    let subscription = subscription::store::find(&mut *db, caller.merchant, invoice.subscription_id).await?;
    let (Some(customer), Some(subscription)) = (customer, subscription) else {
        return Err(ApiError::Internal);
    };
    let merchant = merchant::store::name(&mut *db, caller.merchant).await?;
    let page = Page::new(&merchant, &customer, &subscription, &invoice).render();
    let page = page.map_err(|error| {
        tracing::error!(%error, "an invoice could not be shown");
        ApiError::Internal
    })?;
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY.as_str()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "private, no-store"),
    ];
    Ok((headers, Html(page)).into_response())
}

#[derive(Template)]
#[template(path = "invoice.html")]
struct Page<'a> {
    style: &'static str,
    merchant: &'a str,
    number: &'a str,
    /// For its colour.
    status: &'static str,
    /// The status, in the words of who gets it.
    status_text: &'static str,
    customer: Vec<&'a str>,
    dates: Vec<(&'static str, String)>,
    lines: Vec<Row<'a>>,
    sums: Vec<Sum<'a>>,
    currency: &'static str,
    zone: &'static str,
    id: String,
    subscription: String,
}

struct Row<'a> {
    description: &'a str,
    days: Option<String>,
    is_discount: bool,
    quantity: String,
    unit_price: String,
    amount: String,
}

struct Sum<'a> {
    name: &'a str,
    amount: String,
    class: &'static str,
}

impl<'a> Page<'a> {
    fn new(merchant: &'a str, customer: &'a Customer, of: &Subscription, invoice: &'a Invoice) -> Self {
        let zone = of.anchor.zone;
        let date = |at: Timestamp| local_date(at, zone).format(DAY).to_string();
        let sold = invoice.lines.iter().filter(|line| line.kind != LineKind::Tax);
        let mut dates = vec![("Date", date(invoice.opened_at.unwrap_or(invoice.created_at)))];
        dates.extend(whole(sold.clone().filter_map(|line| line.days)).map(|days| ("Period", shown(days))));
        if let Some(at) = invoice.ended_at {
            match invoice.status {
                Status::Paid => dates.push(("Paid", date(at))),
                Status::Void => dates.push(("Void since", date(at))),
                Status::Draft | Status::Open | Status::Uncollectible => {}
            }
        }
        let name = customer.name.as_deref().filter(|name| !name.trim().is_empty());
        Self {
            style: STYLE,
            merchant,
            number: invoice.number.as_deref().unwrap_or("(draft)"),
            status: invoice.status.as_str(),
            status_text: status_text(invoice.status),
            customer: name.into_iter().chain(customer.email.as_deref()).collect(),
            dates,
            lines: sold.map(|line| Row::new(line, invoice.currency)).collect(),
            sums: sums(invoice),
            currency: invoice.currency.code(),
            zone: zone.name(),
            id: invoice.id.to_string(),
            subscription: of.id.to_string(),
        }
    }
}

impl<'a> Row<'a> {
    fn new(line: &'a Line, currency: Currency) -> Self {
        let is_discount = line.kind == LineKind::Discount;
        // A discount is no number of things.
        let unless_discount = |text: String| if is_discount { String::new() } else { text };
        Self {
            description: &line.description,
            days: line.days.filter(|_| !is_discount).map(shown),
            is_discount,
            quantity: unless_discount(line.quantity.to_string()),
            unit_price: unless_discount(grouped(line.unit_amount, currency)),
            amount: grouped(line.amount, currency),
        }
    }
}

/// From what is sold to what is due, without what is nothing.
fn sums(invoice: &Invoice) -> Vec<Sum<'_>> {
    let currency = invoice.currency;
    let totals = Totals::of(&invoice.lines);
    let taxes = invoice.lines.iter().filter(|line| line.kind == LineKind::Tax);
    let row = |name, amount, class| Sum { name, amount: grouped(amount, currency), class };
    let mut sums = Vec::new();
    if taxes.clone().next().is_some() {
        sums.push(row("Subtotal, without tax", totals.total - totals.tax, ""));
    }
    sums.extend(taxes.map(|line| row(&line.description, line.amount, "")));
    sums.push(row("Total", invoice.total, "total"));
    let balance =
        if invoice.from_balance < Decimal::ZERO { "Carried from before" } else { "From your balance" };
    let taken = [
        ("Credited", invoice.amount_credited),
        (balance, invoice.from_balance),
        ("Paid", invoice.amount_paid),
    ];
    for (name, amount) in taken {
        if !amount.is_zero() {
            sums.push(row(name, -amount, ""));
        }
    }
    let mut due = row("Amount due", invoice.due().amount, "due");
    due.amount = format!("{currency} {}", due.amount);
    sums.push(due);
    sums
}

fn status_text(status: Status) -> &'static str {
    match status {
        Status::Draft => "Draft",
        Status::Open => "Open",
        Status::Paid => "Paid",
        Status::Void => "Void",
        // Who gave it up is not who reads this.
        Status::Uncollectible => "Unpaid",
    }
}

/// A day that reads the same everywhere: 3 Mar 2026.
const DAY: &str = "%-d %b %Y";

/// The first day and the last.
fn shown(days: Span) -> String {
    let (first, last) = (days.from, days.to.pred_opt().unwrap_or(days.to));
    if last <= first {
        return first.format(DAY).to_string();
    }
    format!("{} – {}", first.format(DAY), last.format(DAY))
}

/// From the first day of all to the last.
fn whole(all: impl Iterator<Item = Span>) -> Option<Span> {
    all.reduce(|one, other| Span { from: one.from.min(other.from), to: one.to.max(other.to) })
}

/// An amount, with as many decimals as its currency has and its thousands apart: −1,234.50.
fn grouped(amount: Decimal, currency: Currency) -> String {
    let plain = display_amount(amount.abs(), currency);
    let (whole, fraction) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let mut text = String::from(if amount.is_sign_negative() && !amount.is_zero() { "−" } else { "" });
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        for (amount, currency, text) in [
            ("0", "EUR", "0.00"),
            ("-0.00", "EUR", "0.00"),
            ("49.9", "EUR", "49.90"),
            ("999.99", "EUR", "999.99"),
            ("-1234.5", "EUR", "−1,234.50"),
            ("1234567", "JPY", "1,234,567"),
            ("1000.123", "KWD", "1,000.123"),
        ] {
            let currency = Currency::from_code(currency).unwrap();
            assert_eq!(grouped(amount.parse().unwrap(), currency), text, "{amount}");
        }
    }

    #[test]
    fn days_are_told_by_the_first_and_the_last() {
        let span = |from: &str, to: &str| Span { from: from.parse().unwrap(), to: to.parse().unwrap() };
        assert_eq!(shown(span("2026-03-01", "2026-04-01")), "1 Mar 2026 – 31 Mar 2026");
        assert_eq!(shown(span("2026-03-01", "2026-03-02")), "1 Mar 2026");
        let both = whole([span("2026-03-15", "2026-04-01"), span("2026-03-01", "2026-03-20")].into_iter());
        assert_eq!(both, Some(span("2026-03-01", "2026-04-01")));
    }
}
