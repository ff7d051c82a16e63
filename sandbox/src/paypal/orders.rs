//! The Orders endpoints: create, retrieve, capture, authorize.

use serde_json::Value;

use super::amounts::Money;
use super::call::Call;
use super::charging;
use super::effect::{Effect, Refusal, Shown};
use super::errors::PayPalError;
use super::fields::Fields;
use super::objects::{Intent, Object, Order, OrderStatus, Source, Unit, new_id};
use super::store::{PayPalChange, Store};
use super::vault::{self, Creating};
use crate::clock::Moment;
use crate::engine::Setting;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// How long an order waits for its payer.
const UNAPPROVED_LIFE_MS: i64 = 6 * HOUR_MS;

/// How long an approved order waits for its capture.
pub(crate) const APPROVED_LIFE_MS: i64 = 3 * 24 * HOUR_MS;

/// The order with this id, unless its time is over: then PayPal knows nothing of it any more.
pub(crate) fn find<'a>(store: &'a Store, id: &str, now: Moment) -> Option<&'a Order> {
    let order = store.order(id)?;
    let waits = matches!(
        order.status,
        OrderStatus::Created | OrderStatus::PayerActionRequired | OrderStatus::Approved
    );
    (!waits || now.0 < order.expires_ms).then_some(order)
}

/// `GET /v2/checkout/orders/{id}`.
pub(crate) fn retrieve(store: &Store, id: &str, now: Moment) -> Result<Effect, PayPalError> {
    let order = find(store, id, now).ok_or_else(PayPalError::no_such_resource)?;
    Ok(Effect::show(Object::Order(order.id.clone())))
}

/// `POST /v2/checkout/orders`.
pub(crate) fn create(store: &Store, call: &Call, setting: &Setting<'_>) -> Result<Effect, Refusal> {
    let wanted = Wanted::read(&call.body)?;
    if wanted.source != Source::Unsaid && call.envelope.request_id.is_none() {
        return Err(PayPalError::invalid("PAYPAL_REQUEST_ID_REQUIRED", "PayPal-Request-Id").into());
    }
    let token = wanted.instrument.clone();
    if token.as_deref().is_some_and(|token| !vault::is_known(token)) {
        return Err(PayPalError::issue("TOKEN_ID_NOT_FOUND").at("/payment_source/paypal/vault_id").into());
    }
    let mut order = wanted.into_order(setting.now);
    let shown = Shown::Object(Object::Order(order.id.clone()));
    let (status, changes) = match token.as_deref().map(vault::creating) {
        Some(Creating::Pays) => (201, charging::pay(store, order, setting)?),
        Some(Creating::Approves) => {
            order.status = OrderStatus::Approved;
            order.expires_ms = setting.now.0 + APPROVED_LIFE_MS;
            (201, vec![PayPalChange::Order(Box::new(order)).into()])
        }
        Some(Creating::AsksPayer) | None => {
            // Without a payment source PayPal has created something; with one it waits for the payer.
            let status = if order.source == Source::Unsaid { 201 } else { 200 };
            (status, vec![PayPalChange::Order(Box::new(order)).into()])
        }
    };
    Ok(Effect { status, shown, changes })
}

/// `POST /v2/checkout/orders/{id}/capture` and `…/authorize`.
pub(crate) fn complete(
    store: &Store,
    id: &str,
    intent: Intent,
    body: &Value,
    setting: &Setting<'_>,
) -> Result<Effect, Refusal> {
    Fields::of(body, "")?.only(&[])?;
    let order = find(store, id, setting.now).ok_or_else(PayPalError::no_such_resource)?;
    if order.intent != intent {
        return Err(PayPalError::issue("ACTION_DOES_NOT_MATCH_INTENT").into());
    }
    let issue = match (order.status, intent) {
        (OrderStatus::Approved, _) => None,
        (OrderStatus::Completed, Intent::Capture) => Some("ORDER_ALREADY_CAPTURED"),
        (OrderStatus::Completed, Intent::Authorize) => Some("ORDER_ALREADY_AUTHORIZED"),
        (OrderStatus::Voided, _) => Some("ORDER_COMPLETED_OR_VOIDED"),
        (OrderStatus::PayerActionRequired, _) if order.source == Source::Vault => {
            Some("PAYER_ACTION_REQUIRED")
        }
        (OrderStatus::Created | OrderStatus::PayerActionRequired, _) => Some("ORDER_NOT_APPROVED"),
    };
    if let Some(issue) = issue {
        return Err(PayPalError::issue(issue).into());
    }
    if let Some(issue) = order.instrument.as_deref().and_then(vault::capture_issue) {
        return Err(PayPalError::issue(issue).into());
    }
    let changes = charging::pay(store, order.clone(), setting)?;
    Ok(Effect::created(Object::Order(id.to_owned()), changes))
}

/// What a request to create an order asks for.
struct Wanted {
    intent: Intent,
    unit: Unit,
    source: Source,
    instrument: Option<String>,
    return_url: Option<String>,
    cancel_url: Option<String>,
}

impl Wanted {
    fn read(body: &Value) -> Result<Self, PayPalError> {
        let order = Fields::of(body, "")?;
        order.only(&[
            "intent",
            "purchase_units",
            "payment_source",
            "application_context",
            "processing_instruction",
        ])?;
        let intent = match order.text("intent", 255)? {
            None => return Err(PayPalError::missing("/intent")),
            Some("CAPTURE") => Intent::Capture,
            Some("AUTHORIZE") => Intent::Authorize,
            Some(_) => return Err(PayPalError::invalid("INVALID_PARAMETER_VALUE", "/intent")),
        };
        let mut wanted = Self {
            intent,
            unit: read_unit(&order)?,
            source: Source::Unsaid,
            instrument: None,
            return_url: None,
            cancel_url: None,
        };
        if let Some(context) = order.object("application_context")? {
            wanted.read_urls(&context)?;
        }
        if let Some(source) = order.object("payment_source")? {
            wanted.read_source(&source)?;
        }
        Ok(wanted)
    }

    fn read_source(&mut self, source: &Fields<'_>) -> Result<(), PayPalError> {
        source.only(&["paypal"])?;
        let paypal = source.object("paypal")?.ok_or_else(|| PayPalError::missing(&source.path("paypal")))?;
        paypal.only(&["vault_id", "experience_context", "attributes", "email_address"])?;
        self.instrument = paypal.string("vault_id", 255)?;
        self.source = if self.instrument.is_some() { Source::Vault } else { Source::Payer };
        if let Some(context) = paypal.object("experience_context")? {
            context.only(&[
                "brand_name",
                "cancel_url",
                "landing_page",
                "locale",
                "payment_method_preference",
                "return_url",
                "shipping_preference",
                "user_action",
            ])?;
            one_of(&context, "landing_page", &["GUEST_CHECKOUT", "LOGIN", "NO_PREFERENCE"])?;
            one_of(&context, "payment_method_preference", &["IMMEDIATE_PAYMENT_REQUIRED", "UNRESTRICTED"])?;
            one_of(
                &context,
                "shipping_preference",
                &["GET_FROM_FILE", "NO_SHIPPING", "SET_PROVIDED_ADDRESS"],
            )?;
            one_of(&context, "user_action", &["CONTINUE", "PAY_NOW"])?;
            self.read_urls(&context)?;
        }
        Ok(())
    }

    fn read_urls(&mut self, context: &Fields<'_>) -> Result<(), PayPalError> {
        self.return_url = context.string("return_url", 4000)?;
        self.cancel_url = context.string("cancel_url", 4000)?;
        Ok(())
    }

    fn into_order(self, now: Moment) -> Order {
        let unsaid = self.source == Source::Unsaid;
        Order {
            id: new_id(),
            created_ms: now.0,
            updated_ms: now.0,
            intent: self.intent,
            status: if unsaid { OrderStatus::Created } else { OrderStatus::PayerActionRequired },
            unit: self.unit,
            source: self.source,
            instrument: self.instrument,
            return_url: self.return_url,
            cancel_url: self.cancel_url,
            expires_ms: now.0 + UNAPPROVED_LIFE_MS,
            authorization: None,
            captures: Vec::new(),
        }
    }
}

/// Refuses any other value of a field.
fn one_of(fields: &Fields<'_>, name: &str, values: &[&str]) -> Result<(), PayPalError> {
    match fields.text(name, 255)? {
        Some(value) if !values.contains(&value) => {
            Err(PayPalError::invalid("INVALID_PARAMETER_VALUE", &fields.path(name)))
        }
        _ => Ok(()),
    }
}

fn read_unit(order: &Fields<'_>) -> Result<Unit, PayPalError> {
    let units = order.value("purchase_units").ok_or_else(|| PayPalError::missing("/purchase_units"))?;
    let unit = match units.as_array().map(Vec::as_slice) {
        Some([unit]) => unit,
        None => return Err(PayPalError::invalid("INVALID_PARAMETER_SYNTAX", "/purchase_units")),
        Some([]) => return Err(PayPalError::invalid("INVALID_ARRAY_MIN_ITEMS", "/purchase_units")),
        // PayPal takes up to ten; the sandbox, like its callers, deals in one.
        Some(_) => return Err(PayPalError::invalid("INVALID_ARRAY_MAX_ITEMS", "/purchase_units")),
    };
    let unit = Fields::of(unit, "/purchase_units/0")?;
    unit.only(&["amount", "custom_id", "description", "invoice_id", "reference_id", "soft_descriptor"])?;
    let amount = unit.object("amount")?.ok_or_else(|| PayPalError::missing(&unit.path("amount")))?;
    Ok(Unit {
        reference_id: unit.string("reference_id", 256)?.unwrap_or_else(|| "default".to_owned()),
        amount: Money::read(&amount)?,
        custom_id: unit.string("custom_id", 127)?,
        invoice_id: unit.string("invoice_id", 127)?,
        description: unit.string("description", 127)?,
        soft_descriptor: unit.string("soft_descriptor", 22)?,
    })
}
