//! `POST /gateways/{name}/webhook`: what gateways tell by themselves. The signature is looked at before
//! anything else, the event is stored once, and the answer is 200 at once: a worker looks at what it is
//! about. What it claims is never believed.

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use common::{
    card_data, clock,
    gateway::{About, GatewayName, Received, Signature},
    job::Kind,
    receipt::store::{self, Accepted},
};

use crate::{App, error::ApiError, request};

/// Headers of an event that are kept, at most: those of its signature are a handful.
const HEADERS_MAX: usize = 64;

/// Takes an event in. Only a genuine one, or one that the gateway must be asked about, is stored.
pub async fn receive(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let gateway: GatewayName = name.parse().map_err(|_| ApiError::NotFound)?;
    let received = received(&headers, &body);
    let signature = gateway.check_signature(&received, &app.event_secrets, clock::outside());
    if signature == Signature::Forged {
        count(gateway, "forged");
        return Err(ApiError::ForgedEvent);
    }
    // As it will be understood, not as it is written: an escape is a digit to whoever reads it.
    let document = serde_json::from_slice(&body).map_err(|error| ApiError::InvalidJson(error.to_string()))?;
    if card_data::in_document(&document) {
        request::refused("gateway event");
        return Err(ApiError::CardData);
    }
    let event = gateway.read_event(&body).map_err(ApiError::InvalidJson)?;
    if event.about == About::Nothing {
        count(gateway, "not ours");
        return Ok(StatusCode::OK);
    }
    let unverified = (signature == Signature::AskGateway).then_some(&received);
    match store::accept(&app.pool, gateway, &event, unverified).await? {
        Accepted::New(job) => app.publisher.offer(Kind::HandleEvent, [job], None),
        Accepted::Known => {}
        Accepted::TooMany => {
            count(gateway, "too many");
            return Err(ApiError::Unavailable);
        }
    }
    count(gateway, "received");
    Ok(StatusCode::OK)
}

fn received(headers: &HeaderMap, body: &Bytes) -> Received {
    let text = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        let name = name.as_str();
        let is_signature = name.starts_with("paypal-") || name.starts_with("stripe-");
        is_signature.then(|| Some((name.to_owned(), value.to_str().ok()?.to_owned()))).flatten()
    };
    let headers: BTreeMap<_, _> = headers.iter().filter_map(text).take(HEADERS_MAX).collect();
    Received { headers, body: body.to_vec() }
}

fn count(gateway: GatewayName, outcome: &'static str) {
    metrics::counter!("gateway_events_received_total", "gateway" => gateway.as_str(), "outcome" => outcome)
        .increment(1);
}
