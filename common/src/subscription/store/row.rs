//! Between rows and subscriptions. Columns are named once to be read and once to be written, here.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::stored::{StoredDiscount, StoredTax, StoredTerms};
use crate::{
    clock::Timestamp,
    customer::PaymentMethod,
    db::{
        self, column,
        row::{InvalidColumn, known, word},
    },
    gateway::SavedMethod,
    id::{CustomerId, InvoiceId, MerchantId, PaymentMethodId, PlanId, SubscriptionId},
    invoice::{Discount, Span, TaxRate},
    metadata::Metadata,
    plan::store::price,
    subscription::{
        Subscription, Terms,
        calendar::{Anchor, Period},
    },
};

/// A query that answers subscriptions, each with the last period that began: what stands after the tables.
macro_rules! subscriptions {
    ($after:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            $crate::subscription::store::row::SubscriptionRow,
            r#"SELECT s.id, s.merchant_id, s.customer_id, s.plan_id, s.name, s.unit_amount, s.currency,
                s.interval_unit, s.interval_count, s.quantity,
                s.discounts AS "discounts: crate::subscription::store::row::Discounts",
                s.tax AS "tax: crate::subscription::store::row::Tax",
                m.id AS "method_id?", m.type AS "method_type?", m.token AS "method_token?",
                m.saved AS "method_saved: crate::subscription::store::row::Saved",
                (m.declined_at IS NOT NULL) AS "method_declined!", s.anchor_date, s.anchor_index, s.zone, s.next_period_index,
                s.change_seq, s.free_seats, s.trial_ends_at, s.without_method, s.on_dispute, s.status, s.cancel_at_period_end,
                s.pause_at_period_end,
                s.pending_terms AS "pending_terms: crate::subscription::store::row::Pending",
                s.pending_zone, s.missed_renewals, s.catch_up_to,
                s.metadata AS "metadata: sqlx::types::Json<crate::metadata::Metadata>",
                s.version, s.created_at, s.updated_at, s.ended_at,
                period.period_index AS "period_index?", period.from_date AS "from_date?",
                period.to_date AS "to_date?", period.starts_at AS "starts_at?", period.ends_at AS "ends_at?",
                (SELECT i.id FROM invoices i WHERE i.subscription_id = s.id ORDER BY i.id DESC LIMIT 1)
                    AS latest_invoice
             FROM subscriptions s LEFT JOIN customer_payment_methods m ON m.id = s.method_id
             LEFT JOIN LATERAL (
                SELECT * FROM subscription_periods p WHERE p.subscription_id = s.id
                ORDER BY period_index DESC LIMIT 1) period ON true"# + $after
            $(, $argument)*
        )
    };
}
pub(crate) use subscriptions;

// The names of columns, which these stand in, are short.
pub type Discounts = Json<Vec<StoredDiscount>>;
pub type Tax = Json<StoredTax>;
pub type Saved = Json<SavedMethod>;
pub type Pending = Json<StoredTerms>;

/// A row of `subscriptions`, as the database types it.
pub struct SubscriptionRow {
    pub id: Uuid,
    pub merchant_id: Uuid,
    pub customer_id: Uuid,
    pub plan_id: Uuid,
    pub name: String,
    pub unit_amount: Decimal,
    pub currency: String,
    pub interval_unit: String,
    pub interval_count: i32,
    pub quantity: i64,
    pub discounts: Discounts,
    pub tax: Option<Tax>,
    pub method_id: Option<Uuid>,
    pub method_type: Option<String>,
    pub method_token: Option<String>,
    pub method_saved: Option<Saved>,
    pub method_declined: bool,
    pub anchor_date: NaiveDate,
    pub anchor_index: i64,
    pub zone: String,
    pub next_period_index: i64,
    pub change_seq: i64,
    pub free_seats: i64,
    pub trial_ends_at: Option<Timestamp>,
    pub without_method: String,
    pub on_dispute: String,
    pub status: String,
    pub cancel_at_period_end: bool,
    pub pause_at_period_end: bool,
    pub pending_terms: Option<Pending>,
    pub pending_zone: Option<String>,
    pub missed_renewals: Option<i64>,
    pub catch_up_to: Option<i64>,
    pub metadata: Json<Metadata>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub period_index: Option<i64>,
    pub from_date: Option<NaiveDate>,
    pub to_date: Option<NaiveDate>,
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub latest_invoice: Option<Uuid>,
}

impl SubscriptionRow {
    fn current_period(&self) -> Result<Option<Period>, InvalidColumn> {
        let (Some(index), Some(from), Some(to), Some(start), Some(end)) =
            (self.period_index, self.from_date, self.to_date, self.starts_at, self.ends_at)
        else {
            return Ok(None);
        };
        Ok(Some(Period { index: known("period_index", index)?, days: Span { from, to }, start, end }))
    }

    fn method(&self) -> Result<Option<PaymentMethod>, InvalidColumn> {
        let (Some(id), Some(kind), Some(token)) = (self.method_id, &self.method_type, &self.method_token)
        else {
            return Ok(None);
        };
        let (kind, saved) = (word("method_type", kind)?, self.method_saved.as_ref());
        let saved = saved.map(|saved| saved.0.clone());
        let is_declined = self.method_declined;
        Ok(Some(PaymentMethod { id: PaymentMethodId(id), kind, token: token.clone(), saved, is_declined }))
    }
}

impl TryFrom<SubscriptionRow> for Subscription {
    type Error = InvalidColumn;

    fn try_from(row: SubscriptionRow) -> Result<Self, InvalidColumn> {
        Ok(Self {
            id: SubscriptionId(row.id),
            merchant_id: MerchantId(row.merchant_id),
            customer_id: CustomerId(row.customer_id),
            current_period: row.current_period()?,
            latest_invoice: row.latest_invoice.map(InvoiceId),
            method: row.method()?,
            terms: Terms {
                plan_id: PlanId(row.plan_id),
                name: row.name,
                price: price(row.unit_amount, &row.currency, &row.interval_unit, row.interval_count)?,
                quantity: known("quantity", row.quantity)?,
            },
            discounts: row.discounts.0.into_iter().map(Discount::try_from).collect::<Result<_, _>>()?,
            tax: row.tax.map(|tax| TaxRate::try_from(tax.0)).transpose()?,
            status: word("status", &row.status)?,
            anchor: Anchor {
                date: row.anchor_date,
                zone: word("zone", &row.zone)?,
                index: known("anchor_index", row.anchor_index)?,
            },
            next_period_index: known("next_period_index", row.next_period_index)?,
            change_seq: known("change_seq", row.change_seq)?,
            free_seats: known("free_seats", row.free_seats)?,
            trial_ends_at: row.trial_ends_at,
            without_method: word("without_method", &row.without_method)?,
            on_dispute: word("on_dispute", &row.on_dispute)?,
            cancel_at_period_end: row.cancel_at_period_end,
            pause_at_period_end: row.pause_at_period_end,
            pending_terms: row.pending_terms.map(|terms| Terms::try_from(terms.0)).transpose()?,
            pending_zone: row.pending_zone.map(|zone| word("pending_zone", &zone)).transpose()?,
            missed_renewals: row
                .missed_renewals
                .map(|missed| known("missed_renewals", missed))
                .transpose()?,
            catch_up_to: row.catch_up_to.map(|last| known("catch_up_to", last)).transpose()?,
            metadata: row.metadata.0,
            version: known("version", row.version)?,
            created_at: row.created_at,
            updated_at: row.updated_at,
            ended_at: row.ended_at,
        })
    }
}

/// What makes a request to subscribe the same request.
pub struct RequestKey<'a> {
    pub idempotency_key: &'a str,
    pub request_hash: &'a [u8; 32],
}

/// The columns of a subscription that may change, by their names.
#[derive(Serialize)]
struct Columns<'a> {
    plan_id: Uuid,
    name: &'a str,
    unit_amount: Decimal,
    interval_unit: &'static str,
    interval_count: u16,
    quantity: u32,
    discounts: Vec<StoredDiscount>,
    tax: Option<StoredTax>,
    method_id: Option<Uuid>,
    anchor_date: NaiveDate,
    anchor_index: u32,
    zone: &'static str,
    next_period_index: u32,
    change_seq: u32,
    free_seats: u32,
    trial_ends_at: Option<Timestamp>,
    on_dispute: &'static str,
    status: &'static str,
    cancel_at_period_end: bool,
    pause_at_period_end: bool,
    pending_terms: Option<StoredTerms>,
    pending_zone: Option<&'static str>,
    missed_renewals: Option<u32>,
    catch_up_to: Option<u32>,
    metadata: &'a Metadata,
    ended_at: Option<Timestamp>,
}

impl<'a> Columns<'a> {
    fn of(subscription: &'a Subscription) -> Json<Self> {
        let Terms { plan_id, name, price, quantity } = &subscription.terms;
        let Anchor { date, zone, index } = subscription.anchor;
        Json(Self {
            plan_id: plan_id.0,
            name,
            unit_amount: price.unit.amount,
            interval_unit: price.interval.unit().as_str(),
            interval_count: price.interval.count(),
            quantity: *quantity,
            discounts: subscription.discounts.iter().map(StoredDiscount::from).collect(),
            tax: subscription.tax.as_ref().map(StoredTax::from),
            method_id: subscription.method.as_ref().map(|method| method.id.0),
            anchor_date: date,
            anchor_index: index,
            zone: zone.name(),
            next_period_index: subscription.next_period_index,
            change_seq: subscription.change_seq,
            free_seats: subscription.free_seats,
            trial_ends_at: subscription.trial_ends_at,
            on_dispute: subscription.on_dispute.as_str(),
            status: subscription.status.as_str(),
            cancel_at_period_end: subscription.cancel_at_period_end,
            pause_at_period_end: subscription.pause_at_period_end,
            pending_terms: subscription.pending_terms.as_ref().map(StoredTerms::from),
            pending_zone: subscription.pending_zone.map(|zone| zone.name()),
            missed_renewals: subscription.missed_renewals,
            catch_up_to: subscription.catch_up_to,
            metadata: &subscription.metadata,
            ended_at: subscription.ended_at,
        })
    }
}

/// Stores a new subscription, unless its key was used before. Tells whether it did.
pub async fn insert(
    db: &mut PgConnection,
    new: &Subscription,
    request: &RequestKey<'_>,
) -> sqlx::Result<bool> {
    let stored = sqlx::query!(
        "INSERT INTO subscriptions (id, merchant_id, customer_id, idempotency_key, request_hash, created_at,
             updated_at, currency, without_method, plan_id, name, unit_amount, interval_unit, interval_count,
             quantity, discounts, tax, method_id, anchor_date, anchor_index, zone, next_period_index, trial_ends_at,
             on_dispute, status, metadata)
         SELECT $1, $2, $3, $4, $5, $6, $6, $7, $8, n.plan_id, n.name, n.unit_amount, n.interval_unit,
             n.interval_count, n.quantity, n.discounts, n.tax, n.method_id, n.anchor_date, n.anchor_index, n.zone,
             n.next_period_index, n.trial_ends_at, n.on_dispute, n.status, n.metadata
         FROM jsonb_populate_record(NULL::subscriptions, $9) n
         ON CONFLICT (merchant_id, idempotency_key) DO NOTHING",
        new.id.0,
        new.merchant_id.0,
        new.customer_id.0,
        request.idempotency_key,
        request.request_hash.as_slice(),
        new.created_at,
        new.terms.price.unit.currency.code(),
        new.without_method.as_str(),
        Columns::of(new) as _,
    )
    .execute(db)
    .await?;
    Ok(stored.rows_affected() == 1)
}

/// Writes subscriptions as they have become, if they still are as they were read. All of them, or some are somebody
/// else's: then nothing of this transaction may stay.
pub async fn update(db: &mut PgConnection, changed: &[(&Subscription, &Subscription)]) -> db::Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    let written = sqlx::query!(
        "UPDATE subscriptions s
         SET plan_id = n.plan_id, name = n.name, unit_amount = n.unit_amount, interval_unit = n.interval_unit,
             interval_count = n.interval_count, quantity = n.quantity, discounts = n.discounts, tax = n.tax,
             method_id = n.method_id, anchor_date = n.anchor_date, anchor_index = n.anchor_index, zone = n.zone,
             next_period_index = n.next_period_index, change_seq = n.change_seq, free_seats = n.free_seats,
             trial_ends_at = n.trial_ends_at, on_dispute = n.on_dispute, status = n.status,
             cancel_at_period_end = n.cancel_at_period_end, pause_at_period_end = n.pause_at_period_end,
             pending_terms = n.pending_terms, pending_zone = n.pending_zone, missed_renewals = n.missed_renewals,
             catch_up_to = n.catch_up_to, metadata = n.metadata, ended_at = n.ended_at, version = s.version + 1,
             updated_at = greatest(remit_now(), s.updated_at)
         FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::jsonb[]) AS read (id, version, index, becomes)
             CROSS JOIN LATERAL jsonb_populate_record(NULL::subscriptions, read.becomes) n
         WHERE s.id = read.id AND s.version = read.version AND s.next_period_index = read.index",
        &column(changed, |(before, _)| before.id.0),
        &column(changed, |(before, _)| i64::from(before.version)),
        &column(changed, |(before, _)| i64::from(before.next_period_index)),
        &column(changed, |(_, now)| Columns::of(now)) as _,
    )
    .execute(db)
    .await?;
    let is_all = usize::try_from(written.rows_affected()) == Ok(changed.len());
    if is_all {
        Ok(())
    } else {
        Err(db::Error::broken("a subscription that is locked was changed by another"))
    }
}
