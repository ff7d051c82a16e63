//! Reserved money: show it, take it, let it go.

use serde_json::Value;

use super::amounts::Money;
use super::charging::{self, Wanted};
use super::effect::{Effect, Shown};
use super::errors::PayPalError;
use super::fields::Fields;
use super::objects::{Authorization, AuthorizationStatus, Object};
use super::store::{Change, PayPalChange, Store};
use super::vault;
use crate::books;
use crate::clock::Moment;
use crate::engine::Setting;

/// How much of an authorization all its captures together may take, in per cent.
const MOST_PER_CENT: i64 = 115;

fn find<'a>(store: &'a Store, id: &str) -> Result<&'a Authorization, PayPalError> {
    store.authorization(id).ok_or_else(PayPalError::no_such_resource)
}

/// `GET /v2/payments/authorizations/{id}`.
pub(crate) fn retrieve(store: &Store, id: &str) -> Result<Effect, PayPalError> {
    find(store, id)?;
    Ok(Effect::show(Object::Authorization(id.to_owned())))
}

/// `POST /v2/payments/authorizations/{id}/capture`.
pub(crate) fn capture(
    store: &Store,
    id: &str,
    body: &Value,
    setting: &Setting<'_>,
) -> Result<Effect, PayPalError> {
    let fields = Fields::of(body, "")?;
    fields.only(&["amount", "final_capture", "invoice_id", "note_to_payer", "soft_descriptor"])?;
    fields.text("note_to_payer", 255)?;
    fields.text("soft_descriptor", 22)?;
    let authorization = find(store, id)?;
    check_capturable(authorization)?;
    let wanted = wanted(&fields, authorization)?;
    let taken_elsewhere = authorization
        .invoice_id
        .as_ref()
        .is_some_and(|invoice| store.invoice_taken(invoice, &authorization.order));
    let taken = wanted.invoice_id.as_ref().map_or(taken_elsewhere, |invoice| store.invoice_captured(invoice));
    if taken {
        return Err(PayPalError::issue("DUPLICATE_INVOICE_ID").at("/invoice_id"));
    }
    if let Some(issue) = authorization.instrument.as_deref().and_then(vault::capture_issue) {
        return Err(PayPalError::issue(issue));
    }
    let (capture, changes) = charging::capture(authorization.clone(), wanted, setting);
    Ok(Effect::created(Object::Capture(capture), changes))
}

fn check_capturable(authorization: &Authorization) -> Result<(), PayPalError> {
    let issue = match authorization.status {
        AuthorizationStatus::Created | AuthorizationStatus::PartiallyCaptured => return Ok(()),
        AuthorizationStatus::Captured => "AUTHORIZATION_ALREADY_CAPTURED",
        AuthorizationStatus::Denied => "AUTHORIZATION_DENIED",
        AuthorizationStatus::Voided if authorization.expired => "AUTHORIZATION_EXPIRED",
        AuthorizationStatus::Voided => "AUTHORIZATION_VOIDED",
    };
    Err(PayPalError::issue(issue))
}

fn wanted(fields: &Fields<'_>, authorization: &Authorization) -> Result<Wanted, PayPalError> {
    let reserved = &authorization.amount;
    let amount = match fields.object("amount")? {
        Some(amount) => Money::read(&amount)?,
        None => reserved.same_currency(reserved.minor - authorization.captured),
    };
    if amount.currency != reserved.currency {
        return Err(PayPalError::issue("AUTH_CAPTURE_CURRENCY_MISMATCH").at("/amount/currency_code"));
    }
    if (authorization.captured + amount.minor) * 100 > reserved.minor * MOST_PER_CENT {
        return Err(PayPalError::issue("MAX_CAPTURE_AMOUNT_EXCEEDED").at("/amount/value"));
    }
    Ok(Wanted {
        amount,
        invoice_id: fields.string("invoice_id", 127)?,
        final_capture: fields.boolean("final_capture")?.unwrap_or(false),
    })
}

/// `POST /v2/payments/authorizations/{id}/void`.
pub(crate) fn void(store: &Store, id: &str, body: &Value, now: Moment) -> Result<Effect, PayPalError> {
    Fields::of(body, "")?.only(&[])?;
    let authorization = find(store, id)?;
    let issue = match authorization.status {
        AuthorizationStatus::Created | AuthorizationStatus::PartiallyCaptured => None,
        AuthorizationStatus::Captured => Some("PREVIOUSLY_CAPTURED"),
        AuthorizationStatus::Voided => Some("PREVIOUSLY_VOIDED"),
        AuthorizationStatus::Denied => Some("AUTHORIZATION_DENIED"),
    };
    if let Some(issue) = issue {
        return Err(PayPalError::issue(issue));
    }
    let changes = voided(authorization.clone(), now, false);
    Ok(Effect { status: 204, shown: Shown::Quietly(Object::Authorization(id.to_owned())), changes })
}

/// Gives free what is reserved and not taken, because somebody said so or because time ran out.
pub(crate) fn voided(mut authorization: Authorization, now: Moment, expired: bool) -> Vec<Change> {
    authorization.status = AuthorizationStatus::Voided;
    authorization.expired = expired;
    authorization.due_ms = None;
    authorization.updated_ms = now.0;
    let untouched = authorization.captured == 0;
    let released = untouched.then(|| charging::reservation(&authorization, books::Status::Released));
    let authorization = PayPalChange::Authorization(Box::new(authorization)).into();
    released.map(Change::Books).into_iter().chain([authorization]).collect()
}
