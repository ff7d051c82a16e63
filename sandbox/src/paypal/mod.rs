//! PayPal's protocol, as the engine runs it: what comes to its API leaves with PayPal's manners.
//!
//! The endpoints are plain functions from the store and the body to what is shown and what changes.

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, post};

use crate::clock::Moment;
use crate::engine::Setting;
use crate::engine::front_door;
use crate::engine::host::Host;
use crate::engine::protocol::{Asked, Decision, Protocol, Reply, Request};
use crate::engine::settling::{Ending, Selection};
use crate::faults::{Status, Subject, TokenFault, When};
use crate::webhooks::outbox::{Outbox, Targets};
use crate::webhooks::{Event, Gateway, Header};
use call::Call;
use errors::PayPalError;
use execution::Answer;
use idempotency::Work;
use objects::{Object, new_id};
use store::{Change, PayPalChange, Store};

mod amounts;
mod approval;
mod authorizations;
mod bearer;
mod call;
mod certificates;
mod charging;
mod control;
mod disputes;
mod effect;
mod errors;
mod events;
mod execution;
mod fields;
mod idempotency;
mod objects;
mod orders;
mod others;
mod refunds;
mod render;
mod render_payments;
mod reporting;
mod settling;
pub(crate) mod store;
pub(crate) mod times;
mod vault;
mod webhooks;

/// PayPal's API, the page where payers approve, and what tests ask about PayPal alone.
pub(crate) fn routes() -> Router<Arc<Host<Store>>> {
    Router::new()
        .route("/v1/oauth2/token", post(front_door::answer::<Store>))
        .route("/v1/customer/{*path}", any(front_door::answer::<Store>))
        .route("/v1/notifications/{*path}", any(front_door::answer::<Store>))
        .route("/v1/reporting/{*path}", any(front_door::answer::<Store>))
        .route("/v2/{*path}", any(front_door::answer::<Store>))
        .merge(approval::routes())
        .merge(certificates::routes())
        .merge(control::routes())
}

impl Protocol for Store {
    const GATEWAY: Gateway = Gateway::Paypal;
    const KEY_HEADER: &'static str = "paypal-request-id";

    type Change = PayPalChange;
    type Call = Call;
    type Answer = Answer;
    type Work = Work;
    type Pending = Object;

    fn apply(&mut self, change: PayPalChange) {
        self.apply(change);
    }

    fn new_request_id() -> String {
        new_id().to_lowercase()
    }

    fn read(&self, request: &Request, now: Moment) -> Result<Call, Reply> {
        Call::read(request, self, now).map_err(|error| execution::refusal(&error, &request.id))
    }

    fn asked<'a>(&'a self, call: &'a Call) -> Asked<'a> {
        let subject = Subject {
            method: call.envelope.method.as_str(),
            path: &call.envelope.path,
            token: call.token(self),
            reference: call.reference(self),
        };
        let order = call.endpoint.object().and_then(|object| self.order_of(&object));
        Asked {
            subject,
            account: &call.client,
            key: call.envelope.request_id.as_deref(),
            payment: order.map(|order| order.id.as_str()),
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

    fn reply(&self, call: &Call, answer: Answer, setting: &Setting<'_>) -> Reply {
        execution::reply(self, call, answer, setting.public_url)
    }

    fn refuse(request: &Request, status: Status) -> Reply {
        execution::refusal(&PayPalError::of_status(status), &request.id)
    }

    fn headers(request: &Request) -> Vec<Header> {
        vec![("paypal-debug-id", request.id.clone())]
    }

    fn work(&self, call: &Call, now: Moment) -> Work {
        execution::free_work(self, call, now)
    }

    fn start(&mut self, work: &Work) {
        self.request_ids.start(work);
    }

    fn finish(&mut self, work: &Work) {
        self.request_ids.finish(work);
    }

    fn token_fault(token: &str) -> Option<TokenFault> {
        vault::fault(token)
    }

    fn is_fault_spent(&self, name: &str) -> bool {
        self.fault_spent(name)
    }

    fn spend_fault(name: String) -> PayPalChange {
        PayPalChange::FaultSpent(name)
    }

    fn events(&self, changes: &[Change], setting: &Setting<'_>) -> Vec<Event> {
        events::caused_by(self, changes, setting.now, setting.public_url)
    }

    fn sign(targets: &Targets, body: &str, forged: bool, now: Moment, public_url: &str) -> Vec<Header> {
        webhooks::sign(targets, body, forged, now, public_url)
    }

    fn forge(&self, event: &Event, setting: &Setting<'_>) -> Option<String> {
        webhooks::forge(self, event, setting.now, setting.public_url)
    }

    fn next_due(&self, setting: &Setting<'_>) -> Option<Vec<Change>> {
        settling::next_due(self, setting)
    }

    fn selected(&self, selection: &Selection) -> Vec<Object> {
        settling::selected(self, selection)
    }

    fn settle(&self, pending: &Object, ending: Ending, setting: &Setting<'_>) -> Option<Vec<Change>> {
        settling::settle(self, pending, ending, setting.now)
    }

    fn open_dispute(&self, reference: &str, setting: &Setting<'_>) -> Option<Vec<Change>> {
        disputes::open_by_hand(self, reference, setting)
    }

    fn end_dispute(&self, reference: &str, won: bool, now: Moment) -> Option<Vec<Change>> {
        disputes::end_by_hand(self, reference, won, now)
    }

    fn payment_of_others(at: Moment) -> PayPalChange {
        PayPalChange::Capture(Box::new(others::capture(at)))
    }
}
