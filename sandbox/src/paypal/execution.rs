//! From an understood request to its answer: idempotency, then the endpoint.
//!
//! What is shown is read from the store afterwards, so that a first answer and a repetition are made in the same way.

use super::authorizations;
use super::bearer;
use super::call::{Call, Endpoint};
use super::disputes;
use super::effect::{Effect, Refusal, Shown};
use super::errors::PayPalError;
use super::events;
use super::idempotency::{Kept, Use, Verdict, Work};
use super::objects::Intent;
use super::orders;
use super::refunds;
use super::render::{self, Extent};
use super::reporting;
use super::store::{PayPalChange, Store};
use super::webhooks;
use crate::clock::Moment;
use crate::engine::Setting;
use crate::engine::protocol::{Decision, Reply};
use crate::faults::When;
use crate::webhooks::outbox::Outbox;

/// What is to be answered, before it is shown.
pub(crate) enum Answer {
    Refused(PayPalError),
    /// What a request has made, now or, `repeated`, before.
    Shown {
        status: u16,
        shown: Shown,
        repeated: bool,
    },
}

/// An error as an answer.
pub(crate) fn refusal(error: &PayPalError, debug_id: &str) -> Reply {
    Reply { status: error.status, body: error.body(debug_id), repeated: false, headers: Vec::new() }
}

/// What a request would occupy: nothing, if it would not run.
pub(crate) fn free_work(store: &Store, call: &Call, now: Moment) -> Work {
    let first_use = call.id_use();
    let object = call.endpoint.object().filter(|_| !call.operations().is_empty());
    match judged(store, call, first_use.as_ref(), now) {
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

/// Executes a request, or finds what it made before.
pub(crate) fn decide(
    store: &Store,
    outbox: &Outbox,
    call: &Call,
    setting: &Setting<'_>,
    spoiled: Option<When>,
) -> Decision<Store> {
    let first_use = call.id_use();
    match judged(store, call, first_use.as_ref(), setting.now) {
        Err(error) => return Decision::only(Answer::Refused(error)),
        Ok(Some(kept)) => {
            let shown = Shown::Object(kept.object.clone());
            return Decision::only(Answer::Shown { status: kept.repeated_status(), shown, repeated: true });
        }
        Ok(None) => {}
    }
    if spoiled == Some(When::Before) {
        return Decision::only(Answer::Refused(PayPalError::internal()));
    }
    let Effect { status, shown, mut changes } = match perform(store, outbox, call, setting) {
        Ok(effect) => effect,
        Err(Refusal { error, changes }) => return Decision { changes, answer: Answer::Refused(error) },
    };
    if let (Some(first_use), Shown::Object(object) | Shown::Quietly(object)) = (first_use, &shown) {
        let kept = Kept { first_use, at_ms: setting.now.0, object: object.clone(), status };
        changes.push(PayPalChange::Kept(kept).into());
    }
    let answer = match spoiled {
        Some(_) => Answer::Refused(PayPalError::internal()),
        None => Answer::Shown { status, shown, repeated: false },
    };
    Decision { changes, answer }
}

/// Shows the answer, from the store as it is once the decision's changes are made.
pub(crate) fn reply(store: &Store, call: &Call, answer: Answer, public_url: &str) -> Reply {
    match answer {
        Answer::Refused(error) => refusal(&error, &call.envelope.debug_id),
        Answer::Shown { status, shown, repeated } => {
            let (status, body) = body(store, call, status, shown, public_url);
            Reply { status, body, repeated, headers: Vec::new() }
        }
    }
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

fn perform(store: &Store, outbox: &Outbox, call: &Call, setting: &Setting<'_>) -> Result<Effect, Refusal> {
    let (body, query) = (&call.body, &call.query);
    let effect = match &call.endpoint {
        Endpoint::IssueToken => Ok(issue_token(&call.client, setting.now)),
        Endpoint::CreateOrder => return orders::create(store, call, setting),
        Endpoint::RetrieveOrder(id) => orders::retrieve(store, id, setting.now),
        Endpoint::CaptureOrder(id) => return orders::complete(store, id, Intent::Capture, body, setting),
        Endpoint::AuthorizeOrder(id) => return orders::complete(store, id, Intent::Authorize, body, setting),
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
    };
    Ok(effect?)
}

fn issue_token(client: &str, now: Moment) -> Effect {
    let (bearer, body) = bearer::issue(client, now);
    Effect { changes: vec![PayPalChange::Bearer(bearer).into()], ..Effect::json(body) }
}
