//! What tests ask of Stripe alone: what its customers have saved, and that a key be revoked.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::digest;
use super::store::{Change, Store, StripeChange};
use crate::engine::host::Host;

/// Both of it.
pub(crate) fn routes() -> Router<Arc<Host<Store>>> {
    Router::new().route("/control/saved", get(saved)).route("/control/revoke", post(revoke))
}

#[derive(Deserialize)]
struct Revoked {
    key: String,
}

/// The API key is good for nothing any more.
async fn revoke(State(host): State<Arc<Host<Store>>>, Json(revoked): Json<Revoked>) -> StatusCode {
    let line = {
        let (mut state, mut store) = host.lock();
        let change = Change::Own(StripeChange::KeyRevoked(digest(&revoked.key)));
        host.commit(&mut state, &mut store, vec![change])
    };
    host.engine().journal.written(line).await;
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct OfReference {
    reference: Option<String>,
}

/// Which customers there are of a reference, and what each of them has saved.
async fn saved(State(host): State<Arc<Host<Store>>>, Query(query): Query<OfReference>) -> Json<Value> {
    let (_state, store) = host.lock();
    let customers = store.saved(query.reference.as_deref().unwrap_or_default());
    let shown = customers.iter().map(|(customer, methods)| json!({"id": customer.id, "methods": methods}));
    Json(json!({"customers": shown.collect::<Vec<_>>()}))
}
