//! `POST /gateways/{name}/webhook`: what gateways tell by themselves. Its headers are looked at before its body is
//! read, and its signature before anything else; the event is stored once, and the answer is 200 at once: a worker
//! looks at what it is about. What it claims is never believed.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    body::{self, Body},
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use common::{
    card_data, clock,
    gateway::{About, Event, EventKey, EventTrust, GatewayName, NoKey, Received, Signature},
    gateway_event::{
        Sender,
        store::{self, Accepted, certificates},
    },
    id::MerchantId,
};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    App,
    error::ApiError,
    limits::{BODY_BYTES_MAX, BODY_WITHIN},
    request,
};

/// Headers of an event that are kept, at most: those of its signature are a handful.
const HEADERS_MAX: usize = 64;

/// A body is no longer than this where its signature cannot be checked here: it is kept until the gateway was asked.
const UNVERIFIED_BYTES_MAX: usize = 8 * 1024;

/// How long an event that is to be kept unverified may wait for its turn.
const TURN_TIMEOUT: Duration = Duration::from_secs(1);

/// How often processes tell each other which certificates have proved something.
const SHARE_EVERY: Duration = Duration::from_secs(5);

/// Tells others, and whoever starts later, which of PayPal's certificates have proved something, and learns it from
/// them: those are fetched however many others are named.
pub async fn share_certificates(app: App) {
    let Some(paypal) = &app.events.trust.paypal else { return };
    while !app.draining.is_cancelled() {
        match certificates::share(&app.pool, &paypal.certificates.proved_here()).await {
            Ok(proved) => paypal.certificates.proved_elsewhere(&proved),
            Err(error) => tracing::warn!(%error, "what PayPal's certificates have proved is not shared"),
        }
        let _ = timeout(SHARE_EVERY, app.draining.cancelled()).await;
    }
}

/// Takes an event in. Only a genuine one, or one that the gateway must be asked about, is stored.
pub async fn receive(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let gateway: GatewayName = name.parse().map_err(|_| ApiError::NotFound)?;
    let from = Origin { gateway, sender: None, trust: &app.events.trust };
    counted(&app, from, &headers, body).await
}

/// Takes an event in of a merchant's own account. It is known by that account's secret alone, and whatever it tells may
/// only be about that merchant's.
pub async fn receive_of_merchant(
    State(app): State<App>,
    Path((name, merchant)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let gateway: GatewayName = name.parse().map_err(|_| ApiError::NotFound)?;
    let merchant: MerchantId = merchant.parse().map_err(|_| ApiError::NotFound)?;
    let accounts = app.events.accounts_of(&app.pool, merchant, gateway).await?;
    let signed = signature_headers(&headers);
    let Some(last) = accounts.len().checked_sub(1) else { return Err(ApiError::NotFound) };
    let Received { body: bytes, .. } = read(signed.clone(), body, true).await.map_err(|(_, error)| error)?;
    // One that was left still tells of what was begun there.
    for (place, account) in accounts.iter().enumerate() {
        let sender = Some(Sender { account: account.id, merchant });
        let from = Origin { gateway, sender, trust: &account.trust };
        let is_its = place == last || is_signed_for(&from, &signed, &bytes).await;
        if is_its {
            return counted(&app, from, &headers, Body::from(bytes)).await;
        }
    }
    Err(ApiError::ForgedEvent)
}

/// Whether this account's secret proves it.
async fn is_signed_for(from: &Origin<'_>, headers: &BTreeMap<String, String>, body: &[u8]) -> bool {
    let now = clock::outside();
    let received = Received { headers: headers.clone(), body: body.to_vec() };
    let key = from.gateway.event_key(headers, from.trust, now).await;
    key.is_ok_and(|key| signature(from.gateway, &received, Some(&key), from.trust) == Signature::Genuine)
}

/// Where an event comes from, if its signature says so.
struct Origin<'a> {
    gateway: GatewayName,
    sender: Option<Sender>,
    trust: &'a EventTrust,
}

async fn counted(
    app: &App,
    from: Origin<'_>,
    headers: &HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let gateway = from.gateway;
    let answer = take(app, from, signature_headers(headers), body).await;
    let outcome = match &answer {
        Ok(outcome) => outcome,
        Err((outcome, _)) => outcome,
    };
    metrics::counter!("gateway_events_received_total", "gateway" => gateway.as_str(), "outcome" => *outcome)
        .increment(1);
    answer.map(|_| StatusCode::OK).map_err(|(_, error)| error)
}

/// What came of an event, in a word for metrics; and what its sender is told, where it was not taken.
type Taken = Result<&'static str, (&'static str, ApiError)>;

async fn take(app: &App, from: Origin<'_>, headers: BTreeMap<String, String>, body: Body) -> Taken {
    let Origin { gateway, sender, trust } = from;
    let key = match gateway.event_key(&headers, trust, clock::outside()).await {
        Ok(key) => Some(key),
        Err(NoKey::AskGateway) => None,
        Err(NoKey::Forged) => return Err(("forged", ApiError::ForgedEvent)),
        Err(NoKey::NotConfigured) => return Err(("not configured", ApiError::GatewayNotConfigured)),
        Err(NoKey::NotNow) => return Err(("not now", ApiError::Unavailable)),
    };
    let received = read(headers, body, key.is_some()).await?;
    let unverified = match signature(gateway, &received, key.as_ref(), trust) {
        Signature::Genuine => None,
        Signature::AskGateway if received.body.len() <= UNVERIFIED_BYTES_MAX => Some(&received),
        Signature::AskGateway => return Err(("too long", ApiError::BodyTooLarge)),
        Signature::Forged => return Err(("forged", ApiError::ForgedEvent)),
    };
    let event = event(gateway, &received.body, unverified.is_some())?;
    if event.about == About::Nothing {
        return Ok("not ours");
    }
    let _turn = match unverified {
        Some(_) => {
            Some(timeout(TURN_TIMEOUT, app.events.unverified.acquire()).await.map_err(|_| too_many())?)
        }
        None => None,
    };
    match store::accept(&app.pool, (gateway, sender), &event, unverified).await {
        Ok(Accepted::New(kind, job)) => app.publisher.offer(kind, [job], None),
        Ok(Accepted::Known) => {}
        Ok(Accepted::TooMany) => return Err(too_many()),
        Err(error) => return Err(("failed", error.into())),
    }
    Ok(if unverified.is_some() { "received unverified" } else { "received" })
}

/// What an event says, as it will be understood, not as it is written: an escape is a digit to whoever reads it. What
/// is kept of it is searched: all, until it is verified; of a gateway's own the names alone. The rest of it has long
/// numbers of networks and banks, which may look like a card's.
fn event(gateway: GatewayName, body: &[u8], is_kept: bool) -> Result<Event, (&'static str, ApiError)> {
    let unreadable = |why| ("unreadable", ApiError::InvalidJson(why));
    let event = gateway.read_event(body).map_err(unreadable)?;
    let holds_card_data = match is_kept {
        // Byte for byte as well: of a name that stands there twice only the last is in the document.
        true => {
            let document = serde_json::from_slice(body).map_err(|error| unreadable(error.to_string()))?;
            card_data::in_document(&document) || card_data::in_bytes(body)
        }
        false => card_data::in_document(&json!([event.id, event.kind, event.about])),
    };
    if holds_card_data {
        request::refused("gateway event");
        return Err(("card data", ApiError::CardData));
    }
    Ok(event)
}

/// Nothing was stored: the gateway sends it again.
fn too_many() -> (&'static str, ApiError) {
    ("too many", ApiError::Unavailable)
}

fn signature(
    gateway: GatewayName,
    received: &Received,
    key: Option<&EventKey>,
    trust: &EventTrust,
) -> Signature {
    let check = |key| gateway.check_signature(received, key, trust, clock::outside());
    key.map_or(Signature::AskGateway, check)
}

async fn read(
    headers: BTreeMap<String, String>,
    body: Body,
    can_be_checked: bool,
) -> Result<Received, (&'static str, ApiError)> {
    let most = if can_be_checked { BODY_BYTES_MAX } else { UNVERIFIED_BYTES_MAX };
    match timeout(BODY_WITHIN, body::to_bytes(body, most)).await {
        Ok(Ok(body)) => Ok(Received { headers, body: body.to_vec() }),
        Ok(Err(_)) => Err(("too long", ApiError::BodyTooLarge)),
        Err(_) => Err(("too slow", ApiError::BodyTooSlow)),
    }
}

/// The headers that belong to signatures.
fn signature_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        let name = name.as_str();
        let is_signature = name.starts_with("paypal-") || name.starts_with("stripe-");
        is_signature.then(|| Some((name.to_owned(), value.to_str().ok()?.to_owned()))).flatten()
    };
    headers.iter().filter_map(text).take(HEADERS_MAX).collect()
}
