//! Payments of others, made up by the thousand: an account is seldom ours alone, and whoever looks for something in
//! its lists has to find it among them. They are in the lists and nowhere else: nothing is told of them, and no
//! books know them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;

use crate::app::App;
use crate::clock::Moment;
use crate::webhooks::Gateway;

/// The one question.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/control/others", post(make))
}

/// How many, and in which seconds from now they were made: one after the other, evenly.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Others {
    gateway: Gateway,
    count: i64,
    from: i64,
    to: i64,
}

async fn make(State(app): State<Arc<App>>, Json(others): Json<Others>) -> StatusCode {
    let now = app.engine.clock.now();
    let one = |number: i64| {
        let span_ms = (others.to - others.from) * 1000;
        Moment(now.0 + others.from * 1000 + span_ms * number / others.count.max(1))
    };
    let made: Vec<Moment> = (0..others.count).map(one).collect();
    let mut gateways = app.gateways().into_iter();
    if let Some(gateway) = gateways.find(|gateway| gateway.gateway() == others.gateway) {
        let line = gateway.add_others(&mut app.engine.state(), &made);
        app.engine.journal.written(line).await;
    }
    StatusCode::NO_CONTENT
}
