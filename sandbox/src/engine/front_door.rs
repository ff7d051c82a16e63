//! The front door of every gateway: from a request off the wire to its end.
//!
//! One for all, because misbehaviour, the log and the way into the journal are the same for each. First the faults in
//! force, then the protocol: its idempotency, its endpoint. Deciding, changing the state and appending to the journal
//! happen in one go under the state's lock, so that a client that hangs up never leaves half a payment. What takes
//! time on purpose runs on a task of its own and goes on when the client has gone, as a real gateway would.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;

use super::host::Host;
use super::protocol::{self, Asked, Decision, Protocol, Reply, Request};
use super::state::{Change, State as Shared};
use crate::connection::Switch;
use crate::faults::{Fault, Status, TokenFault, When};
use crate::journal::LineNumber;
use crate::request_log::Entry;

/// What a gateway says that plays dead.
const DOWN: Status = Status { code: 503, should_retry: None };

/// How a request ends for its client.
#[derive(Debug)]
enum Ended {
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

/// Any request to a gateway's API.
pub(crate) async fn answer<P: Protocol>(
    State(host): State<Arc<Host<P>>>,
    ConnectInfo(switch): ConnectInfo<Switch>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let engine = host.engine();
    let entry = Entry::new(engine.clock.now().0, &method, &uri, &headers, &body);
    let key = protocol::text(&headers, P::KEY_HEADER);
    let request = Request { id: P::new_request_id(), key, method, uri, headers, body };
    let number = engine.requests.begin(Entry {
        idempotency_key: request.key.clone(),
        request_id: request.id.clone(),
        ..entry
    });
    let ended = if engine.is_down() {
        Ended::Answered(P::refuse(&request, DOWN))
    } else {
        match read(&host, &request, number) {
            Ok(call) => carry_out(&host, &request, call).await,
            Err(refusal) => Ended::Answered(refusal),
        }
    };
    engine.requests.update(number, |entry| entry.outcome = ended.to_string());
    match ended {
        Ended::Answered(reply) => response::<P>(reply, &request),
        Ended::Held => std::future::pending().await,
        Ended::Dropped => {
            switch.cut();
            Response::default()
        }
    }
}

/// A reply with the headers that the gateway sends.
fn response<P: Protocol>(reply: Reply, request: &Request) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if reply.status != StatusCode::NO_CONTENT {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    for (name, value) in P::headers(request).into_iter().chain(reply.headers) {
        // A key that came in as a header but is not plain text is not sent back.
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}

/// Understands a request, and writes down whose payment it is about.
fn read<P: Protocol>(host: &Host<P>, request: &Request, number: u64) -> Result<P::Call, Reply> {
    let engine = host.engine();
    let (_state, protocol) = host.lock();
    let call = protocol.read(request, engine.clock.now())?;
    let reference = protocol.asked(&call).subject.reference.map(str::to_owned);
    engine.requests.update(number, |entry| entry.reference = reference);
    Ok(call)
}

/// Carries a request out, in the way that the faults in force demand.
async fn carry_out<P: Protocol>(host: &Arc<Host<P>>, request: &Request, call: P::Call) -> Ended {
    let Some(fault) = choose_fault(host, &call) else {
        return Ended::Answered(run(host, &call, None).await);
    };
    match fault {
        Fault::Status(when, status) => {
            if when == When::After {
                run(host, &call, None).await;
            }
            Ended::Answered(P::refuse(request, status))
        }
        Fault::Timeout(When::Before) => Ended::Held,
        Fault::Drop(When::Before) => Ended::Dropped,
        Fault::Timeout(When::After) => {
            run(host, &call, None).await;
            Ended::Held
        }
        Fault::Drop(When::After) => {
            run(host, &call, None).await;
            Ended::Dropped
        }
        Fault::ServerError(when) => Ended::Answered(run(host, &call, Some(when)).await),
        Fault::Slow(when, delay) => {
            let host = Arc::clone(host);
            let slow = tokio::spawn(async move {
                match when {
                    When::Before => work_late(&host, &call, delay).await,
                    When::After => answer_late(&host, &call, delay).await,
                }
            });
            // A task that panicked has no more to say than a closed connection.
            slow.await.map_or(Ended::Dropped, Ended::Answered)
        }
    }
}

/// The fault that strikes this request: its token's, the first time, or else one of the rules'.
fn choose_fault<P: Protocol>(host: &Host<P>, call: &P::Call) -> Option<Fault> {
    let (mut state, mut protocol) = host.lock();
    let asked = protocol.asked(call);
    let of_token = asked.subject.token.and_then(P::token_fault);
    if let Some(TokenFault { operation, fault }) =
        of_token.filter(|of| asked.operations.contains(&of.operation))
    {
        let Asked { account, payment, .. } = asked;
        // Without a key there is no telling a repetition from another payment but the reference.
        let Some(scope) = asked.key.or(asked.subject.reference).or(payment) else {
            return Some(fault);
        };
        let payment = payment.unwrap_or_default();
        let name = format!("{account}/{}/{payment}/{scope}", operation.name());
        if !protocol.is_fault_spent(&name) {
            // Not waited for: the fault's own request either changes something, which waits for the
            // lines before it too, or it does not, and then the worst is that the fault strikes twice.
            let spent = Change::Own(P::spend_fault(name));
            let _ = host.commit(&mut state, &mut protocol, vec![spent]);
            return Some(fault);
        }
    }
    host.engine().rules().strike(&asked.subject)
}

/// Runs a request, or repeats its answer, and waits until the journal has it.
async fn run<P: Protocol>(host: &Host<P>, call: &P::Call, spoiled: Option<When>) -> Reply {
    let (reply, line) = {
        let (mut state, mut protocol) = host.lock();
        run_under_lock(host, &mut state, &mut protocol, call, spoiled)
    };
    host.engine().journal.written(line).await;
    reply
}

/// Does the work late, with what the request works on in use until then.
async fn work_late<P: Protocol>(host: &Host<P>, call: &P::Call, delay: Duration) -> Reply {
    let work = {
        let (_state, mut protocol) = host.lock();
        let work = protocol.work(call, host.engine().clock.now());
        protocol.start(&work);
        work
    };
    tokio::time::sleep(delay).await;
    let (reply, line) = {
        let (mut state, mut protocol) = host.lock();
        // Its own mark must not stand in the way of its own run.
        protocol.finish(&work);
        run_under_lock(host, &mut state, &mut protocol, call, None)
    };
    host.engine().journal.written(line).await;
    reply
}

/// Does the work at once but answers late, with what the request works on in use until then.
async fn answer_late<P: Protocol>(host: &Host<P>, call: &P::Call, delay: Duration) -> Reply {
    let (reply, line, work) = {
        let (mut state, mut protocol) = host.lock();
        // Found out first, while it is still free.
        let work = protocol.work(call, host.engine().clock.now());
        let (reply, line) = run_under_lock(host, &mut state, &mut protocol, call, None);
        protocol.start(&work);
        (reply, line, work)
    };
    host.engine().journal.written(line).await;
    tokio::time::sleep(delay).await;
    host.lock().1.finish(&work);
    reply
}

/// A repetition changes nothing, and waits for the line of the answer that it repeats.
fn run_under_lock<P: Protocol>(
    host: &Host<P>,
    state: &mut Shared,
    protocol: &mut P,
    call: &P::Call,
    spoiled: Option<When>,
) -> (Reply, LineNumber) {
    let setting = host.engine().setting();
    let Decision { changes, answer } = protocol.decide(&state.outbox, call, &setting, spoiled);
    let line = host.commit(state, protocol, changes);
    (protocol.reply(call, answer, &setting), line)
}
