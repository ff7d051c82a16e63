//! `POST /subscriptions/{id}/preview`: what an update would cost. It has the body of the update, and a token
//! may be in it: so it is a POST, as it is elsewhere, although it changes nothing.

use axum::{Json, extract::State};
use common::{
    billing::subscriptions::{self, Preview, UpcomingInvoice},
    clock::Timestamp,
    invoice::{Invoice, Line, TaxRate, totals::Totals},
    money::{Currency, display_amount},
};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    auth::{Caller, SubscriptionsRead},
    docs::{ChangeProblems, VersionProblems, named},
    error::{ApiError, Problem},
    extract::{Body, IfMatch, PathId},
    invoices::{CreditNoteView, LineView},
};

use super::{
    SubscriptionView, Target, executed,
    update::{UpdateSubscription, Wanted},
};

/// What an update would come to.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewView {
    /// Always `subscription_preview`.
    #[schema(example = "subscription_preview")]
    object: &'static str,
    /// The subscription as it would stand.
    subscription: SubscriptionView,
    /// ISO 4217.
    #[schema(value_type = named::Currency)]
    currency: &'static str,
    /// The invoices that would be made at once: none, or one; two where a whole period begins.
    invoices: Vec<PreviewInvoiceView>,
    /// The credit notes that would take off open invoices what was never paid, and will not be used.
    credit_notes: Vec<CreditNoteView>,
    /// What would be charged at once: for these invoices, and for open ones that a new payment method is tried for.
    #[schema(example = "5.00")]
    charged_now: String,
    /// What the customer would have in the balance afterwards; below zero, what the next invoice asks for besides.
    #[schema(example = "0.00")]
    balance: String,
    /// The renewal that would come next, if nothing else happens before.
    next_renewal: Option<RenewalView>,
}

/// An invoice that would be made.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewInvoiceView {
    lines: Vec<LineView>,
    #[serde(flatten)]
    totals: TotalsView,
}

/// The invoice of a renewal to come.
#[derive(Debug, Serialize, ToSchema)]
pub struct RenewalView {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    lines: Vec<LineView>,
    #[serde(flatten)]
    totals: TotalsView,
}

/// The sums of an invoice to come.
#[derive(Debug, Serialize, ToSchema)]
pub struct TotalsView {
    /// The sum of its lines; negative where more is given back than charged: that goes to the customer's balance.
    #[schema(example = "5.00")]
    total: String,
    /// What of it the tax is, or within it.
    #[schema(example = "0.00")]
    tax: String,
    /// The rate of the tax on what is sold, in hundredths: `"19"` is 19 %, `"0.19"` is 0.19 %. None without a tax.
    #[schema(example = "19")]
    tax_percent: Option<String>,
    /// What of it the customer's balance pays. Below zero: what was carried forward from earlier invoices, and is
    /// to pay besides.
    #[schema(example = "0.00")]
    amount_from_balance: String,
    /// What is to pay.
    #[schema(example = "5.00")]
    amount_due: String,
}

/// Preview a change of a subscription
///
/// What `PUT /update-subscription/{id}` with the same body would bill now, to the cent, and what the next renewal
/// would ask for. It changes nothing, and gives out no invoice number. A price that depends on the day is that of
/// today: send the `ETag` along with the update, and it is made of what was previewed.
#[utoipa::path(
    post, path = "/subscriptions/{id}/preview", operation_id = "previewSubscription", tag = "Subscriptions", request_body = UpdateSubscription,
    params(
        PathId<common::id::SubscriptionId>,
        IfMatch,
    ),
    responses(
        (status = 200, body = PreviewView, description = "What it would come to."),
        (status = 409, body = Problem, description = "The update would be refused, for this reason.",
            example = json!({ "code": "plan-archived", "detail": "The plan is archived, and no subscription takes it any more." })),
        ChangeProblems,
        VersionProblems,
    ),
)]
pub async fn preview(
    State(app): State<App>,
    caller: Caller<SubscriptionsRead>,
    target: Target,
    Body(Wanted { named, update, .. }): Body<UpdateSubscription>,
) -> Result<Json<PreviewView>, ApiError> {
    let context = target.asked_by(&caller);
    let preview = executed(subscriptions::preview(&app.pool, &context, &named, update).await?)?;
    Ok(Json(PreviewView::new(&app, caller.livemode, preview)))
}

impl PreviewView {
    fn new(app: &App, livemode: bool, preview: Preview) -> Self {
        let Preview { subscription, invoices, notes, charged, balance, renewal } = preview;
        let currency = subscription.terms.price.unit.currency;
        let tax = subscription.tax.clone();
        Self {
            object: "subscription_preview",
            subscription: SubscriptionView::new(app, livemode, subscription),
            currency: currency.code(),
            invoices: invoices.iter().map(|invoice| PreviewInvoiceView::new(invoice, tax.as_ref())).collect(),
            credit_notes: notes.iter().map(|note| CreditNoteView::new(note, currency)).collect(),
            charged_now: display_amount(charged, currency),
            balance: display_amount(balance, currency),
            next_renewal: renewal.map(|renewal| RenewalView::new(&renewal, tax.as_ref(), currency)),
        }
    }
}

impl PreviewInvoiceView {
    fn new(invoice: &Invoice, tax: Option<&TaxRate>) -> Self {
        let Invoice { lines, from_balance, currency, .. } = invoice;
        Self {
            lines: LineView::all(lines, *currency),
            totals: TotalsView::new(lines, *from_balance, tax, *currency),
        }
    }
}

impl RenewalView {
    fn new(renewal: &UpcomingInvoice, tax: Option<&TaxRate>, currency: Currency) -> Self {
        let UpcomingInvoice { at, lines, from_balance } = renewal;
        Self {
            at: *at,
            lines: LineView::all(lines, currency),
            totals: TotalsView::new(lines, *from_balance, tax, currency),
        }
    }
}

impl TotalsView {
    fn new(lines: &[Line], from_balance: Decimal, rate: Option<&TaxRate>, currency: Currency) -> Self {
        let amount = |amount| display_amount(amount, currency);
        let total = Totals::of(lines).total;
        Self {
            total: amount(total),
            tax: amount(lines.iter().map(|line| line.tax).sum()),
            tax_percent: rate.map(|rate| rate.percent.number().to_string()),
            amount_from_balance: amount(from_balance),
            amount_due: amount(total.max(Decimal::ZERO) - from_balance),
        }
    }
}
