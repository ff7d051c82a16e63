//! From an understood request to its end: misbehaviour, then idempotency, then the endpoint.
//!
//! Deciding, changing the state and appending to the journal happen in one go under the state's lock,
//! so that a client that hangs up never leaves half a payment. What is shown is read from the state
//! afterwards, so that a first answer and a repetition are made in the same way.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::authorizations;
use super::bearer;
use super::call::{Call, Endpoint};
use super::disputes;
use super::effect::{Effect, Shown};
use super::errors::PayPalError;
use super::events;
use super::idempotency::{Kept, Use, Verdict, Work};
use super::objects::Intent;
use super::orders;
use super::refunds;
use super::render::{self, Extent};
use super::reporting;
use super::store::{Change as PayPalChange, Store};
use super::vault;
use super::webhooks;
use crate::app::{App, Setting};
use crate::clock::Moment;
use crate::faults::{Fault, Subject, When};
use crate::journal::LineNumber;
use crate::state::{Change, State};

/// How a request ends for its client.
#[derive(Debug)]
pub(crate) enum Ended {
    /// With an answer.
    Answered(Reply),
    /// With silence.
    Held,
    /// With a closed connection.
    Dropped,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(reply) if reply.repeated => write!(f, "replayed {}", reply.status),
            Self::Answered(reply) => write!(f, "{}", reply.status),
            Self::Held => f.write_str("held"),
            Self::Dropped => f.write_str("dropped"),
        }
    }
}

/// An answer as it goes onto the wire.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// Nothing was executed: this shows what an earlier request made.
    pub(crate) repeated: bool,
}

impl Reply {
    /// An error as an answer.
    pub(crate) fn error(error: &PayPalError, debug_id: &str) -> Self {
        Self { status: error.status, body: error.body(debug_id), repeated: false }
    }
}

/// Carries a request out, in the way that the faults in force demand.
pub(crate) async fn carry_out(app: &Arc<App>, call: Call) -> Ended {
    let refused = |error: &PayPalError| Ended::Answered(Reply::error(error, &call.envelope.debug_id));
    let Some(fault) = choose_fault(app, &call) else {
        return Ended::Answered(run(app, &call, None).await);
    };
    match fault {
        Fault::Status(when, status) => {
            if when == When::After {
                run(app, &call, None).await;
            }
            refused(&PayPalError::of_status(status))
        }
        Fault::Timeout(When::Before) => Ended::Held,
        Fault::Drop(When::Before) => Ended::Dropped,
        Fault::Timeout(When::After) => {
            run(app, &call, None).await;
            Ended::Held
        }
        Fault::Drop(When::After) => {
            run(app, &call, None).await;
            Ended::Dropped
        }
        Fault::ServerError(when) => Ended::Answered(run(app, &call, Some(when)).await),
        Fault::Slow(when, delay) => {
            let app = Arc::clone(app);
            // A task of its own, which goes on when the client has gone.
            let slow = tokio::spawn(async move {
                match when {
                    When::Before => work_late(&app, &call, delay).await,
                    When::After => answer_late(&app, &call, delay).await,
                }
            });
            // A task that panicked has no more to say than a closed connection.
            slow.await.map_or(Ended::Dropped, Ended::Answered)
        }
    }
}

/// The fault that strikes this request: its token's, the first time, or else one of the rules'.
fn choose_fault(app: &App, call: &Call) -> Option<Fault> {
    let mut state = app.state();
    let token = call.token(&state.paypal);
    let reference = call.reference(&state.paypal);
    let of_token = token.and_then(vault::fault);
    if let Some(of_token) = of_token.filter(|of| call.operations().contains(&of.operation)) {
        // Without a request id there is no telling a repetition from another payment but the reference.
        let scope = call.envelope.request_id.as_deref().or(reference);
        let object = call.endpoint.object();
        let order = object.and_then(|object| state.paypal.order_of(&object)).map(|order| order.id.as_str());
        let Some(scope) = scope.or(order) else {
            return Some(of_token.fault);
        };
        let (operation, order) = (of_token.operation.name(), order.unwrap_or_default());
        let scope = format!("{}/{operation}/{order}/{scope}", call.client);
        if !state.paypal.fault_spent(&scope) {
            // Not waited for: at worst a restarted sandbox lets the fault strike twice.
            let _ = app.commit(&mut state, vec![PayPalChange::FaultSpent(scope).into()]);
            return Some(of_token.fault);
        }
    }
    app.rules().strike(&Subject {
        method: call.envelope.method.as_str(),
        path: &call.envelope.path,
        token,
        reference,
    })
}

/// Runs a request, or shows what it made before, and waits until the journal has it. With `spoiled`,
/// what would be a fresh answer becomes a 500, and with `Before` nothing but that happens.
async fn run(app: &App, call: &Call, spoiled: Option<When>) -> Reply {
    let (reply, line) = run_under_lock(app, &mut app.state(), call, spoiled);
    app.journal.written(line).await;
    reply
}

/// Does the work late, with its request id and its object in use until then.
async fn work_late(app: &App, call: &Call, delay: Duration) -> Reply {
    let work = {
        let mut state = app.state();
        occupy(app, &mut state, call)
    };
    tokio::time::sleep(delay).await;
    let (reply, line) = {
        let mut state = app.state();
        // Its own mark must not stand in the way of its own run.
        state.paypal.request_ids.finish(&work);
        run_under_lock(app, &mut state, call, None)
    };
    app.journal.written(line).await;
    reply
}

/// Does the work at once but answers late, with its request id and its object in use until then.
async fn answer_late(app: &App, call: &Call, delay: Duration) -> Reply {
    let (reply, line, work) = {
        let mut state = app.state();
        // Found out first, while the request id is still free.
        let work = free_work(app, &state, call);
        let (reply, line) = run_under_lock(app, &mut state, call, None);
        state.paypal.request_ids.start(&work);
        (reply, line, work)
    };
    app.journal.written(line).await;
    tokio::time::sleep(delay).await;
    app.state().paypal.request_ids.finish(&work);
    reply
}

fn occupy(app: &App, state: &mut State, call: &Call) -> Work {
    let work = free_work(app, state, call);
    state.paypal.request_ids.start(&work);
    work
}

/// What a request would occupy: nothing, if it would not run.
fn free_work(app: &App, state: &State, call: &Call) -> Work {
    let first_use = call.id_use();
    let object = call.endpoint.object().filter(|_| !call.operations().is_empty());
    match judged(&state.paypal, call, first_use.as_ref(), app.setting().now) {
        Ok(None) => Work { first_use, object },
        Ok(Some(_)) | Err(_) => Work::default(),
    }
}

/// What was made under this request's id before, if anything.
fn judged<'a>(
    store: &'a Store,
    call: &Call,
    first_use: Option<&Use>,
    now: Moment,
) -> Result<Option<&'a Kept>, PayPalError> {
    if let Some(wanted) = first_use
        && let Verdict::Show(kept) = store.request_ids.judge(wanted, now)?
    {
        return Ok(Some(kept));
    }
    if let Some(object) = call.endpoint.object().filter(|_| !call.operations().is_empty()) {
        store.request_ids.check_free(&object)?;
    }
    Ok(None)
}

fn run_under_lock(app: &App, state: &mut State, call: &Call, spoiled: Option<When>) -> (Reply, LineNumber) {
    let setting = app.setting();
    let debug_id = &call.envelope.debug_id;
    let first_use = call.id_use();
    // A repetition waits for the line of what it shows.
    let last_line = || app.journal.append::<Change>(&[]);
    match judged(&state.paypal, call, first_use.as_ref(), setting.now) {
        Err(error) => return (Reply::error(&error, debug_id), last_line()),
        Ok(Some(kept)) => {
            let shown = Shown::Object(kept.object.clone());
            let status = kept.repeated_status();
            let (status, body) = body(&state.paypal, call, status, shown, setting.public_url);
            return (Reply { status, body, repeated: true }, last_line());
        }
        Ok(None) => {}
    }
    if spoiled == Some(When::Before) {
        return (Reply::error(&PayPalError::internal(), debug_id), last_line());
    }
    let Effect { status, shown, mut changes } = match perform(state, call, &setting) {
        Ok(effect) => effect,
        Err(mut error) => {
            let line = app.commit(state, std::mem::take(&mut error.changes));
            return (Reply::error(&error, debug_id), line);
        }
    };
    if let (Some(first_use), Shown::Object(object) | Shown::Quietly(object)) = (first_use, &shown) {
        let kept = Kept { first_use, at_ms: setting.now.0, object: object.clone(), status };
        changes.push(PayPalChange::Kept(kept).into());
    }
    let line = if changes.is_empty() { last_line() } else { app.commit(state, changes) };
    if spoiled == Some(When::After) {
        return (Reply::error(&PayPalError::internal(), debug_id), line);
    }
    let (status, body) = body(&state.paypal, call, status, shown, setting.public_url);
    (Reply { status, body, repeated: false }, line)
}

/// The answer's status and body. Who prefers a representation gets one even of what has no content.
fn body(store: &Store, call: &Call, status: u16, shown: Shown, public_url: &str) -> (u16, String) {
    let whole = call.envelope.representation || call.operations().is_empty();
    let object = match shown {
        Shown::Json(value) => return (status, value.to_string()),
        _ if status == 204 && !call.envelope.representation => return (status, String::new()),
        Shown::Object(object) | Shown::Quietly(object) => object,
    };
    let status = if status == 204 { 200 } else { status };
    let extent = if whole { Extent::Whole } else { Extent::Minimal };
    let shown = render::object(store, &object, public_url, extent);
    (status, shown.unwrap_or_default().to_string())
}

fn perform(state: &State, call: &Call, setting: &Setting<'_>) -> Result<Effect, PayPalError> {
    let (store, outbox) = (&state.paypal, &state.outbox);
    let (body, query) = (&call.body, &call.query);
    match &call.endpoint {
        Endpoint::IssueToken => Ok(bearer::issue(&call.client, setting.now)),
        Endpoint::CreateOrder => orders::create(store, call, setting),
        Endpoint::RetrieveOrder(id) => orders::retrieve(store, id, setting.now),
        Endpoint::CaptureOrder(id) => orders::complete(store, id, Intent::Capture, body, setting),
        Endpoint::AuthorizeOrder(id) => orders::complete(store, id, Intent::Authorize, body, setting),
        Endpoint::RetrieveAuthorization(id) => authorizations::retrieve(store, id),
        Endpoint::CaptureAuthorization(id) => authorizations::capture(store, id, body, setting),
        Endpoint::VoidAuthorization(id) => authorizations::void(store, id, body, setting.now),
        Endpoint::RetrieveCapture(id) => refunds::retrieve_capture(store, id),
        Endpoint::RefundCapture(id) => refunds::create(store, id, body, setting),
        Endpoint::RetrieveRefund(id) => refunds::retrieve(store, id),
        Endpoint::ListDisputes => disputes::list(store, query, setting.public_url),
        Endpoint::RetrieveDispute(id) => disputes::retrieve(store, id),
        Endpoint::ListTransactions => reporting::transactions(store, query, setting.now, setting.public_url),
        Endpoint::ListEvents => events::list(outbox, query),
        Endpoint::RetrieveEvent(id) => events::retrieve(outbox, id),
        Endpoint::VerifySignature => webhooks::verify(&call.raw),
    }
}
