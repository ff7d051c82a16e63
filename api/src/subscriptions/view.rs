//! A subscription as its merchant sees it. The token and our own bookkeeping stay inside.

use common::{
    clock::Timestamp,
    customer::PaymentMethod,
    invoice::{Discount, Duration, Reduction, TaxRate},
    metadata::Metadata,
    subscription::{Status, Subscription, Terms, calendar::Period},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{App, docs::named, plans::IntervalView};

/// A subscription.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "status": "active", "pending_update": null, "missed_renewals": null }))]
pub struct SubscriptionView {
    #[schema(value_type = named::SubscriptionId)]
    id: String,
    /// Always `subscription`.
    #[schema(example = "subscription")]
    object: &'static str,
    /// Whether money is real: `false` on your test side.
    #[schema(example = false)]
    livemode: bool,
    /// `trialing`, `incomplete` (its first invoice is not paid yet), `incomplete_expired` (it was not paid
    /// within 23 hours), `active`, `past_due` (an invoice was declined, and is tried again), `unpaid`, `paused`
    /// or `canceled`.
    #[schema(value_type = named::SubscriptionStatus)]
    status: &'static str,
    /// Ask here for the status.
    #[schema(
        format = "uri",
        example = "https://api.example/subscriptions/sub_0193a3f1c2d87b51a9f0c4d2e8b7a601"
    )]
    status_url: String,
    /// Who pays.
    #[schema(value_type = named::CustomerId)]
    customer: String,
    /// What it was made from. The plan of a `price` of its own is not listed.
    #[schema(value_type = named::PlanId)]
    plan: String,
    /// The plan's name.
    #[schema(example = "Team")]
    name: String,
    /// What one costs for one interval, as it was agreed.
    #[schema(example = "49.90")]
    amount: String,
    /// ISO 4217.
    #[schema(value_type = named::Currency)]
    currency: &'static str,
    interval: IntervalView,
    #[schema(example = 1)]
    quantity: u32,
    /// What is taken off its invoices, in this order.
    discounts: Vec<DiscountView>,
    /// The tax on them.
    tax: Option<TaxView>,
    /// How it is paid.
    payment_method: Option<MethodOfSubscription>,
    /// Whose midnights end its periods.
    #[schema(example = "Europe/Berlin")]
    zone: &'static str,
    /// The period that has begun last; none during a trial.
    current_period: Option<PeriodView>,
    /// The invoice that was made last.
    #[schema(value_type = Option<named::InvoiceId>)]
    latest_invoice: Option<String>,
    /// When it is billed next, if it is.
    #[schema(value_type = Option<String>, format = DateTime)]
    renews_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    trial_ends_at: Option<Timestamp>,
    /// What becomes of it when its trial ends without a payment method: `pause` or `cancel`.
    #[schema(value_type = named::WithoutPaymentMethod)]
    without_payment_method: &'static str,
    /// What a dispute of one of its payments does to it: `keep` or `cancel`.
    #[schema(value_type = named::OnDispute)]
    on_dispute: &'static str,
    /// It ends with its period.
    cancel_at_period_end: bool,
    /// It rests from the end of its period on.
    pause_at_period_end: bool,
    /// What holds from the next period on.
    pending_update: Option<PendingUpdateView>,
    /// So many renewals were missed that a person must decide whether they are billed: how many.
    missed_renewals: Option<u32>,
    #[schema(value_type = BTreeMap<String, String>)]
    metadata: Metadata,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
}

/// How a subscription is paid.
#[derive(Debug, Serialize, ToSchema)]
pub struct MethodOfSubscription {
    /// Which of the customer's payment methods it is.
    #[schema(value_type = named::PaymentMethodId)]
    id: String,
    #[schema(value_type = named::PaymentMethodType)]
    r#type: &'static str,
}

/// A discount: a `percent` or an `amount`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "name": "Launch", "percent": "12.5", "duration": { "periods": 3 }, "from_period": 0 }))]
pub struct DiscountView {
    #[schema(example = "Launch")]
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "12.5")]
    percent: Option<String>,
    /// In the currency of the subscription.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "5.00")]
    amount: Option<String>,
    /// `once`, `forever`, or `{"periods": 3}`.
    duration: DurationView,
    /// The number of the first period that it is given for, from zero.
    from_period: u32,
}

/// For how long a discount is given.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum DurationView {
    /// For one period, or for all.
    Named(DurationName),
    /// For so many periods.
    Periods {
        #[schema(example = 3)]
        periods: u32,
    },
}

/// For one period, or for all.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DurationName {
    Once,
    Forever,
}

/// A tax.
#[derive(Debug, Serialize, ToSchema)]
pub struct TaxView {
    #[schema(example = "VAT")]
    name: String,
    /// In hundredths: `"19"` is 19 %.
    #[schema(example = "19")]
    percent: String,
    /// Whether prices contain it.
    inclusive: bool,
}

/// A period: from its start on, until just before its end.
#[derive(Debug, Serialize, ToSchema)]
pub struct PeriodView {
    /// Its number, from zero.
    index: u32,
    #[schema(value_type = String, format = DateTime)]
    starts_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    ends_at: Timestamp,
}

/// What holds from the next period on.
#[derive(Debug, Serialize, ToSchema)]
pub struct PendingUpdateView {
    #[schema(value_type = named::PlanId)]
    plan: String,
    quantity: u32,
}

impl SubscriptionView {
    /// The subscription as its merchant sees it.
    pub fn new(app: &App, livemode: bool, subscription: Subscription) -> Self {
        let id = subscription.id.to_string();
        let renews_at = renews_at(&subscription);
        let Terms { plan_id, name, price, quantity } = subscription.terms;
        Self {
            status_url: app.url(&format!("/subscriptions/{id}")),
            id,
            object: "subscription",
            livemode,
            status: subscription.status.as_str(),
            customer: subscription.customer_id.to_string(),
            plan: plan_id.to_string(),
            name,
            amount: price.unit.display_amount(),
            currency: price.unit.currency.code(),
            interval: IntervalView::new(price.interval),
            quantity,
            discounts: subscription
                .discounts
                .iter()
                .filter(|discount| discount.until_period.is_none())
                .map(DiscountView::new)
                .collect(),
            tax: subscription.tax.as_ref().map(TaxView::new),
            payment_method: subscription.method.as_ref().map(MethodOfSubscription::new),
            zone: subscription.anchor.zone.name(),
            current_period: subscription.current_period.map(PeriodView::new),
            latest_invoice: subscription.latest_invoice.map(|id| id.to_string()),
            renews_at,
            trial_ends_at: subscription.trial_ends_at,
            without_payment_method: subscription.without_method.as_str(),
            on_dispute: subscription.on_dispute.as_str(),
            cancel_at_period_end: subscription.cancel_at_period_end,
            pause_at_period_end: subscription.pause_at_period_end,
            pending_update: subscription.pending_terms.as_ref().map(PendingUpdateView::new),
            missed_renewals: subscription.missed_renewals,
            metadata: subscription.metadata,
            created_at: subscription.created_at,
            updated_at: subscription.updated_at,
            ended_at: subscription.ended_at,
        }
    }
}

fn renews_at(subscription: &Subscription) -> Option<Timestamp> {
    let stops = subscription.cancel_at_period_end || subscription.pause_at_period_end;
    // A first invoice that is paid makes it active: then it renews.
    let renews = subscription.status.renews() || subscription.status == Status::Incomplete;
    let next = subscription.next_period().ok().filter(|_| renews && !stops)?;
    Some(next.start)
}

impl MethodOfSubscription {
    fn new(method: &PaymentMethod) -> Self {
        Self { id: method.id.to_string(), r#type: method.kind.as_str() }
    }
}

impl DiscountView {
    /// A discount, as merchants name it.
    pub fn new(discount: &Discount) -> Self {
        let (percent, amount) = match discount.reduction {
            Reduction::Percent(percent) => (Some(percent.number().to_string()), None),
            Reduction::Amount(amount) => (None, Some(amount.normalize().to_string())),
        };
        let duration = match discount.duration {
            Duration::Once => DurationView::Named(DurationName::Once),
            Duration::Periods(periods) => DurationView::Periods { periods },
            Duration::Forever => DurationView::Named(DurationName::Forever),
        };
        Self { name: discount.name.clone(), percent, amount, duration, from_period: discount.from_period }
    }
}

impl TaxView {
    /// A tax, as merchants name it.
    pub fn new(tax: &TaxRate) -> Self {
        let TaxRate { name, percent, inclusive } = tax;
        Self { name: name.clone(), percent: percent.number().to_string(), inclusive: *inclusive }
    }
}

impl PeriodView {
    fn new(period: Period) -> Self {
        Self { index: period.index, starts_at: period.start, ends_at: period.end }
    }
}

impl PendingUpdateView {
    fn new(terms: &Terms) -> Self {
        Self { plan: terms.plan_id.to_string(), quantity: terms.quantity }
    }
}
