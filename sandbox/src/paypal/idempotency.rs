//! PayPal's idempotency: what a request id's second use gets.
//!
//! Unlike Stripe's, it keeps no answers but remembers what a request made: a repetition executes
//! nothing and is shown that object as it is *now*, with 200. Nothing made, nothing kept: a refused
//! request or a 500 without a trace leaves the id free. Orders forget after 6 hours, Payments after
//! 45 days. PayPal says nothing about an id used for something else; the sandbox refuses it, because
//! whoever does that is about to believe in a payment that never was.

use std::collections::{HashMap, HashSet, VecDeque};

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::errors::PayPalError;
use super::objects::Object;
use crate::clock::Moment;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// The longest request id that is taken, in characters.
pub(crate) const LONGEST: usize = 108;

/// The two APIs, each with request ids of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Api {
    Orders,
    Payments,
}

impl Api {
    fn keeps_ms(self) -> i64 {
        match self {
            Self::Orders => 6 * HOUR_MS,
            Self::Payments => 45 * 24 * HOUR_MS,
        }
    }
}

/// A request id as its owner used it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct RequestId {
    pub(crate) client: String,
    pub(crate) api: Api,
    pub(crate) text: String,
}

/// A first use of a request id, as far as a second use must equal it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Use {
    pub(crate) id: RequestId,
    pub(crate) path: String,
    /// The digest of the body.
    pub(crate) body: String,
}

/// What a request made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    #[serde(flatten)]
    pub(crate) first_use: Use,
    pub(crate) at_ms: i64,
    pub(crate) object: Object,
    pub(crate) status: u16,
}

impl Kept {
    /// The status of a repetition: an answer without content stays without, all others are 200.
    pub(crate) fn repeated_status(&self) -> u16 {
        if self.status == StatusCode::NO_CONTENT { self.status } else { StatusCode::OK.as_u16() }
    }
}

/// What the rules say about a request with an id.
pub(crate) enum Verdict<'a> {
    /// The id is new, or forgotten: run.
    Run,
    /// Show what was made then.
    Show(&'a Kept),
}

/// All that is kept, and what runs right now.
#[derive(Default)]
pub(crate) struct RequestIds {
    kept: HashMap<RequestId, Kept>,
    oldest_first: HashMap<Api, VecDeque<(i64, RequestId)>>,
    /// In memory only: a killed gateway runs nothing any more.
    running: HashMap<RequestId, Use>,
    busy: HashSet<Object>,
}

impl RequestIds {
    /// Applies the rules to one use of an id.
    pub(crate) fn judge(&self, wanted: &Use, now: Moment) -> Result<Verdict<'_>, PayPalError> {
        let kept = self.kept.get(&wanted.id);
        let kept = kept.filter(|kept| now.0 - kept.at_ms < wanted.id.api.keeps_ms());
        let running = self.running.get(&wanted.id);
        let first = running.or(kept.map(|kept| &kept.first_use));
        if first.is_some_and(|first| first != wanted) {
            return Err(PayPalError::request_id_reused());
        }
        if running.is_some() {
            return Err(PayPalError::in_progress());
        }
        Ok(kept.map_or(Verdict::Run, Verdict::Show))
    }

    /// Refuses a call about an object on which another call is still at work.
    pub(crate) fn check_free(&self, object: &Object) -> Result<(), PayPalError> {
        match object {
            _ if !self.busy.contains(object) => Ok(()),
            Object::Order(_) => Err(PayPalError::issue("ORDER_COMPLETION_IN_PROGRESS")),
            _ => Err(PayPalError::in_progress()),
        }
    }

    /// Marks an id and an object as in use until `finish`.
    pub(crate) fn start(&mut self, work: &Work) {
        if let Some(first_use) = &work.first_use {
            self.running.insert(first_use.id.clone(), first_use.clone());
        }
        self.busy.extend(work.object.clone());
    }

    /// They are no longer in use.
    pub(crate) fn finish(&mut self, work: &Work) {
        if let Some(first_use) = &work.first_use {
            self.running.remove(&first_use.id);
        }
        if let Some(object) = &work.object {
            self.busy.remove(object);
        }
    }

    /// Keeps what a request made, and forgets what its API has kept for long enough by then.
    pub(crate) fn keep(&mut self, kept: Kept) {
        let id = kept.first_use.id.clone();
        let queue = self.oldest_first.entry(id.api).or_default();
        while let Some((at_ms, old)) =
            queue.pop_front_if(|(at_ms, _)| kept.at_ms - *at_ms >= id.api.keeps_ms())
        {
            // The id may have run anew since: then the newer use stays.
            if self.kept.get(&old).is_some_and(|known| known.at_ms == at_ms) {
                self.kept.remove(&old);
            }
        }
        queue.push_back((kept.at_ms, id.clone()));
        self.kept.insert(id, kept);
    }
}

/// What a slow request occupies while it runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work {
    pub(crate) first_use: Option<Use>,
    pub(crate) object: Option<Object>,
}
