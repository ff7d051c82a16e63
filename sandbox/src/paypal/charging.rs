//! Taking and reserving money: what paying an order or capturing an authorization leads to.
//!
//! Pure: objects as they are go in, objects as they become come out, together with the entry in the
//! books if, and only if, money really moves.

use super::amounts::Money;
use super::effect::Refusal;
use super::errors::PayPalError;
use super::objects::{
    Authorization, AuthorizationStatus, Capture, CaptureStatus, Intent, Order, OrderStatus, new_id,
};
use super::store::{Change, PayPalChange, Store};
use super::vault::{self, Charging};
use crate::books;
use crate::clock::Moment;
use crate::engine::Setting;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How long an authorization can be captured.
const AUTHORIZATION_LIFE_MS: i64 = 29 * DAY_MS;

/// The token of a payer about whom nothing is special.
const GOOD_PAYER: &str = "vault_ok";

/// Refusals after which the payer has to choose again.
const BACK_TO_PAYER: [&str; 4] = [
    "INSTRUMENT_DECLINED",
    "ORDER_NOT_APPROVED",
    "PAYER_ACTION_REQUIRED",
    "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING",
];

/// Pays an order, as its intent says.
pub(crate) fn pay(store: &Store, mut order: Order, setting: &Setting<'_>) -> Result<Vec<Change>, Refusal> {
    if let Some(invoice) = &order.unit.invoice_id
        && store.invoice_taken(invoice, &order.id)
    {
        return Err(PayPalError::issue("DUPLICATE_INVOICE_ID").at("/purchase_units/0/invoice_id").into());
    }
    let token = order.instrument.clone();
    let charging = vault::charging(token.as_deref().unwrap_or(GOOD_PAYER));
    if let Charging::Refuses(issue) = charging {
        return Err(refused(order, issue, setting.now));
    }
    order.status = OrderStatus::Completed;
    order.updated_ms = setting.now.0;
    let mut changes = match order.intent {
        Intent::Capture => {
            let capture = capture_of_order(&order, charging, setting);
            order.captures.push(capture.id.clone());
            capture_changes(capture)
        }
        Intent::Authorize => {
            let authorization = authorize(&order, charging, setting.now);
            order.authorization = Some(authorization.id.clone());
            let reserved = authorization.status == AuthorizationStatus::Created;
            let movement = reserved.then(|| reservation(&authorization, books::Status::Authorized));
            let movement = movement.map(Change::Books);
            movement
                .into_iter()
                .chain([PayPalChange::Authorization(Box::new(authorization)).into()])
                .collect()
        }
    };
    changes.push(PayPalChange::Order(Box::new(order)).into());
    Ok(changes)
}

/// An approved order whose payer has to choose again is not approved any more.
fn refused(mut order: Order, issue: &str, now: Moment) -> Refusal {
    let error = PayPalError::issue(issue);
    if order.status != OrderStatus::Approved || !BACK_TO_PAYER.contains(&issue) {
        return error.into();
    }
    order.status = OrderStatus::PayerActionRequired;
    order.instrument = None;
    order.updated_ms = now.0;
    Refusal { error, changes: vec![PayPalChange::Order(Box::new(order)).into()] }
}

fn authorize(order: &Order, charging: Charging<'_>, now: Moment) -> Authorization {
    let denied = matches!(charging, Charging::Declines | Charging::Fails);
    let expires_ms = now.0 + AUTHORIZATION_LIFE_MS;
    Authorization {
        id: new_id(),
        order: order.id.clone(),
        created_ms: now.0,
        updated_ms: now.0,
        amount: order.unit.amount.clone(),
        status: if denied { AuthorizationStatus::Denied } else { AuthorizationStatus::Created },
        captured: 0,
        expired: false,
        expires_ms,
        custom_id: order.unit.custom_id.clone(),
        invoice_id: order.unit.invoice_id.clone(),
        instrument: order.instrument.clone(),
        due_ms: (!denied).then_some(expires_ms),
    }
}

fn capture_of_order(order: &Order, charging: Charging<'_>, setting: &Setting<'_>) -> Capture {
    let (status, due_ms) = beginning(charging, order.instrument.as_deref(), setting);
    let id = new_id();
    Capture {
        movement: id.clone(),
        id,
        order: order.id.clone(),
        authorization: None,
        created_ms: setting.now.0,
        updated_ms: setting.now.0,
        amount: order.unit.amount.clone(),
        status,
        refunded: 0,
        refunding: 0,
        disputed: 0,
        final_capture: true,
        custom_id: order.unit.custom_id.clone(),
        invoice_id: order.unit.invoice_id.clone(),
        instrument: order.instrument.clone(),
        reserved: order.unit.amount.minor,
        due_ms,
    }
}

/// What a request to capture an authorization asks for.
pub(crate) struct Wanted {
    pub(crate) amount: Money,
    pub(crate) invoice_id: Option<String>,
    pub(crate) final_capture: bool,
}

/// Captures an authorization, or tries to: the capture's id and the changes.
pub(crate) fn capture(
    mut authorization: Authorization,
    wanted: Wanted,
    setting: &Setting<'_>,
) -> (String, Vec<Change>) {
    let charging = vault::charging(authorization.instrument.as_deref().unwrap_or(GOOD_PAYER));
    let (status, due_ms) = beginning(charging, authorization.instrument.as_deref(), setting);
    let id = new_id();
    let is_first = authorization.captured == 0;
    let capture = Capture {
        movement: if is_first { authorization.id.clone() } else { id.clone() },
        reserved: if is_first { authorization.amount.minor } else { wanted.amount.minor },
        id: id.clone(),
        order: authorization.order.clone(),
        authorization: Some(authorization.id.clone()),
        created_ms: setting.now.0,
        updated_ms: setting.now.0,
        status,
        refunded: 0,
        refunding: 0,
        disputed: 0,
        final_capture: wanted.final_capture,
        custom_id: authorization.custom_id.clone(),
        invoice_id: wanted.invoice_id.or_else(|| authorization.invoice_id.clone()),
        instrument: authorization.instrument.clone(),
        amount: wanted.amount,
        due_ms,
    };
    if capture.is_alive() {
        authorization.captured += capture.amount.minor;
        let whole = authorization.captured >= authorization.amount.minor;
        authorization.status = if whole || capture.final_capture {
            authorization.due_ms = None;
            AuthorizationStatus::Captured
        } else {
            AuthorizationStatus::PartiallyCaptured
        };
        authorization.updated_ms = setting.now.0;
    }
    let mut changes = capture_changes(capture);
    changes.push(PayPalChange::Authorization(Box::new(authorization)).into());
    (id, changes)
}

/// How a capture begins, and when something more happens to it.
fn beginning(
    charging: Charging<'_>,
    token: Option<&str>,
    setting: &Setting<'_>,
) -> (CaptureStatus, Option<i64>) {
    let later = setting.now.0 + setting.settle_after_ms;
    match charging {
        Charging::Completes => {
            (CaptureStatus::Completed, token.is_some_and(vault::disputes).then_some(later))
        }
        Charging::Pends { .. } => (CaptureStatus::Pending, Some(later)),
        Charging::Fails => (CaptureStatus::Failed, None),
        // A refusal never gets here: it makes no object.
        Charging::Declines | Charging::Refuses(_) => (CaptureStatus::Declined, None),
    }
}

/// A capture as it is now, and what the books say of it.
pub(crate) fn capture_changes(capture: Capture) -> Vec<Change> {
    let taken = capture.status == CaptureStatus::Completed;
    let movement = taken.then(|| Change::Books(movement(&capture)));
    movement.into_iter().chain([PayPalChange::Capture(Box::new(capture)).into()]).collect()
}

/// The entry in the books for money taken.
fn movement(capture: &Capture) -> books::Charge {
    books::Charge {
        reference: capture.custom_id.clone(),
        gateway: "paypal".to_owned(),
        id: capture.movement.clone(),
        payment: capture.order.clone(),
        currency: capture.amount.currency.to_lowercase(),
        decimals: capture.amount.decimals(),
        amount: capture.reserved,
        captured: capture.amount.minor,
        fee: capture.amount.fee().minor,
        status: books::Status::Captured,
        created: Moment(capture.created_ms).seconds(),
    }
}

/// The entry in the books for money reserved and not taken.
pub(crate) fn reservation(authorization: &Authorization, status: books::Status) -> books::Charge {
    books::Charge {
        reference: authorization.custom_id.clone(),
        gateway: "paypal".to_owned(),
        id: authorization.id.clone(),
        payment: authorization.order.clone(),
        currency: authorization.amount.currency.to_lowercase(),
        decimals: authorization.amount.decimals(),
        amount: authorization.amount.minor,
        captured: 0,
        fee: 0,
        status,
        created: Moment(authorization.created_ms).seconds(),
    }
}
