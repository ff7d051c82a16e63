//! `POST /create-subscription`: accepts a subscription; its first invoice is paid by a worker.

use axum::{extract::State, response::Response};
use common::{
    billing::{self, Accepted as Stored, NewSubscription},
    customer::MethodChoice,
    gateway::MethodType,
    id::{CustomerId, MerchantId, PaymentMethodId, PlanId, SubscriptionId},
    invoice::{Discount, TaxRate},
    metadata::Metadata,
    plan::{Offer, Price},
    subscription::{OnDispute, Tz, WithoutMethod, state::Refusal},
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::{
    App,
    auth::{Caller, SubscriptionsWrite},
    docs::CreateProblems,
    error::{ApiError, Problem},
    extract::{BillingMethod, Body, Faults, IdempotencyKey, NONE_OF_YOURS, Prefer, ReturnUrl, Trace, body},
    plans::create::TrialDays,
};

use super::{
    NONE_OF_THE_CUSTOMER, SubscriptionView, accepted, charged, refused,
    terms::{self, Discounts, InlinePrice, Quantity, TaxRequest},
    view::{DiscountView, TaxView},
};

body! {
    /// A subscription to be made.
    #[example({
        "customer": "cus_0193a3f1c2d87b51a9f0c4d2e8b7a601",
        "plan": "plan_0193a3f1c2d87b51a9f0c4d2e8b7a601",
        "quantity": 3,
        "payment_method": { "type": "card", "token": "pm_card_visa" },
        "zone": "Europe/Berlin"
    })]
    pub struct CreateSubscription {
        /// Who pays.
        customer: CustomerId,
        /// What for: a plan, or `price`.
        plan: Option<PlanId>,
        /// A price of its own, instead of `plan`.
        price: Option<InlinePrice>,
        /// How many: 1 by default.
        #[example = 3]
        quantity: Option<Quantity>,
        /// How it is paid; without it by the customer's default. It is saved at the gateway, and charged without the
        /// payer from then on. Needed unless there is a trial or a default.
        payment_method: Option<BillingMethod>,
        /// What is taken off its invoices, in this order.
        discounts: Option<Discounts>,
        /// The tax on them.
        tax: Option<TaxRequest>,
        /// How many days are free; without it as many as the plan says.
        #[example = 14]
        trial_days: Option<TrialDays>,
        /// What becomes of it when its trial ends without a payment method: `pause` (the default) or `cancel`.
        #[example = "pause"]
        without_payment_method: Option<WithoutMethod>,
        /// What a dispute of one of its payments does to it: `keep` (it goes on) or `cancel` (it ends at once, and
        /// nothing is given back). Without it, what is settled for all of yours: `keep`.
        #[example = "cancel"]
        on_dispute: Option<OnDispute>,
        /// The IANA time zone whose midnights end its periods; `UTC` by default.
        zone: Option<Tz>,
        /// Where the payer comes back to after an authentication of the first payment. Without it a bank that
        /// wants one declines.
        return_url: Option<ReturnUrl>,
        /// Up to 50 keys (40 characters) with values (500 characters) of your own.
        metadata: Option<Metadata>,
    }
    read(at, reader) -> Ordered {
        if matches!((&plan, &price), (Some(None), Some(None))) {
            reader.fault::<()>(at.field("plan"), "is required, or price");
        }
        let offer = terms::offer(plan, price, at, reader);
        Some(Ordered {
            customer_id: customer?,
            offer: offer??,
            quantity: quantity?.unwrap_or(1),
            trial_days: trial_days?,
            without_method: without_payment_method?.unwrap_or_default(),
            on_dispute: on_dispute?,
            zone: zone?.unwrap_or_default(),
            discounts: discounts?.unwrap_or_default(),
            tax: tax?,
            method: payment_method?,
            return_url: return_url?,
            metadata: metadata?.unwrap_or_default(),
        })
    }
}

/// A subscription as it was asked for.
pub struct Ordered {
    customer_id: CustomerId,
    offer: Offer,
    quantity: u32,
    trial_days: Option<u16>,
    without_method: WithoutMethod,
    on_dispute: Option<OnDispute>,
    zone: Tz,
    discounts: Vec<Discount>,
    tax: Option<TaxRate>,
    method: Option<MethodChoice>,
    return_url: Option<String>,
    metadata: Metadata,
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
        (status = 409, body = Problem, description = "The plan is archived, or no gateway takes what it would bill (too much, or less than the gateway's least): the `code` says which.",
            example = json!({ "code": "plan-archived", "detail": "The plan is archived, and no subscription takes it any more." })),
        CreateProblems,
    ),
)]
pub async fn create(
    State(app): State<App>,
    caller: Caller<SubscriptionsWrite>,
    IdempotencyKey(key): IdempotencyKey,
    prefer: Prefer,
    Trace(traceparent): Trace,
    Body(ordered): Body<CreateSubscription>,
) -> Result<Response, ApiError> {
    let new = new_subscription(caller.merchant, key, ordered);
    match billing::create(&app.pool, &new, &traceparent).await? {
        Stored::New(subscription, jobs) => Ok(accepted(
            &app,
            caller.livemode,
            charged(&app, *subscription, jobs, prefer).await,
            prefer,
            false,
        )),
        Stored::Repeated(subscription) => Ok(accepted(
            &app,
            caller.livemode,
            charged(&app, *subscription, Vec::new(), prefer).await,
            prefer,
            true,
        )),
        Stored::KeyReused => Err(ApiError::IdempotencyKeyReused),
        Stored::NoPlan => Err(Faults::one("/plan", NONE_OF_YOURS)),
        Stored::NoCustomer => Err(Faults::one("/customer", NONE_OF_YOURS)),
        Stored::NoMethod => Err(Faults::one("/payment_method/id", NONE_OF_THE_CUSTOMER)),
        Stored::Refused(Refusal::NoMethod) => {
            let told = "is required without a trial: the customer has no default";
            Err(Faults::one("/payment_method", told))
        }
        Stored::Refused(refusal) => Err(refused(&refusal)),
    }
}

fn new_subscription(merchant_id: MerchantId, idempotency_key: String, ordered: Ordered) -> NewSubscription {
    let request_hash = hash(&ordered);
    let Ordered { customer_id, offer, quantity, trial_days, without_method, on_dispute, .. } = ordered;
    let Ordered { zone, discounts, tax, method, return_url, metadata, .. } = ordered;
    NewSubscription {
        id: SubscriptionId::new(),
        merchant_id,
        idempotency_key,
        request_hash,
        customer_id,
        offer,
        quantity,
        trial_days,
        without_method,
        on_dispute,
        zone,
        discounts,
        tax,
        method,
        return_url,
        metadata,
    }
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

fn hash(new: &Ordered) -> [u8; 32] {
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
    use serde_json::{Value, json};

    use super::*;
    use crate::{extract::part, gateway_routing::GatewayRouting};

    /// Stored for ever with each subscription: another hash for the same request would refuse its repetition
    /// after an upgrade.
    #[test]
    fn the_hash_of_a_request_is_pinned() {
        let hash = |body| {
            let ordered = part::read::<CreateSubscription>(Value::into(body), &GatewayRouting::default());
            let new = new_subscription(MerchantId::new(), "k".into(), ordered.expect("a valid body"));
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
