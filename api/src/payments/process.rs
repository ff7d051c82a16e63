//! `POST /process-payment`: accepts a payment; the charge itself happens in the worker.

use axum::{extract::State, response::Response};
use common::{
    gateway::{Capture, GatewayName, MethodType},
    id::{MerchantId, PaymentId},
    money::{Currency, Money},
    payment::{Customer, Fallback, Metadata, NewPayment, Order, store::Accepted as Stored},
};
use rust_decimal::Decimal;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use crate::{
    App,
    auth::Caller,
    docs::CreateProblems,
    error::ApiError,
    extract::{
        IdempotencyKey, JsonBody, Prefer, Trace, currency, email,
        fields::{self, Faults, Fields, metadata, text},
        positive_amount, return_url,
    },
    intake::Request,
    routes::Routes,
};

use super::{PaymentView, accepted};

/// A payment to be made.
#[derive(ToSchema)]
#[schema(example = json!({
    "amount": "49.90",
    "currency": "EUR",
    "payment_method": { "type": "card", "token": "pm_card_visa" },
    "order_id": "A-1042"
}))]
pub struct ProcessPayment {
    /// A decimal string in major units, with at most as many decimals as the currency has; a number is refused. Not less
    /// than the gateway's least, where that is known: 0.50 EUR by card.
    #[schema(value_type = String, example = "49.90", pattern = r"^\d{1,15}(\.\d{1,4})?$")]
    amount: Money,
    /// ISO 4217, upper case.
    #[schema(value_type = String, example = "EUR")]
    currency: Currency,
    payment_method: PaymentMethod,
    /// When the money is taken: `automatic` (at once, the default) or `manual` (authorized now, captured
    /// by a later call).
    #[schema(value_type = Option<String>, example = "automatic")]
    capture: Option<Capture>,
    /// Who pays: `id`, `email`, `name`, all optional.
    #[schema(value_type = Option<Object>)]
    customer: Option<Customer>,
    /// Free text, up to 500 characters.
    description: Option<String>,
    /// Your number for what is paid, up to 100 characters. Payments can be listed by it.
    #[schema(example = "A-1042")]
    order_id: Option<String>,
    /// Up to 50 keys (40 characters) with values (500 characters) of your own.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Metadata>,
    /// Where the payer comes back to after an authentication: an http(s) URL, or one with an app's own scheme.
    #[schema(example = "myapp://paid")]
    return_url: Option<String>,
    /// Another method, at another gateway, should the first not have got the request.
    fallback: Option<FallbackMethod>,
}

/// Another method, at another gateway: used once, if the first gateway provably did not get the request.
/// Never while it is unknown whether the first has charged.
#[derive(ToSchema)]
pub struct FallbackMethod {
    payment_method: PaymentMethod,
    /// Use it after a soft decline as well; `false` by default.
    on_soft_decline: Option<bool>,
}

/// How the payer pays. Never a card number: the token that the gateway's own form gave you.
#[derive(ToSchema)]
pub struct PaymentMethod {
    /// `card`, `apple_pay`, `google_pay`, `bank_debit` or `paypal`.
    #[schema(value_type = String, example = "card")]
    r#type: MethodType,
    /// The gateway's token. With `paypal` it may be left out: the payer then approves on PayPal's page.
    #[schema(example = "pm_card_visa")]
    token: Option<String>,
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
    Caller(merchant): Caller,
    IdempotencyKey(key): IdempotencyKey,
    prefer: Prefer,
    Trace(traceparent): Trace,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let order = ProcessPayment::read(body, &app.routes)?.into_order(&app.routes);
    let new = new_payment(merchant.id, key, order);
    // Before the job goes out, so that no notice of its end can be missed.
    let watch = prefer.wait.map(|_| app.outcomes.watch(new.id.0));
    let reply_to = app.outcomes.address(prefer);
    match app.intake.accept(Request { new, traceparent, reply_to }).await? {
        Stored::New(payment, _) => {
            let payment = match (watch, prefer.wait) {
                (Some(watch), Some(wait)) => app.outcomes.wait(&watch, *payment, wait).await,
                _ => *payment,
            };
            Ok(accepted(&app, payment, prefer, false))
        }
        Stored::Repeated(payment) => {
            let watch = app.outcomes.watch(payment.id.0);
            let payment = app.outcomes.wait(&watch, *payment, prefer.wait.unwrap_or_default()).await;
            Ok(accepted(&app, payment, prefer, true))
        }
        Stored::KeyReused => Err(ApiError::IdempotencyKeyReused),
    }
}

fn new_payment(merchant_id: MerchantId, idempotency_key: String, order: Order) -> NewPayment {
    // Over what was understood, not over its bytes: spaces and the order of fields do not matter. Where it
    // is routed to is ours to change, so the usual gateway stands for it.
    let mut usual = Order { gateway: GatewayName::for_method(order.method), ..order.clone() };
    if let Some(fallback) = &mut usual.fallback {
        fallback.gateway = GatewayName::for_method(fallback.method);
    }
    let understood = serde_json::to_vec(&usual).unwrap_or_default();
    let request_hash = Sha256::digest(understood).into();
    NewPayment { id: PaymentId::new(), merchant_id, idempotency_key, request_hash, order }
}

impl ProcessPayment {
    /// Reads a body, and tells all of its faults at once.
    fn read(body: Value, routes: &Routes) -> Result<Self, ApiError> {
        let mut faults = Faults::default();
        let read = Fields::of(body, "", &mut faults).and_then(|mut fields| {
            let request = Self::read_fields(&mut fields, routes);
            fields.finish();
            request
        });
        faults.or(read)
    }

    fn read_fields(fields: &mut Fields<'_>, routes: &Routes) -> Option<Self> {
        let amount = fields.required("amount", positive_amount);
        let currency = fields.required("currency", currency);
        let method = fields.required_object("payment_method", payment_method);
        let amount = match (amount, currency) {
            (Some(amount), Some(currency)) => money(fields, amount, currency, method.as_ref(), routes),
            _ => None,
        };
        let capture = fields.optional("capture", fields::name);
        let customer = fields.object("customer", |customer| {
            let id = customer.optional("id", text(100));
            let email = customer.optional("email", email);
            let name = customer.optional("name", text(200));
            Some(Customer { id, email, name })
        });
        let description = fields.optional("description", text(500));
        let order_id = fields.optional("order_id", text(100));
        let metadata = fields.optional("metadata", metadata);
        let return_url = fields.optional("return_url", return_url);
        let chooses_there =
            |method: &PaymentMethod| method.r#type == MethodType::Paypal && method.token.is_none();
        if return_url.is_none() && method.as_ref().is_some_and(chooses_there) {
            fields.fault("return_url", "is required without a token: the payer comes back here from PayPal");
        }
        let fallback = fields.object("fallback", fallback_method);
        if let (Some(fallback), Some(method)) = (&fallback, &method) {
            check_fallback(fields, fallback, method, amount, routes);
        }
        Some(Self {
            amount: amount?,
            currency: currency?,
            payment_method: method?,
            capture,
            customer,
            description,
            order_id,
            metadata,
            return_url,
            fallback,
        })
    }

    fn into_order(self, routes: &Routes) -> Order {
        let method = self.payment_method.r#type;
        Order {
            money: Money { currency: self.currency, ..self.amount },
            method,
            token: self.payment_method.token,
            capture: self.capture.unwrap_or(Capture::Automatic),
            gateway: routes.gateway(method),
            customer: self.customer,
            description: self.description,
            order_id: self.order_id,
            metadata: self.metadata.unwrap_or_default(),
            return_url: self.return_url,
            fallback: self.fallback.and_then(|fallback| {
                let method = fallback.payment_method.r#type;
                Some(Fallback {
                    method,
                    token: fallback.payment_method.token?,
                    gateway: routes.gateway(method),
                    on_soft_decline: fallback.on_soft_decline.unwrap_or(false),
                })
            }),
        }
    }
}

fn payment_method(fields: &mut Fields<'_>) -> Option<PaymentMethod> {
    let r#type = fields.required("type", fields::name);
    // A payer of PayPal's may choose there.
    let token = match r#type {
        Some(MethodType::Paypal) => fields.optional("token", token(r#type)),
        _ => fields.required("token", token(r#type)),
    };
    Some(PaymentMethod { r#type: r#type?, token })
}

fn fallback_method(fields: &mut Fields<'_>) -> Option<FallbackMethod> {
    let payment_method = fields.required_object("payment_method", payment_method);
    let on_soft_decline = fields.optional("on_soft_decline", fields::flag);
    Some(FallbackMethod { payment_method: payment_method?, on_soft_decline })
}

/// The other gateway must be another, must be able to take the amount, and needs no payer at its page.
fn check_fallback(
    fields: &mut Fields<'_>,
    fallback: &FallbackMethod,
    method: &PaymentMethod,
    amount: Option<Money>,
    routes: &Routes,
) {
    let other = &fallback.payment_method;
    let gateway = routes.gateway(other.r#type);
    let fault = if other.token.is_none() {
        Some("must have a token".to_owned())
    } else if gateway == routes.gateway(method.r#type) {
        Some(format!("must be at another gateway than {gateway}"))
    } else {
        amount
            .and_then(|money| gateway.check_charge(&money).err())
            .map(|why| format!("cannot be used: the amount {why}"))
    };
    if let Some(fault) = fault {
        fields.fault("fallback", fault);
    }
}

fn money(
    fields: &mut Fields<'_>,
    amount: Decimal,
    currency: Currency,
    method: Option<&PaymentMethod>,
    routes: &Routes,
) -> Option<Money> {
    let money = Money::new(amount, currency).map_err(|error| error.to_string());
    let checked = money.and_then(|money| match method {
        Some(method) => routes.gateway(method.r#type).check_charge(&money).map(|()| money),
        None => Ok(money),
    });
    checked.map_err(|detail| fields.fault("amount", detail)).ok()
}

/// A gateway's name for a method of that type, as that gateway writes it; never a card number.
pub fn token(method: Option<MethodType>) -> impl Fn(Value) -> Result<String, String> {
    move |value| {
        let token = text(255)(value)?;
        match method.map(GatewayName::for_method) {
            Some(gateway) => gateway.check_token(&token)?,
            // The type is a fault by itself; what is no gateway's token is another.
            None if GatewayName::ALL.iter().all(|gateway| gateway.check_token(&token).is_err()) => {
                return Err("must be a gateway's token, such as \"pm_card_visa\"".into());
            }
            None => {}
        }
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Stored for ever with each payment: another hash for the same request would refuse its repetition
    /// after an upgrade.
    #[test]
    fn the_hash_of_a_request_is_pinned() {
        let hash = |body| {
            let routes = Routes::default();
            let order = ProcessPayment::read(body, &routes).expect("a valid body").into_order(&routes);
            let new = new_payment(MerchantId::new(), "k".into(), order);
            new.request_hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
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
    }
}
