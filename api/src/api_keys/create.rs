//! `POST /api-keys` and `POST /api-keys/{id}/rotate`: make keys. A secret is shown once, in the answer that makes it: no
//! repetition can show it again.

use std::time::Duration;

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use common::{
    clock::Timestamp,
    db,
    id::ApiKeyId,
    merchant::{
        Rights, StoredKey,
        caps::Caps,
        key::ApiKey,
        network::Network,
        rights::Refusal,
        scope::{Scope, Scopes},
        store::keys::{self, NewKey},
    },
    money::{Currency, Money},
};
use serde_json::json;

use crate::{
    App, answer,
    auth::{Admin, Caller},
    docs::{ChangeProblems, CreateProblems},
    error::{ApiError, Problem},
    extract::{
        Body, Faults, List, OptionalBody, OptionalKey, PathId, Pointer, PositiveAmount, Reader, Text, Whole,
        body,
    },
    made_once::made_before,
};

use super::ApiKeyView;

/// For how long a key still holds that another was put in the place of, unless it is said.
const OVERLAP: u32 = 24 * 3600;
/// For how long it may, at most: 90 days.
const OVERLAP_MAX: u32 = 90 * 24 * 3600;

body! {
    /// A key to be made.
    #[example({ "name": "shop plugin", "scopes": ["payments:write", "refunds:write"] })]
    pub struct CreateApiKey {
        /// What people call it.
        #[example = "shop plugin"]
        name: Option<Text<100>>,
        /// What it may do. A scope that writes includes the one that reads.
        scopes: List<Scope, 20>,
        /// When it stops to work; without it never.
        expires_at: Option<Timestamp>,
        /// From where it may be used: addresses and networks in CIDR form, of IPv4 or IPv6. The address is that of the
        /// connection. Without any: from anywhere.
        allowed_addresses: Option<List<Network, 50>>,
        /// Up to which amounts it may be used. A key with caps has neither `admin` nor `subscriptions:write`.
        caps: Option<CapsRequest>,
    }
    read(at, reader) -> Wanted {
        let caps = caps?.unwrap_or_default();
        let Some(scopes) = Scopes::new(scopes?) else {
            return reader.fault(at.field("scopes"), "must name at least one scope");
        };
        let allowed_addresses = allowed_addresses?.unwrap_or_default();
        Some(Wanted { name: name?, rights: Rights { scopes, expires_at: expires_at?, allowed_addresses, caps } })
    }
}

body! {
    /// Up to which amounts a key may be used: for a shop's plugin, or for an agent.
    #[example({ "amount_per_day": [{ "amount": "500.00", "currency": "EUR" }], "own_payments_only": true })]
    pub struct CapsRequest {
        /// What one payment may come to, one amount for each currency. No other currency is paid in.
        amount_per_payment: Option<List<CapRequest, 50>>,
        /// What all payments of a day (UTC) may come to together, one amount for each currency. Each counts as it was
        /// accepted, whatever becomes of it. No other currency is paid in.
        amount_per_day: Option<List<CapRequest, 50>>,
        /// `true`: it refunds only payments that were made with it.
        own_payments_only: Option<bool>,
    }
    read(at, reader) -> Caps {
        Some(Caps {
            payment: one_each(amount_per_payment?, at.field("amount_per_payment"), reader)?,
            day: one_each(amount_per_day?, at.field("amount_per_day"), reader)?,
            own_payments_only: own_payments_only?.unwrap_or(false),
        })
    }
}

body! {
    /// An amount of one currency.
    #[example({ "amount": "100.00", "currency": "EUR" })]
    pub struct CapRequest {
        /// A decimal string in major units.
        amount: PositiveAmount,
        /// ISO 4217, upper case.
        currency: Currency,
    }
    read(at, reader) -> Money {
        reader.take(at.field("amount"), Money::new(amount?, currency?).map_err(|error| error.to_string()))
    }
}

/// A key as it was asked for.
pub struct Wanted {
    name: Option<String>,
    rights: Rights,
}

fn one_each(caps: Option<Vec<Money>>, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Vec<Money>> {
    let caps = caps.unwrap_or_default();
    let is_twice =
        |(place, cap): (usize, &Money)| caps.iter().take(place).any(|one| one.currency == cap.currency);
    match caps.iter().enumerate().any(is_twice) {
        true => reader.fault(at, "must have one amount for each currency"),
        false => Some(caps),
    }
}

/// Make an API key
///
/// Of the side of yours that you ask with: a live key makes live keys, a test key test keys. It cannot do more than the
/// key that asks, nor for longer, nor from elsewhere. Its `secret` is shown in this answer alone: keep it where secrets
/// are kept. The same `Idempotency-Key` again answers the same key without its secret; where the first answer was lost,
/// revoke that key, and make another.
#[utoipa::path(
    post, path = "/api-keys", operation_id = "createApiKey", tag = "API keys", request_body = CreateApiKey,
    params(OptionalKey),
    responses(
        (status = 201, body = ApiKeyView, description = "It works at once."),
        CreateProblems,
    ),
)]
pub async fn create(
    State(app): State<App>,
    caller: Caller<Admin>,
    OptionalKey(key): OptionalKey,
    Body(Wanted { name, rights }): Body<CreateApiKey>,
) -> Result<Response, ApiError> {
    rights.check().and_then(|()| caller.key.givable().may_give(&rights)).map_err(refused)?;
    let (id, secret) = (ApiKeyId::new(), ApiKey::generate(&mut system_random(), caller.livemode));
    let asked = understood(name.as_deref(), &rights);
    let mut transaction = app.pool.begin().await?;
    let before = made_before(&mut transaction, (caller.merchant, "api_key", key), &asked, id.0).await?;
    if before.is_none() {
        let now = db::now(&mut *transaction).await?;
        if rights.expires_at.is_some_and(|end| end <= now) {
            return Err(Faults::one("/expires_at", "must be in the future"));
        }
        let new =
            NewKey { id, merchant: caller.merchant, first_key: None, name: name.as_deref(), rights: &rights };
        keys::add(&mut *transaction, &secret, &new).await?;
    }
    let id = before.map_or(id, ApiKeyId);
    let made = keys::find(&mut *transaction, caller.merchant, id).await?.ok_or(ApiError::NotFound)?;
    transaction.commit().await?;
    Ok(shown_once(made, before.is_none().then_some(&secret)))
}

body! {
    /// How a key is replaced.
    #[example({ "expires_old_in": 3600 })]
    pub struct RotateApiKey {
        /// For how many seconds the old key still works: a day (86400) by default, 90 days at most. One that would expire
        /// sooner does.
        #[example = 3600]
        expires_old_in: Option<Whole<u32, 0, OVERLAP_MAX>>,
    }
}

/// Rotate an API key
///
/// Makes another key that may do the same, under the same caps, which go on counting, and that ends when the old
/// one was to end at first. Both work until the time that the old one is given. The new `secret` is shown in this answer alone. The same `Idempotency-Key` again answers the same new key
/// without its secret.
#[utoipa::path(
    post, path = "/api-keys/{id}/rotate", operation_id = "rotateApiKey", tag = "API keys", request_body = Option<RotateApiKey>,
    params(PathId<ApiKeyId>, OptionalKey),
    responses(
        (status = 201, body = ApiKeyView, description = "The new key: it works at once."),
        (status = 409, body = Problem, description = "The key does not work any more: make another instead.",
            example = json!({ "code": "api-key-ended", "detail": "The key was revoked, or has expired: make another with POST /api-keys." })),
        ChangeProblems,
    ),
)]
pub async fn rotate(
    State(app): State<App>,
    caller: Caller<Admin>,
    PathId(old): PathId<ApiKeyId>,
    OptionalKey(key): OptionalKey,
    OptionalBody(RotateApiKey { expires_old_in }): OptionalBody<RotateApiKey>,
) -> Result<Response, ApiError> {
    let (id, secret) = (ApiKeyId::new(), ApiKey::generate(&mut system_random(), caller.livemode));
    let overlap = expires_old_in.unwrap_or(OVERLAP);
    let mut transaction = app.pool.begin().await?;
    let old = keys::find(&mut *transaction, caller.merchant, old).await?.ok_or(ApiError::NotFound)?;
    caller.key.givable().may_give(&old.rights).map_err(|refusal| {
        ApiError::forbidden("key-exceeds-yours", &format!("the {} of that key {refusal}", refusal.field()))
    })?;
    let asked = json!(["rotate", old.id, overlap]);
    let before = made_before(&mut transaction, (caller.merchant, "api_key", key), &asked, id.0).await?;
    if before.is_none() {
        let now = db::now(&mut *transaction).await?;
        if old.revoked_at.is_some() || old.ends_at().is_some_and(|end| end <= now) {
            let detail = "The key was revoked, or has expired: make another with POST /api-keys.";
            return Err(ApiError::Conflict("api-key-ended", detail.into()));
        }
        let overlap = Duration::from_secs(overlap.into());
        keys::replace(&mut transaction, &old, (id, &secret), overlap).await?;
    }
    let id = before.map_or(id, ApiKeyId);
    let made = keys::find(&mut *transaction, caller.merchant, id).await?.ok_or(ApiError::NotFound)?;
    transaction.commit().await?;
    Ok(shown_once(made, before.is_none().then_some(&secret)))
}

/// 201, and nobody between us and the caller keeps it.
fn shown_once(key: StoredKey, secret: Option<&ApiKey>) -> Response {
    let (path, secret) = (format!("/api-keys/{}", key.id), secret.map(|secret| secret.reveal().to_owned()));
    let mut response = answer::created(&path, secret.is_none(), &ApiKeyView::new(key, secret));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What was asked for. Its hash is stored: it must stay as it is.
fn understood(name: Option<&str>, rights: &Rights) -> serde_json::Value {
    let Rights { scopes, expires_at, allowed_addresses, caps } = rights;
    let networks: Vec<_> = allowed_addresses.iter().map(ToString::to_string).collect();
    let amounts = |caps: &[Money]| caps.iter().map(ToString::to_string).collect::<Vec<_>>();
    let caps = (amounts(&caps.payment), amounts(&caps.day), caps.own_payments_only);
    json!([name, scopes, expires_at, networks, caps])
}

fn refused(refusal: Refusal) -> ApiError {
    Faults::one(format!("/{}", refusal.field()), refusal.to_string())
}

#[expect(clippy::disallowed_methods, reason = "where randomness enters: it is a parameter from here on")]
fn system_random() -> impl rand::Rng {
    rand::rng()
}
