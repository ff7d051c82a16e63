//! `POST /create-subscription`: accepts a subscription; its first invoice is paid by a worker.

use axum::{extract::State, response::Response};
use common::{
    customer::MethodChoice,
    gateway::MethodType,
    id::{CustomerId, MerchantId, PaymentMethodId, PlanId, SubscriptionId},
    payment::Metadata,
    plan::Offer,
    subscription::{
        OnDispute, Price, Tz, WithoutMethod,
        state::Refusal,
        store::{self, Accepted as Stored, NewSubscription},
    },
};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use crate::{
    App,
    auth::Caller,
    customers::methods::read_token,
    docs::CreateProblems,
    error::{ApiError, Problem},
    extract::{
        IdempotencyKey, JsonBody, Prefer, Trace,
        fields::{self, Faults, Fields, metadata, whole},
        return_url,
    },
    plans::create::trial_days,
};

use super::{
    SubscriptionView, accepted, charged, refused,
    terms::{self, DiscountRequest, InlinePrice, TaxRequest},
    view::{DiscountView, TaxView},
};

/// Seats, at most.
const QUANTITY_MAX: u32 = 1_000_000;

/// A subscription to be made.
#[derive(ToSchema)]
#[schema(example = json!({
    "customer": "cus_0193a3f1c2d87b51a9f0c4d2e8b7a601",
    "plan": "plan_0193a3f1c2d87b51a9f0c4d2e8b7a601",
    "quantity": 3,
    "payment_method": { "type": "card", "token": "pm_card_visa" },
    "zone": "Europe/Berlin"
}))]
#[expect(dead_code, reason = "the description of what read reads")]
pub struct CreateSubscription {
    /// Who pays.
    #[schema(example = "cus_0193a3f1c2d87b51a9f0c4d2e8b7a601")]
    customer: String,
    /// What for: a plan, or `price`.
    #[schema(example = "plan_0193a3f1c2d87b51a9f0c4d2e8b7a601")]
    plan: Option<String>,
    /// A price of its own, instead of `plan`.
    price: Option<InlinePrice>,
    /// How many: 1 by default.
    #[schema(example = 3, minimum = 1, maximum = 1_000_000)]
    quantity: Option<u32>,
    /// How it is paid; without it by the customer's default. It is saved at the gateway, and charged without the
    /// payer from then on. Needed unless there is a trial or a default.
    payment_method: Option<BillingMethod>,
    /// What is taken off its invoices, in this order: 10 at most.
    discounts: Option<Vec<DiscountRequest>>,
    /// The tax on them.
    tax: Option<TaxRequest>,
    /// How many days are free; without it as many as the plan says.
    #[schema(example = 14, maximum = 730)]
    trial_days: Option<u16>,
    /// What becomes of it when its trial ends without a payment method: `pause` (the default) or `cancel`.
    #[schema(example = "pause")]
    without_payment_method: Option<String>,
    /// What a dispute of one of its payments does to it: `keep` (it goes on) or `cancel` (it ends at once, and nothing
    /// is given back). Without it, what is settled for all of yours: `keep`.
    #[schema(example = "cancel")]
    on_dispute: Option<String>,
    /// The IANA time zone whose midnights end its periods; `UTC` by default.
    #[schema(example = "Europe/Berlin")]
    zone: Option<String>,
    /// Where the payer comes back to after an authentication of the first payment. Without it a bank that
    /// wants one declines.
    return_url: Option<String>,
    /// Up to 50 keys (40 characters) with values (500 characters) of your own.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Metadata>,
}

/// How a subscription is paid: by a method that the customer has, which is named by its `id`; or by `type` and
/// `token`, which the customer has from then on. Never a card number: the token that the gateway's own form gave you.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the description of what method reads")]
pub struct BillingMethod {
    /// A payment method of the customer.
    #[schema(example = "pym_0193a3f1c2d87b51a9f0c4d2e8b7a601")]
    id: Option<String>,
    /// `card`, `apple_pay`, `google_pay`, `bank_debit` or `paypal`.
    #[schema(value_type = Option<String>, example = "card")]
    r#type: Option<MethodType>,
    /// The gateway's token.
    #[schema(example = "pm_card_visa")]
    token: Option<String>,
}

/// Make a subscription
///
/// Its first period is billed at once, or after its trial; each further one at midnight in its zone. It is
/// `incomplete` until its first invoice is paid: ask the status URL, or send `Prefer: wait=10`.
#[utoipa::path(
    post, path = "/create-subscription", operation_id = "createSubscription", tag = "Subscriptions", request_body = CreateSubscription,
    params(
        IdempotencyKey,
        Prefer,
    ),
    responses(
        (status = 202, body = SubscriptionView, description = "Accepted. `Location` names the status URL; `Idempotent-Replayed: true` tells a repetition.",
            headers(("ETag" = String))),
        (status = 404, body = Problem, description = "No such plan or customer of yours, or no such payment method of the customer."),
        (status = 409, body = Problem, description = "The plan is archived, or no gateway takes what it would bill (too much, or less than the gateway's least): the `code` says which.",
            example = json!({ "code": "plan-archived", "detail": "The plan is archived, and no subscription takes it any more." })),
        CreateProblems,
    ),
)]
pub async fn create(
    State(app): State<App>,
    Caller(merchant): Caller,
    IdempotencyKey(key): IdempotencyKey,
    prefer: Prefer,
    Trace(traceparent): Trace,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let new = read(merchant.id, key, body)?;
    match store::create(&app.pool, &new, &traceparent).await? {
        Stored::New(subscription, jobs) => {
            Ok(accepted(&app, charged(&app, *subscription, jobs, prefer).await, prefer, false))
        }
        Stored::Repeated(subscription) => {
            Ok(accepted(&app, charged(&app, *subscription, Vec::new(), prefer).await, prefer, true))
        }
        Stored::KeyReused => Err(ApiError::IdempotencyKeyReused),
        Stored::NoPlan | Stored::NoCustomer | Stored::NoMethod => Err(ApiError::NotFound),
        Stored::Refused(Refusal::NoMethod) => {
            let mut faults = Faults::default();
            faults.at("/payment_method", "is required without a trial: the customer has no default");
            Err(faults.into())
        }
        Stored::Refused(refusal) => Err(refused(&refusal)),
    }
}

/// Reads a body, and tells all of its faults at once.
fn read(merchant_id: MerchantId, key: String, body: Value) -> Result<NewSubscription, ApiError> {
    let mut faults = Faults::default();
    let read = Fields::of(body, "", &mut faults).and_then(|mut fields| {
        let new = read_fields(&mut fields, merchant_id, key);
        fields.finish();
        new
    });
    faults.or(read).map(|new| NewSubscription { request_hash: hash(&new), ..new })
}

fn read_fields(fields: &mut Fields<'_>, merchant_id: MerchantId, key: String) -> Option<NewSubscription> {
    let customer = fields.required("customer", fields::name);
    let is_offered = fields.has("plan") || fields.has("price");
    let offer = terms::offer(fields);
    if !is_offered {
        fields.fault("plan", "is required, or price");
    }
    let quantity = fields.optional("quantity", quantity);
    let method = fields.object("payment_method", method);
    let discounts = terms::discounts(fields);
    let tax = terms::tax(fields);
    let trial_days = fields.optional("trial_days", trial_days);
    let without_method = fields.optional("without_payment_method", fields::name);
    let on_dispute = fields.optional("on_dispute", fields::name);
    let zone = fields.optional("zone", zone);
    let return_url = fields.optional("return_url", return_url);
    let metadata = fields.optional("metadata", metadata);
    Some(NewSubscription {
        id: SubscriptionId::new(),
        merchant_id,
        idempotency_key: key,
        request_hash: [0; 32],
        customer_id: customer?,
        offer: offer?,
        quantity: quantity.unwrap_or(1),
        trial_days,
        without_method: without_method.unwrap_or_default(),
        on_dispute,
        zone: zone.unwrap_or_default(),
        discounts: discounts.unwrap_or_default(),
        tax,
        method,
        return_url,
        metadata: metadata.unwrap_or_default(),
    })
}

/// Seats.
pub fn quantity(value: Value) -> Result<u32, String> {
    match whole(QUANTITY_MAX)(value)? {
        0 => Err("must be at least 1".into()),
        quantity => Ok(quantity),
    }
}

/// An IANA time zone.
pub fn zone(value: Value) -> Result<Tz, String> {
    fields::name(value).map_err(|_| "must be an IANA time zone, such as \"Europe/Berlin\"".to_owned())
}

/// How it is paid.
pub fn method(fields: &mut Fields<'_>) -> Option<MethodChoice> {
    if !fields.has("id") {
        return read_token(fields).map(|(kind, token)| MethodChoice::Token(kind, token));
    }
    let kept = fields.optional("id", fields::name);
    if fields.has("type") || fields.has("token") {
        fields.fault("id", "cannot be used together with type and token");
        read_token(fields);
    }
    kept.map(MethodChoice::Kept)
}

/// What was asked for, as it was understood. Its hash is stored for ever: a field that is added later stays
/// out of it where it is not used.
#[derive(Serialize)]
struct Understood<'a> {
    customer: CustomerId,
    plan: Option<PlanId>,
    quantity: u32,
    method: Option<(MethodType, &'a str)>,
    trial_days: Option<u16>,
    without_method: WithoutMethod,
    zone: &'static str,
    return_url: Option<&'a str>,
    metadata: &'a Metadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    method_id: Option<PaymentMethodId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<UnderstoodPrice<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    discounts: Vec<DiscountView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tax: Option<TaxView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_dispute: Option<OnDispute>,
}

/// A price that was asked for: its name, amount, currency, interval.
type UnderstoodPrice<'a> = (&'a str, String, &'static str, (&'static str, u16));

fn hash(new: &NewSubscription) -> [u8; 32] {
    let (plan, price) = match &new.offer {
        Offer::Plan(plan) => (Some(*plan), None),
        Offer::Price(name, Price { unit, interval }) => {
            let interval = (interval.unit().as_str(), interval.count());
            (None, Some((name.as_str(), unit.display_amount(), unit.currency.code(), interval)))
        }
    };
    let (method, method_id) = match &new.method {
        Some(MethodChoice::Token(kind, token)) => (Some((*kind, token.as_str())), None),
        Some(MethodChoice::Kept(id)) => (None, Some(*id)),
        None => (None, None),
    };
    let understood = Understood {
        customer: new.customer_id,
        plan,
        quantity: new.quantity,
        method,
        method_id,
        trial_days: new.trial_days,
        without_method: new.without_method,
        zone: new.zone.name(),
        return_url: new.return_url.as_deref(),
        metadata: &new.metadata,
        price,
        discounts: new.discounts.iter().map(DiscountView::new).collect(),
        tax: new.tax.as_ref().map(TaxView::new),
        on_dispute: new.on_dispute,
    };
    Sha256::digest(serde_json::to_vec(&understood).unwrap_or_default()).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Stored for ever with each subscription: another hash for the same request would refuse its repetition
    /// after an upgrade.
    #[test]
    fn the_hash_of_a_request_is_pinned() {
        let hash = |body| {
            let new = read(MerchantId::new(), "k".into(), body).expect("a valid body");
            new.request_hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        let (customer, plan) =
            ("cus_0193a3f1c2d87b51a9f0c4d2e8b7a601", "plan_0193a3f1c2d87b51a9f0c4d2e8b7a601");
        let least = json!({ "customer": customer, "plan": plan });
        let same = json!({
            "plan": plan, "customer": customer, "quantity": 1, "zone": "UTC", "trial_days": null,
            "without_payment_method": "pause",
        });
        let most = json!({
            "customer": customer, "plan": plan, "quantity": 3, "zone": "Asia/Kolkata", "trial_days": 0,
            "without_payment_method": "cancel", "return_url": "https://shop.example/", "metadata": { "a": "1" },
            "payment_method": { "type": "card", "token": "pm_1" },
        });
        assert_eq!(hash(same), hash(least.clone()));
        let mut none = least.clone();
        none["discounts"] = json!([]);
        assert_eq!(hash(none), hash(least.clone()));
        let priced = json!({
            "customer": customer, "tax": { "name": "VAT", "percent": "19.0" },
            "price": { "name": "Team", "amount": "9.9", "currency": "EUR", "interval": "month" },
            "discounts": [{ "name": "Off", "percent": "12.5", "duration": { "periods": 3 } }],
        });
        assert_eq!(hash(priced), "11c14194e0b4eea9");
        let mut named = least.clone();
        named["payment_method"] = json!({ "id": "pym_0193a3f1c2d87b51a9f0c4d2e8b7a601" });
        assert_eq!(hash(named), "877acaceee2fd076");
        assert_eq!((hash(least), hash(most)), ("09ecc852fce0c7ba".into(), "2bf029cb7e64795e".into()));
    }
}
