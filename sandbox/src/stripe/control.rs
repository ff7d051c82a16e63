//! What tests ask about Stripe alone: what its customers have saved.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::store::Store;
use crate::engine::host::Host;

/// The one question.
pub(crate) fn routes() -> Router<Arc<Host<Store>>> {
    Router::new().route("/control/saved", get(saved))
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
