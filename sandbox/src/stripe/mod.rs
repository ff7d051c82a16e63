//! Stripe's protocol, as the engine runs it: what comes to `/v1` leaves with Stripe's manners.
//!
//! The endpoints are plain functions from the store and the parameters to an answer and its changes.

use std::sync::Arc;

use axum::Router;
use axum::http::Method;
use axum::routing::any;

use crate::clock::Moment;
use crate::engine::Setting;
use crate::engine::front_door;
use crate::engine::host::Host;
use crate::engine::protocol::{Asked, Decision, Protocol, Reply, Request};
use crate::engine::settling::{Ending, Selection};
use crate::faults::{Status, Subject, TokenFault, When};
use crate::ids::new_id;
use crate::webhooks::outbox::{Outbox, Targets};
use crate::webhooks::{Event, Gateway, Header};
use call::{Call, Envelope};
use errors::StripeError;
use idempotency::Use;
use store::{Change, Due, Store, StripeChange};

mod amounts;
mod balance;
mod call;
mod charging;
mod control;
mod customers;
mod declines;
mod descriptors;
mod disputes;
mod effect;
mod errors;
mod events;
mod execution;
mod expand;
mod form;
mod idempotency;
mod listing;
mod money_objects;
mod objects;
mod others;
mod payment_intents;
mod refunds;
mod render;
mod render_methods;
mod settling;
pub(crate) mod store;
mod table;
mod test_cards;
mod three_d_secure;
pub(crate) mod webhooks;

/// Stripe's API, the page where payers authenticate, and what tests ask about Stripe alone.
pub(crate) fn routes() -> Router<Arc<Host<Store>>> {
    Router::new()
        .route("/v1/{*path}", any(front_door::answer::<Store>))
        .merge(three_d_secure::routes())
        .merge(control::routes())
}

impl Protocol for Store {
    const GATEWAY: Gateway = Gateway::Stripe;
    const KEY_HEADER: &'static str = "idempotency-key";

    type Change = StripeChange;
    type Call = Call;
    type Answer = Reply;
    type Work = Option<Use>;
    type Pending = Due;

    fn apply(&mut self, change: StripeChange) {
        self.apply(change);
    }

    fn new_request_id() -> String {
        new_id("req")
    }

    fn read(&self, request: &Request, _now: Moment) -> Result<Call, Reply> {
        let call = Call::read(request).and_then(|call| match self.is_revoked(&call.api_key) {
            true => Err(StripeError::unauthorized(call::INVALID_KEY)),
            false => Ok(call),
        });
        call.map_err(|error| execution::refusal(&error))
    }

    fn asked<'a>(&'a self, call: &'a Call) -> Asked<'a> {
        let subject = Subject {
            method: call.envelope.method.as_str(),
            path: &call.envelope.path,
            token: call.token(self),
            reference: call.reference(self),
        };
        Asked {
            subject,
            account: &call.account,
            key: call.envelope.key.as_deref(),
            payment: call.intent(self).map(|intent| intent.id.as_str()),
            operations: call.operations(),
        }
    }

    fn decide(
        &self,
        outbox: &Outbox,
        call: &Call,
        setting: &Setting<'_>,
        spoiled: Option<When>,
    ) -> Decision<Self> {
        execution::decide(self, outbox, call, setting, spoiled)
    }

    fn reply(&self, _call: &Call, answer: Reply, _setting: &Setting<'_>) -> Reply {
        answer
    }

    fn refuse(request: &Request, status: Status) -> Reply {
        execution::refusal(&StripeError::of_status(status, request.key.as_deref().unwrap_or_default()))
    }

    fn headers(request: &Request) -> Vec<Header> {
        let Envelope { request_id, method, version, key, .. } = Envelope::of(request);
        let key = key.filter(|_| method == Method::POST).map(|key| ("idempotency-key", key));
        [("request-id", request_id), ("stripe-version", version)].into_iter().chain(key).collect()
    }

    fn work(&self, call: &Call, now: Moment) -> Option<Use> {
        execution::free_key(self, call, now)
    }

    fn start(&mut self, work: &Option<Use>) {
        if let Some(first_use) = work {
            self.answers.start(first_use.clone());
        }
    }

    fn finish(&mut self, work: &Option<Use>) {
        if let Some(first_use) = work {
            self.answers.finish(&first_use.key);
        }
    }

    fn token_fault(token: &str) -> Option<TokenFault> {
        test_cards::fault(token)
    }

    fn is_fault_spent(&self, name: &str) -> bool {
        self.fault_spent(name)
    }

    fn spend_fault(name: String) -> StripeChange {
        StripeChange::FaultSpent(name)
    }

    fn events(&self, changes: &[Change], setting: &Setting<'_>) -> Vec<Event> {
        events::caused_by(self, changes, setting.now)
    }

    fn sign(targets: &Targets, body: &str, forged: bool, now: Moment, _public_url: &str) -> Vec<Header> {
        webhooks::sign(targets, body, forged, now)
    }

    fn forge(&self, event: &Event, setting: &Setting<'_>) -> Option<String> {
        webhooks::forge(self, event, setting.now)
    }

    fn next_due(&self, setting: &Setting<'_>) -> Option<Vec<Change>> {
        settling::next_due(self, setting)
    }

    fn selected(&self, selection: &Selection) -> Vec<Due> {
        settling::selected(self, selection)
    }

    fn settle(&self, pending: &Due, ending: Ending, setting: &Setting<'_>) -> Option<Vec<Change>> {
        settling::end(self, *pending, ending, setting)
    }

    fn open_dispute(&self, reference: &str, setting: &Setting<'_>) -> Option<Vec<Change>> {
        disputes::open_by_hand(self, reference, setting.now)
    }

    fn end_dispute(&self, reference: &str, won: bool, now: Moment) -> Option<Vec<Change>> {
        disputes::end_by_hand(self, reference, won, now)
    }

    fn payment_of_others(at: Moment) -> StripeChange {
        StripeChange::Intent(Box::new(others::intent(at)))
    }
}
