//! What a gateway's folder implements: its state, its requests, its idempotency, its events, and what happens by
//! itself. Nothing here waits, writes or locks; that is the engine's.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri};

use super::Setting;
use super::settling::{Ending, Selection};
use super::state::{Change, Recorded};
use crate::clock::Moment;
use crate::faults::{Operation, Status, Subject, TokenFault, When};
use crate::webhooks::outbox::{Outbox, Targets};
use crate::webhooks::{Event, Gateway, Header};

/// A request to a gateway's API as it came in.
pub(crate) struct Request {
    /// The id that the gateway gives it.
    pub(crate) id: String,
    /// Its idempotency key.
    pub(crate) key: Option<String>,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    /// A header's text, unless it is empty.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        text(&self.headers, name)
    }
}

/// A header's text, unless it is empty.
pub(crate) fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    value.filter(|value| !value.is_empty())
}

/// An answer as it goes onto the wire.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// Nothing was executed: this repeats, or shows, what an earlier request got.
    pub(crate) repeated: bool,
    /// Headers that only this answer has.
    pub(crate) headers: Vec<Header>,
}

/// What the engine must know of a call: a token's fault or a rule may strike it.
pub(crate) struct Asked<'a> {
    pub(crate) subject: Subject<'a>,
    /// Who asks.
    pub(crate) account: &'a str,
    pub(crate) key: Option<&'a str>,
    /// The gateway's id of the payment that it is about, once there is one.
    pub(crate) payment: Option<&'a str>,
    /// What it does to a payment.
    pub(crate) operations: &'static [Operation],
}

/// What becomes of a request: the changes that must be recorded before it is answered, and the answer.
pub(crate) struct Decision<P: Protocol> {
    pub(crate) changes: Vec<Change<P::Change>>,
    pub(crate) answer: P::Answer,
}

impl<P: Protocol> Decision<P> {
    /// An answer that changes nothing.
    pub(crate) fn only(answer: P::Answer) -> Self {
        Self { changes: Vec::new(), answer }
    }
}

/// A gateway's protocol, with all that the gateway remembers.
///
/// Requests are decided from what is remembered, and answered from what is remembered once the decision's changes
/// are made.
pub(crate) trait Protocol: Default + Send + 'static {
    /// Whose it is.
    const GATEWAY: Gateway;
    /// The header in which idempotency keys come.
    const KEY_HEADER: &'static str;

    /// One change of what is remembered.
    type Change: Recorded + Send;
    /// A request that can be understood and whose sender may ask.
    type Call: Send + Sync + 'static;
    /// What is to be answered, before it is shown.
    type Answer;
    /// What a slow request keeps in use while it runs: its key, its object.
    type Work: Send;
    /// Something that is pending.
    type Pending;

    /// Makes a change happen.
    fn apply(&mut self, change: Self::Change);

    /// A new request's id, as the gateway writes it.
    fn new_request_id() -> String;
    /// Understands a request, or refuses it.
    fn read(&self, request: &Request, now: Moment) -> Result<Self::Call, Reply>;
    /// What a call is about.
    fn asked<'a>(&'a self, call: &'a Self::Call) -> Asked<'a>;
    /// Decides about a call by the rules of idempotency, or executes it. With `spoiled`, what would be a fresh answer
    /// becomes a 500, and with `Before` nothing but that happens.
    fn decide(
        &self,
        outbox: &Outbox,
        call: &Self::Call,
        setting: &Setting<'_>,
        spoiled: Option<When>,
    ) -> Decision<Self>;
    /// Shows the answer.
    fn reply(&self, call: &Self::Call, answer: Self::Answer, setting: &Setting<'_>) -> Reply;
    /// A status that says nothing of the work.
    fn refuse(request: &Request, status: Status) -> Reply;
    /// The headers that every answer to this request has, besides its content type.
    fn headers(request: &Request) -> Vec<Header>;

    /// What a call would keep in use: nothing, if it would not run.
    fn work(&self, call: &Self::Call, now: Moment) -> Self::Work;
    /// It is in use until `finish`.
    fn start(&mut self, work: &Self::Work);
    /// It is no longer in use.
    fn finish(&mut self, work: &Self::Work);

    /// The fault that a token brings along.
    fn token_fault(token: &str) -> Option<TokenFault>;
    /// Whether a token's fault has struck the request of this name already.
    fn is_fault_spent(&self, name: &str) -> bool;
    /// A token's fault strikes the request of this name.
    fn spend_fault(name: String) -> Self::Change;

    /// The events that these changes cause, which are not made yet.
    fn events(&self, changes: &[Change<Self::Change>], setting: &Setting<'_>) -> Vec<Event>;
    /// The headers that go with an event's body. A forgery is signed as somebody would who lacks the secret.
    fn sign(targets: &Targets, body: &str, forged: bool, now: Moment, public_url: &str) -> Vec<Header>;
    /// The body of a well-formed event about the same payment that claims something false.
    fn forge(&self, event: &Event, setting: &Setting<'_>) -> Option<String>;

    /// What happens by itself at this moment, for the object for which it has been due longest.
    fn next_due(&self, setting: &Setting<'_>) -> Option<Vec<Change<Self::Change>>>;
    /// What is pending and meant.
    fn selected(&self, selection: &Selection) -> Vec<Self::Pending>;
    /// Ends it, unless it is final.
    fn settle(
        &self,
        pending: &Self::Pending,
        ending: Ending,
        setting: &Setting<'_>,
    ) -> Option<Vec<Change<Self::Change>>>;
    /// Opens a dispute about a payment of this reference, unless one is open.
    fn open_dispute(&self, reference: &str, setting: &Setting<'_>) -> Option<Vec<Change<Self::Change>>>;
    /// Ends the open dispute about a payment of this reference.
    fn end_dispute(&self, reference: &str, won: bool, now: Moment) -> Option<Vec<Change<Self::Change>>>;
    /// A payment that somebody else has made at this moment.
    fn payment_of_others(at: Moment) -> Self::Change;
}
