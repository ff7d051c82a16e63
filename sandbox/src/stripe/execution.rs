//! From an understood request to its end: misbehaviour, then idempotency, then the endpoint.
//!
//! Deciding, changing the state and appending to the journal happen in one go under the state's lock,
//! so that a client that hangs up never leaves half a charge. What takes time on purpose runs on a
//! task of its own and goes on when the client has gone, as a real gateway would.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::call::{Call, Endpoint};
use super::effect::Effect;
use super::errors::StripeError;
use super::idempotency::{Answer, Key, Use, Verdict};
use super::store::Change as StripeChange;
use super::{customers, disputes, events, listing, payment_intents, refunds, test_cards};
use crate::app::{App, Setting};
use crate::faults::{Fault, Subject, TokenFault, When};
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
            Self::Answered(reply) if reply.original_request.is_some() => {
                write!(f, "replayed {}", reply.status)
            }
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
    /// The first request's id, when this repeats its answer.
    pub(crate) original_request: Option<String>,
    pub(crate) should_retry: Option<bool>,
}

impl Reply {
    /// An error as an answer.
    pub(crate) fn error(error: &StripeError) -> Self {
        Self {
            status: error.status,
            body: error.body(),
            original_request: None,
            should_retry: error.should_retry,
        }
    }

    fn repeat(answer: &Answer) -> Self {
        Self {
            status: answer.status,
            body: answer.body.clone(),
            original_request: Some(answer.request_id.clone()),
            should_retry: None,
        }
    }
}

/// Carries a request out, in the way that the faults in force demand.
pub(crate) async fn carry_out(app: &Arc<App>, call: Call) -> Ended {
    let Some(fault) = choose_fault(app, &call) else {
        return Ended::Answered(run(app, &call, None).await);
    };
    match fault {
        Fault::Status(when, status) => {
            if when == When::After {
                run(app, &call, None).await;
            }
            let key = call.envelope.key.as_deref().unwrap_or_default();
            Ended::Answered(Reply::error(&StripeError::of_status(status, key)))
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
            let slow = tokio::spawn(async move {
                match when {
                    When::Before => work_late(&app, &call, delay).await,
                    When::After => answer_late(&app, &call, delay).await,
                }
            });
            match slow.await {
                Ok(reply) => Ended::Answered(reply),
                // The task panicked; a closed connection says as much as we know.
                Err(_) => Ended::Dropped,
            }
        }
    }
}

/// The fault that strikes this request: its token's, the first time, or else one of the rules'.
fn choose_fault(app: &App, call: &Call) -> Option<Fault> {
    let mut state = app.state();
    let token = call.token(&state.stripe);
    let reference = call.reference(&state.stripe);
    let of_token = token.and_then(test_cards::fault);
    if let Some(TokenFault { operation, fault }) =
        of_token.filter(|of| call.operation() == Some(of.operation))
    {
        let payment = call.intent(&state.stripe).map_or("", |intent| &intent.id);
        // Without a key there is no telling a repetition from another payment but the reference.
        let scope = call.envelope.key.as_deref().or(reference);
        let Some(scope) = scope.or(Some(payment).filter(|payment| !payment.is_empty())) else {
            return Some(fault);
        };
        let scope = format!("{}/{}/{payment}/{scope}", call.account, operation.name());
        if !state.stripe.fault_spent(&scope) {
            // Not waited for: the fault's own request either changes something, which waits for the
            // lines before it too, or it does not, and then the worst is that the fault strikes twice.
            let _ = app.commit(&mut state, vec![Change::Stripe(StripeChange::FaultSpent(scope))]);
            return Some(fault);
        }
    }
    app.rules().strike(&Subject {
        method: call.envelope.method.as_str(),
        path: &call.envelope.path,
        token,
        reference,
    })
}

/// Runs a request, or repeats its answer, and waits until the journal has it. With `spoiled`, what
/// would be a fresh answer becomes a 500, and with `Before` nothing but that happens.
async fn run(app: &App, call: &Call, spoiled: Option<When>) -> Reply {
    let (reply, line) = run_under_lock(app, &mut app.state(), call, spoiled);
    app.journal.written(line).await;
    reply
}

/// Does the work late, with the request's key in use until then.
async fn work_late(app: &App, call: &Call, delay: Duration) -> Reply {
    let occupied = {
        let mut state = app.state();
        let free = free_key(app, &state, call);
        occupy(&mut state, free)
    };
    tokio::time::sleep(delay).await;
    let (reply, line) = {
        let mut state = app.state();
        // Its own mark must not stand in the way of its own run.
        release(&mut state, occupied);
        run_under_lock(app, &mut state, call, None)
    };
    app.journal.written(line).await;
    reply
}

/// Does the work at once but answers late, with the request's key in use until then.
async fn answer_late(app: &App, call: &Call, delay: Duration) -> Reply {
    let (reply, line, occupied) = {
        let mut state = app.state();
        let free = free_key(app, &state, call);
        let (reply, line) = run_under_lock(app, &mut state, call, None);
        (reply, line, occupy(&mut state, free))
    };
    app.journal.written(line).await;
    tokio::time::sleep(delay).await;
    release(&mut app.state(), occupied);
    reply
}

/// The request's use of its key, if the key is free for a fresh run.
fn free_key(app: &App, state: &State, call: &Call) -> Option<Use> {
    let wanted = call.key_use()?;
    let verdict = state.stripe.answers.judge(&wanted, app.clock.now());
    matches!(verdict, Ok(Verdict::Run)).then_some(wanted)
}

fn occupy(state: &mut State, first_use: Option<Use>) -> Option<Key> {
    let first_use = first_use?;
    let key = first_use.key.clone();
    state.stripe.answers.start(first_use);
    Some(key)
}

fn release(state: &mut State, occupied: Option<Key>) {
    if let Some(key) = occupied {
        state.stripe.answers.finish(&key);
    }
}

fn run_under_lock(app: &App, state: &mut State, call: &Call, spoiled: Option<When>) -> (Reply, LineNumber) {
    let setting = app.setting();
    let first_use = call.key_use();
    let repeated = first_use.as_ref().map(|wanted| {
        let verdict = state.stripe.answers.judge(wanted, setting.now)?;
        Ok(match verdict {
            Verdict::Run => None,
            Verdict::Repeat(answer) => Some(Reply::repeat(answer)),
        })
    });
    // A repetition waits for the line of the answer that it repeats.
    let last_line = || app.journal.append::<Change>(&[]);
    match repeated.transpose().map(Option::flatten) {
        Err(error) => return (Reply::error(&error), last_line()),
        Ok(Some(reply)) => return (reply, last_line()),
        Ok(None) => {}
    }
    let (effect, should_retry) = match execute(state, call, &setting, spoiled) {
        Ok(effect) => (effect, None),
        Err(error) if error.executed => (Effect::error(&error), error.should_retry),
        Err(error) => return (Reply::error(&error), last_line()),
    };
    let answer = first_use.map(|first_use| Answer {
        first_use,
        at_ms: setting.now.0,
        request_id: call.envelope.request_id.clone(),
        status: effect.status,
        body: effect.body.clone(),
    });
    let answer = answer.map(|answer| Change::Stripe(StripeChange::Answer(answer)));
    let Effect { status, body, changes } = effect.with(answer);
    let line = app.commit(state, changes);
    let reply = Reply { status, body, original_request: None, should_retry };
    (reply, line)
}

fn execute(
    state: &State,
    call: &Call,
    setting: &Setting<'_>,
    spoiled: Option<When>,
) -> Result<Effect, StripeError> {
    if spoiled == Some(When::Before) {
        return Err(StripeError::internal());
    }
    let effect = perform(state, call, setting)?;
    if spoiled == Some(When::After) {
        return Ok(Effect::error(&StripeError::internal()).with(effect.changes));
    }
    Ok(effect)
}

fn perform(state: &State, call: &Call, setting: &Setting<'_>) -> Result<Effect, StripeError> {
    let store = &state.stripe;
    let params = &call.params;
    let now = setting.now;
    match &call.endpoint {
        Endpoint::CreateIntent => payment_intents::create(store, params, setting),
        Endpoint::ListIntents => listing::payment_intents(store, params),
        Endpoint::RetrieveIntent(id) => payment_intents::retrieve(store, id, params),
        Endpoint::ConfirmIntent(id) => payment_intents::confirm(store, id, params, setting),
        Endpoint::CaptureIntent(id) => payment_intents::capture(store, id, params, setting),
        Endpoint::CancelIntent(id) => payment_intents::cancel(store, id, params, now),
        Endpoint::ListCharges => listing::charges(store, params),
        Endpoint::RetrieveCharge(id) => listing::charge(store, id, params),
        Endpoint::CreateRefund => refunds::create(store, params, setting),
        Endpoint::ListRefunds => listing::refunds(store, params),
        Endpoint::RetrieveRefund(id) => listing::refund(store, id, params),
        Endpoint::CancelRefund(id) => refunds::cancel(store, id, params, setting),
        Endpoint::ListDisputes => listing::disputes(store, params),
        Endpoint::RetrieveDispute(id) => listing::dispute(store, id, params),
        Endpoint::UpdateDispute(id) => disputes::update(store, id, params, setting),
        Endpoint::CloseDispute(id) => disputes::close(store, id, params, setting),
        Endpoint::ListTransactions => listing::transactions(store, params),
        Endpoint::RetrieveTransaction(id) => listing::transaction(store, id, params),
        Endpoint::ListEvents => events::list(&state.outbox, params),
        Endpoint::RetrieveEvent(id) => events::retrieve(&state.outbox, id, params),
        Endpoint::CreateCustomer => customers::create(store, params, now),
        Endpoint::RetrieveCustomer(id) => customers::retrieve(store, id, params),
        Endpoint::CreateMethod => customers::create_method(store, params, now),
        Endpoint::RetrieveMethod(id) => customers::retrieve_method(store, id, params),
        Endpoint::AttachMethod(id) => customers::attach(store, id, params, now),
    }
}
