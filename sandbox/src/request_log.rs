//! The log of the last requests to the gateways' APIs, for tests that ask what was really sent.
//!
//! Kept in memory and bounded: it is evidence about the caller, not part of the gateway's state.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, HeaderName, Method, Uri, header};
use serde::Serialize;

/// How many requests are remembered.
const KEPT: usize = 10_000;

/// How much of a body is remembered, in bytes: far more than any request of a test has.
const BODY_KEPT: usize = 16 * 1024;

/// Headers that prove who asks, and are nobody's business afterwards.
const SECRET: [HeaderName; 3] = [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE];

/// One request, from its arrival on.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry {
    /// The request's own number, counted from 1.
    pub(crate) number: u64,
    /// Milliseconds since 1970, by the sandbox's clock.
    pub(crate) at_ms: i64,
    pub(crate) method: String,
    pub(crate) path: String,
    /// What follows the path, as it came.
    pub(crate) query: String,
    /// Without those that prove who asks.
    pub(crate) headers: BTreeMap<String, String>,
    /// The beginning of the body, as it came.
    pub(crate) body: String,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) reference: Option<String>,
    pub(crate) request_id: String,
    /// `running`, then the status (`200`), `replayed 200`, `held` or `dropped`.
    pub(crate) outcome: String,
}

impl Entry {
    /// A request as it has just come in.
    pub(crate) fn new(at_ms: i64, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Self {
        Self {
            number: 0,
            at_ms,
            method: method.to_string(),
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
            headers: shown(headers),
            body: String::from_utf8_lossy(&body[..body.len().min(BODY_KEPT)]).into_owned(),
            idempotency_key: None,
            reference: None,
            request_id: String::new(),
            outcome: "running".to_owned(),
        }
    }
}

fn shown(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let shown = headers.iter().filter(|(name, _)| !SECRET.contains(name));
    shown.map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect()
}

/// The bounded log.
#[derive(Default)]
pub(crate) struct RequestLog {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    entries: VecDeque<Entry>,
    last_number: u64,
}

impl RequestLog {
    /// Writes down a request that has just come in, under a number of its own, and answers it.
    pub(crate) fn begin(&self, mut entry: Entry) -> u64 {
        let mut kept = self.lock();
        kept.last_number += 1;
        entry.number = kept.last_number;
        if kept.entries.len() == KEPT {
            kept.entries.pop_front();
        }
        kept.entries.push_back(entry);
        kept.last_number
    }

    /// Adds what became known of a request. One that has fallen out of the log is let go.
    pub(crate) fn update(&self, number: u64, change: impl FnOnce(&mut Entry)) {
        let mut kept = self.lock();
        let Some(first) = kept.entries.front().map(|entry| entry.number) else {
            return;
        };
        let place = number.checked_sub(first).and_then(|at| usize::try_from(at).ok());
        if let Some(entry) = place.and_then(|at| kept.entries.get_mut(at)) {
            change(entry);
        }
    }

    /// The remembered requests, oldest first: all, or those of one reference.
    pub(crate) fn list(&self, reference: Option<&str>) -> Vec<Entry> {
        let kept = self.lock();
        let wanted = |entry: &&Entry| reference.is_none() || entry.reference.as_deref() == reference;
        kept.entries.iter().filter(wanted).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
