//! `POST /process-payment`: accepts a payment; the charge itself happens in the worker.

use axum::{
    extract::{FromRequestParts, State},
    http::request::Parts,
    response::Response,
};
use common::{
    batch::BatchError,
    gateway::{Capture, GatewayName, MethodType},
    id::{ApiKeyId, MerchantId, PaymentId},
    metadata::Metadata,
    money::{Currency, Money},
    payment::{self, Fallback, NewPayment, PaymentRequest, Route, store::Accepted as Stored},
};
use rust_decimal::Decimal;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::{
    App,
    auth::{Caller, PaymentsWrite},
    docs::CreateProblems,
    error::ApiError,
    extract::{
        Body, IdempotencyKey, Payer, PaymentMethod, Pointer, PositiveAmount, Prefer, Reader, ReturnUrl, Text,
        Trace, body,
    },
    intake::Request,
};

use super::{PaymentView, accepted, capped};

body! {
    /// A payment to be made.
    #[example({
        "amount": "49.90",
        "currency": "EUR",
        "payment_method": { "type": "card", "token": "pm_card_visa" },
        "order_id": "A-1042"
    })]
    pub struct ProcessPayment {
        /// A decimal string in major units, with at most as many decimals as the currency has; a number is refused. Not
        /// less than the gateway's least, where that is known: 0.50 EUR by card.
        amount: PositiveAmount,
        /// ISO 4217, upper case.
        currency: Currency,
        /// How the payer pays.
        payment_method: PaymentMethod,
        /// When the money is taken: `automatic` (at once, the default) or `manual` (authorized now, captured
        /// by a later call).
        #[example = "automatic"]
        capture: Option<Capture>,
        /// Who pays.
        customer: Option<Payer>,
        /// For your own eyes.
        description: Option<Text<500>>,
        /// Your number for what is paid. Payments can be listed by it.
        #[example = "A-1042"]
        order_id: Option<Text<100>>,
        /// Up to 50 keys (40 characters) with values (500 characters) of your own.
        metadata: Option<Metadata>,
        /// Where the payer comes back to after an authentication: an http(s) URL, or one with an app's own scheme.
        #[example = "myapp://paid"]
        return_url: Option<ReturnUrl>,
        /// Another method, at another gateway, should the first not have got the request.
        fallback: Option<FallbackMethod>,
    }
    read(at, reader) -> (PaymentRequest, Route) {
        let gateway = payment_method.as_ref().map(|(method, _)| reader.gateway_routing.gateway(*method));
        let money = money(amount, currency, gateway, at.field("amount"), reader);
        if let (Some((MethodType::Paypal, None)), Some(None)) = (&payment_method, &return_url) {
            let told = "is required without a token: the payer comes back here from PayPal";
            reader.fault::<()>(at.field("return_url"), told);
        }
        let fallback = match fallback? {
            Some(other) => Some(elsewhere(other, gateway, money, at.field("fallback"), reader)?),
            None => None,
        };
        let (method, token) = payment_method?;
        let request = PaymentRequest {
            money: money?,
            capture: capture?.unwrap_or(Capture::Automatic),
            customer: customer?,
            description: description?,
            order_id: order_id?,
            metadata: metadata?.unwrap_or_default(),
            return_url: return_url?,
        };
        Some((request, Route { method, token, gateway: gateway?, fallback }))
    }
}

body! {
    /// Another method, at another gateway: used once, if the first gateway provably did not get the request.
    /// Never while it is unknown whether the first has charged.
    #[example({ "payment_method": { "type": "paypal", "token": "vault_ok" }, "on_soft_decline": true })]
    pub struct FallbackMethod {
        /// How the payer pays then. It needs a token.
        payment_method: PaymentMethod,
        /// Use it after a soft decline as well; `false` by default.
        on_soft_decline: Option<bool>,
    }
}

/// Make a payment
///
/// The answer comes before the charge: ask the status URL for the outcome, or send `Prefer: wait=10`.
#[utoipa::path(
    post, path = "/process-payment", operation_id = "createPayment", tag = "Payments", request_body = ProcessPayment,
    params(
        IdempotencyKey,
        Prefer,
    ),
    responses(
        (status = 202, body = PaymentView, description = "Accepted. `Location` names the status URL; `Idempotent-Replayed: true` tells a repetition.",
            example = json!({ "status": "pending", "amount_captured": "0.00", "gateway_reference": null })),
        CreateProblems,
    ),
)]
pub async fn process(
    State(app): State<App>,
    caller: Caller<PaymentsWrite>,
    _: Room,
    IdempotencyKey(key): IdempotencyKey,
    prefer: Prefer,
    Trace(traceparent): Trace,
    Body((request, route)): Body<ProcessPayment>,
) -> Result<Response, ApiError> {
    let cap = caller.key.rights.caps.check(request.money).map_err(|cap| capped::over(&cap))?;
    let new = new_payment((caller.merchant, caller.key.id), key, request, route);
    // Before the job goes out, so that no notice of its end can be missed.
    let watch = prefer.wait.map(|_| app.outcomes.watch(new.id.0));
    let reply_to = app.outcomes.address(prefer);
    let request = Request { new, traceparent, reply_to };
    let stored = match cap {
        None => app.intake.accept(request).await?,
        Some(of_day) => capped::accept(&app, caller.key.first_key_id, of_day, request).await?,
    };
    match stored {
        Stored::New(payment, _) => {
            let payment = match (watch, prefer.wait) {
                (Some(watch), Some(wait)) => app.outcomes.wait(&watch, *payment, wait).await,
                _ => *payment,
            };
            Ok(accepted(&app, caller.livemode, payment, prefer, false))
        }
        Stored::Repeated(payment) => {
            let payment = app.follow(prefer, *payment, []).await;
            Ok(accepted(&app, caller.livemode, payment, prefer, true))
        }
        Stored::KeyReused => Err(ApiError::IdempotencyKeyReused),
    }
}

/// There is room for another payment. It is looked before the body is read: whoever is refused costs little, and what is
/// accepted beside it is as much as ever.
pub struct Room;

impl FromRequestParts<App> for Room {
    type Rejection = ApiError;

    async fn from_request_parts(_: &mut Parts, app: &App) -> Result<Self, ApiError> {
        if app.intake.is_full() { Err(BatchError::Full.into()) } else { Ok(Self) }
    }
}

/// What was asked for, as it was understood. Its hash is stored for ever: a field that is added later stays
/// out of it where it is not used.
#[derive(Serialize)]
struct Understood<'a> {
    money: String,
    method: MethodType,
    token: Option<&'a str>,
    capture: Capture,
    gateway: GatewayName,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<&'a payment::Payer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<&'a str>,
    metadata: &'a Metadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback: Option<Fallback>,
}

fn hash(request: &PaymentRequest, route: &Route) -> [u8; 32] {
    // Over what was understood, not over its bytes: spaces and the order of fields do not matter. Where it
    // is routed to is ours to change, so the usual gateway stands for it.
    let usual =
        |other: &Fallback| Fallback { gateway: GatewayName::for_method(other.method), ..other.clone() };
    let understood = Understood {
        money: request.money.to_string(),
        method: route.method,
        token: route.token.as_deref(),
        capture: request.capture,
        gateway: GatewayName::for_method(route.method),
        customer: request.customer.as_ref(),
        description: request.description.as_deref(),
        order_id: request.order_id.as_deref(),
        metadata: &request.metadata,
        return_url: request.return_url.as_deref(),
        fallback: route.fallback.as_ref().map(usual),
    };
    Sha256::digest(serde_json::to_vec(&understood).unwrap_or_default()).into()
}

fn new_payment(
    (merchant_id, api_key_id): (MerchantId, ApiKeyId),
    idempotency_key: String,
    request: PaymentRequest,
    route: Route,
) -> NewPayment {
    let request_hash = hash(&request, &route);
    NewPayment {
        id: PaymentId::new(),
        merchant_id,
        api_key_id,
        idempotency_key,
        request_hash,
        request,
        route,
    }
}

/// The other gateway must be another, must be able to take the amount, and needs no payer at its page.
fn elsewhere(
    other: FallbackMethod,
    first: Option<GatewayName>,
    money: Option<Money>,
    at: Pointer<'_>,
    reader: &mut Reader<'_>,
) -> Option<Fallback> {
    let FallbackMethod { payment_method: (method, token), on_soft_decline } = other;
    let gateway = reader.gateway_routing.gateway(method);
    let Some(token) = token else { return reader.fault(at, "must have a token") };
    if first == Some(gateway) {
        return reader.fault(at, format!("must be at another gateway than {gateway}"));
    }
    match money.map(|money| gateway.check_charge(&money)) {
        Some(Err(why)) => reader.fault(at, format!("cannot be used: the amount {why}")),
        _ => Some(Fallback { method, token, gateway, on_soft_decline: on_soft_decline.unwrap_or(false) }),
    }
}

/// So much of that currency, if the gateway charges it.
fn money(
    amount: Option<Decimal>,
    currency: Option<Currency>,
    gateway: Option<GatewayName>,
    at: Pointer<'_>,
    reader: &mut Reader<'_>,
) -> Option<Money> {
    let money = Money::new(amount?, currency?).map_err(|error| error.to_string());
    let checked = money.and_then(|money| match gateway {
        Some(gateway) => gateway.check_charge(&money).map(|()| money),
        None => Ok(money),
    });
    reader.take(at, checked)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{extract::part, gateway_routing::GatewayRouting};

    /// Stored for ever with each payment: another hash for the same request would refuse its repetition
    /// after an upgrade.
    #[test]
    fn the_hash_of_a_request_is_pinned() {
        let hash = |body| {
            let read = part::read::<ProcessPayment>(Value::into(body), &GatewayRouting::default());
            let (request, route) = read.expect("a valid body");
            super::hash(&request, &route).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        let least = json!({
            "amount": "49.90", "currency": "EUR", "payment_method": { "type": "card", "token": "pm_1" },
        });
        assert_eq!(hash(least), "a6ae20e90b44cfa2ecef1576bdf740b222c34c208858136cb6cdfc058a7aa4b0");
        let most = json!({
            "amount": "5", "currency": "USD", "payment_method": { "type": "bank_debit", "token": "pm_2" },
            "capture": "manual", "customer": { "id": "7", "email": "a@b.example", "name": "A" },
            "description": "d", "order_id": "o", "metadata": { "b": "2", "a": "1" },
            "return_url": "https://shop.example/",
        });
        assert_eq!(hash(most), "6793ce6693483ec6100edabf7dffb01e2d0bd18faa0935e102c69686a54cd5c9");
        let fallback = json!({
            "amount": "9.90", "currency": "EUR", "payment_method": { "type": "card", "token": "pm_3" },
            "fallback": { "payment_method": { "type": "paypal", "token": "vault_1" }, "on_soft_decline": true },
        });
        assert_eq!(hash(fallback), "ee843ca2d8e8d99a186dd699f61843f874b598e7167b5a267a450fce1e1720bc");
        let chosen_there = json!({
            "amount": "9.90", "currency": "EUR", "payment_method": { "type": "paypal" },
            "return_url": "https://shop.example/",
        });
        assert_eq!(hash(chosen_there), "5846779b0a4c47be96342bdb6c7862347bcbfd65bb9a7307273788e2ac110e8a");
    }
}
