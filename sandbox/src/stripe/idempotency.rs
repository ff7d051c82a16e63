//! Stripe's idempotency: what a key's second use gets.
//!
//! An answer is kept once its endpoint has begun to execute, declines and 500s included, for 24 hours;
//! after that the key is forgotten and runs anew. A key belongs to one API key, one path and one set of
//! parameters. While its first request runs, others with the same key are turned away.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::errors::StripeError;
use crate::clock::Moment;

/// How long an answer is kept.
pub(crate) const KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// The longest key that is taken, in characters.
pub(crate) const LONGEST_KEY: usize = 255;

/// A key as its owner used it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Key {
    /// The API key's digest.
    pub(crate) account: String,
    /// What came in the `Idempotency-Key` header.
    pub(crate) text: String,
}

/// A first use of a key, as far as a second use must equal it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Use {
    pub(crate) key: Key,
    pub(crate) path: String,
    /// The digest of the parameters.
    pub(crate) parameters: String,
}

/// The answer that a key's later uses get.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    #[serde(flatten)]
    pub(crate) first_use: Use,
    pub(crate) at_ms: i64,
    pub(crate) request_id: String,
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// What the rules say about a request with a key.
pub(crate) enum Verdict<'a> {
    /// The key is new, or forgotten: run.
    Run,
    /// Answer what was answered before.
    Repeat(&'a Answer),
}

/// All kept answers, and the keys in use right now.
#[derive(Default)]
pub(crate) struct Answers {
    kept: HashMap<Key, Answer>,
    oldest_first: VecDeque<(i64, Key)>,
    /// In memory only: a killed gateway runs nothing any more.
    running: HashMap<Key, Use>,
}

impl Answers {
    /// Applies the rules to one use of a key.
    pub(crate) fn judge(&self, wanted: &Use, now: Moment) -> Result<Verdict<'_>, StripeError> {
        let kept = self.kept.get(&wanted.key).filter(|answer| !is_old(answer.at_ms, now));
        let running = self.running.get(&wanted.key);
        if let Some(first) = running.or(kept.map(|answer| &answer.first_use)) {
            same_request(first, wanted)?;
        }
        if running.is_some() {
            return Err(StripeError::key_in_use(&wanted.key.text));
        }
        Ok(kept.map_or(Verdict::Run, Verdict::Repeat))
    }

    /// Marks a key as in use until `finish`.
    pub(crate) fn start(&mut self, first_use: Use) {
        self.running.insert(first_use.key.clone(), first_use);
    }

    /// The key is no longer in use.
    pub(crate) fn finish(&mut self, key: &Key) {
        self.running.remove(key);
    }

    /// Keeps an answer, and forgets those that are a day older than it.
    pub(crate) fn keep(&mut self, answer: Answer) {
        self.forget_old(Moment(answer.at_ms));
        let key = answer.first_use.key.clone();
        self.oldest_first.push_back((answer.at_ms, key.clone()));
        self.kept.insert(key, answer);
    }

    fn forget_old(&mut self, now: Moment) {
        while self.oldest_first.front().is_some_and(|(at_ms, _)| is_old(*at_ms, now)) {
            let Some((at_ms, key)) = self.oldest_first.pop_front() else {
                return;
            };
            // The key may have run anew since: then the newer answer stays.
            if self.kept.get(&key).is_some_and(|answer| answer.at_ms == at_ms) {
                self.kept.remove(&key);
            }
        }
    }
}

fn is_old(at_ms: i64, now: Moment) -> bool {
    now.0 - at_ms >= KEPT_MS
}

fn same_request(first: &Use, wanted: &Use) -> Result<(), StripeError> {
    let hint = format!(
        "Try using a key other than '{}' if you meant to execute a different request.",
        wanted.key.text
    );
    if first.path != wanted.path {
        return Err(StripeError::idempotency(format!(
            "Keys for idempotent requests can only be used for the same endpoint they were first used \
             for ('{}' vs '{}'). {hint}",
            wanted.path, first.path
        )));
    }
    if first.parameters != wanted.parameters {
        return Err(StripeError::idempotency(format!(
            "Keys for idempotent requests can only be used with the same parameters they were first \
             used with. {hint}"
        )));
    }
    Ok(())
}
