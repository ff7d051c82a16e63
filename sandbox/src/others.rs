//! Payments of others, made up by the thousand: an account is seldom ours alone, and whoever looks for something in
//! its lists has to find it among them. They are in the lists and nowhere else: nothing is told of them, and no
//! books know them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;

use crate::app::App;
use crate::clock::Moment;
use crate::ids::new_id;
use crate::paypal::amounts::Money;
use crate::paypal::objects::{self as paypal, CaptureStatus};
use crate::paypal::store::Change as PayPalChange;
use crate::state::Change;
use crate::stripe::objects::{CaptureMethod, Intent, IntentStatus, Redirects};
use crate::stripe::store::Change as StripeChange;
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
    let now = app.clock.now();
    let one = |number: i64| {
        let span_ms = (others.to - others.from) * 1000;
        let at = Moment(now.0 + others.from * 1000 + span_ms * number / others.count.max(1));
        match others.gateway {
            Gateway::Stripe => Change::Stripe(StripeChange::Intent(Box::new(intent(at)))),
            Gateway::Paypal => Change::Paypal(PayPalChange::Capture(Box::new(capture(at)))),
        }
    };
    let changes = (0..others.count).map(one).collect();
    let line = app.commit_untold(&mut app.state(), changes);
    app.journal.written(line).await;
    StatusCode::NO_CONTENT
}

/// A payment that somebody has begun.
fn intent(at: Moment) -> Intent {
    let id = new_id("pi");
    Intent {
        client_secret: format!("{id}_secret"),
        id,
        created: at.seconds(),
        amount: 1000,
        currency: "eur".to_owned(),
        status: IntentStatus::RequiresPaymentMethod,
        amount_capturable: 0,
        amount_received: 0,
        capture_method: CaptureMethod::AutomaticAsync,
        customer: None,
        payment_method: None,
        latest_charge: None,
        metadata: BTreeMap::from([("order".to_owned(), "of somebody else".to_owned())]),
        description: None,
        receipt_email: None,
        statement_descriptor: None,
        statement_descriptor_suffix: None,
        setup_future_usage: None,
        redirects: Redirects::Never,
        last_payment_error: None,
        next_action: None,
        canceled_at: None,
        cancellation_reason: None,
        due_ms: None,
    }
}

/// A payment that somebody has made.
fn capture(at: Moment) -> paypal::Capture {
    paypal::Capture {
        id: paypal::new_id(),
        order: paypal::new_id(),
        authorization: None,
        created_ms: at.0,
        updated_ms: at.0,
        amount: Money { currency: "EUR".to_owned(), minor: 1000 },
        status: CaptureStatus::Completed,
        refunded: 0,
        refunding: 0,
        final_capture: true,
        custom_id: None,
        invoice_id: None,
        instrument: None,
        movement: String::new(),
        reserved: 1000,
        disputed: 0,
        due_ms: None,
    }
}
