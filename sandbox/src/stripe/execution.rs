//! From an understood request to its answer: idempotency, then the endpoint.

use serde_json::json;

use super::call::{Call, Endpoint};
use super::effect::Effect;
use super::errors::StripeError;
use super::idempotency::{Answer, Use, Verdict};
use super::store::{Change, Store, StripeChange};
use super::{customers, disputes, events, listing, payment_intents, refunds};
use crate::clock::Moment;
use crate::engine::Setting;
use crate::engine::protocol::{Decision, Reply};
use crate::faults::When;
use crate::webhooks::outbox::Outbox;

/// An error as an answer.
pub(crate) fn refusal(error: &StripeError) -> Reply {
    reply(error.status, error.body(), error.should_retry)
}

fn reply(status: u16, body: String, should_retry: Option<bool>) -> Reply {
    let word = should_retry.map(|should_retry| if should_retry { "true" } else { "false" });
    let headers = word.map(|word| ("stripe-should-retry", word.to_owned()));
    Reply { status, body, repeated: false, headers: headers.into_iter().collect() }
}

fn repetition(answer: &Answer) -> Reply {
    let headers =
        vec![("idempotent-replayed", "true".to_owned()), ("original-request", answer.request_id.clone())];
    Reply { status: answer.status, body: answer.body.clone(), repeated: true, headers }
}

/// The request's use of its key, if the key is free for a fresh run.
pub(crate) fn free_key(store: &Store, call: &Call, now: Moment) -> Option<Use> {
    let wanted = call.key_use()?;
    let verdict = store.answers.judge(&wanted, now);
    matches!(verdict, Ok(Verdict::Run)).then_some(wanted)
}

/// Answers a request, or repeats its answer.
pub(crate) fn decide(
    store: &Store,
    outbox: &Outbox,
    call: &Call,
    setting: &Setting<'_>,
    spoiled: Option<When>,
) -> Decision<Store> {
    let first_use = call.key_use();
    let repeated = first_use.as_ref().map(|wanted| {
        let verdict = store.answers.judge(wanted, setting.now)?;
        Ok(match verdict {
            Verdict::Run => None,
            Verdict::Repeat(answer) => Some(repetition(answer)),
        })
    });
    match repeated.transpose().map(Option::flatten) {
        Err(error) => return Decision::only(refusal(&error)),
        Ok(Some(reply)) => return Decision::only(reply),
        Ok(None) => {}
    }
    let (effect, should_retry) = match execute(store, outbox, call, setting, spoiled) {
        Ok(effect) => (effect, None),
        Err(error) if error.executed => (Effect::error(&error), error.should_retry),
        Err(error) => return Decision::only(refusal(&error)),
    };
    let answer = first_use.map(|first_use| Answer {
        first_use,
        at_ms: setting.now.0,
        request_id: call.envelope.request_id.clone(),
        status: effect.status,
        body: effect.body.clone(),
    });
    let answer = answer.map(|answer| Change::Own(StripeChange::Answer(answer)));
    let Effect { status, body, changes } = effect.with(answer);
    Decision { changes, answer: reply(status, body, should_retry) }
}

fn execute(
    store: &Store,
    outbox: &Outbox,
    call: &Call,
    setting: &Setting<'_>,
    spoiled: Option<When>,
) -> Result<Effect, StripeError> {
    if spoiled == Some(When::Before) {
        return Err(StripeError::internal());
    }
    are_theirs(store, call)?;
    let mut effect = perform(store, outbox, call, setting)?;
    own(store, call, &mut effect);
    if spoiled == Some(When::After) {
        return Ok(Effect::error(&StripeError::internal()).with(effect.changes));
    }
    Ok(effect)
}

fn perform(
    store: &Store,
    outbox: &Outbox,
    call: &Call,
    setting: &Setting<'_>,
) -> Result<Effect, StripeError> {
    let params = &call.params;
    let now = setting.now;
    match &call.endpoint {
        Endpoint::CreateIntent => payment_intents::create(store, params, setting),
        Endpoint::ListIntents => listing::payment_intents(store, params, &call.owner),
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
        Endpoint::ListEvents => events::list(outbox, params),
        Endpoint::RetrieveEvent(id) => events::retrieve(outbox, id, params),
        Endpoint::CreateCustomer => customers::create(store, params, now),
        Endpoint::RetrieveCustomer(id) => customers::retrieve(store, id, params),
        Endpoint::CreateMethod => customers::create_method(store, params, now),
        Endpoint::RetrieveMethod(id) => customers::retrieve_method(store, id, params),
        Endpoint::AttachMethod(id) => customers::attach(store, id, params, now),
        Endpoint::RetrieveAccount => Ok(account(&call.owner)),
    }
}

/// The account that speaks. Keys that name none are of one account.
fn account(owner: &str) -> Effect {
    let name = if owner.is_empty() { "sandbox" } else { owner };
    Effect::ok(json!({ "id": format!("acct_{name}"), "object": "account" }))
}

/// What the request is about is its own account's: of another's nothing is known. Only payments and customers are told
/// apart, and what is found by them; lists of charges, refunds, disputes and movements are everybody's.
fn are_theirs(store: &Store, call: &Call) -> Result<(), StripeError> {
    if let Some(intent) = call.intent(store).filter(|intent| intent.account != call.owner) {
        return Err(StripeError::no_such(404, "payment_intent", &intent.id, "intent"));
    }
    let named = match &call.endpoint {
        Endpoint::RetrieveCustomer(id) => Some(id.as_str()),
        _ => call.params.text("customer"),
    };
    match named.and_then(|id| store.customer(id)).filter(|customer| customer.account != call.owner) {
        Some(customer) => Err(StripeError::no_such(404, "customer", &customer.id, "customer")),
        None => Ok(()),
    }
}

/// What was made is its account's.
fn own(store: &Store, call: &Call, effect: &mut Effect) {
    for change in &mut effect.changes {
        match change {
            Change::Own(StripeChange::Intent(intent)) if store.intents.get(&intent.id).is_none() => {
                intent.account.clone_from(&call.owner);
            }
            Change::Own(StripeChange::Customer(customer)) if store.customer(&customer.id).is_none() => {
                customer.account.clone_from(&call.owner);
            }
            _ => {}
        }
    }
}
