//! The certificates with which PayPal signs its events: fetched from PayPal, each once, and kept. Whoever sends us an
//! event names one, so the number of fetches does not depend on the number of events: one at a time, few in a
//! minute, and what was not there is remembered as well. Names can be invented, but none that has proved something:
//! such a one is fetched whatever the others are.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use reqwest::{Client, StatusCode, Url};

use super::signature::Chain;

/// Bound for one fetch, and for the wait for one that is under way.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);

/// A few certificates in PEM are shorter: 64 KiB.
const BYTES_MAX: usize = 64 * 1024;

/// How long a certificate is kept before it is asked for again: PayPal may have withdrawn it.
const KEPT: Duration = Duration::from_secs(12 * 3600);

/// How long it is remembered that there is none of a name, and that PayPal did not answer.
const NONE_KEPT: Duration = Duration::from_secs(600);
const SILENCE_KEPT: Duration = Duration::from_secs(5);

/// How many of each are remembered.
const CERTIFICATES_MAX: usize = 32;
const FAILURES_MAX: usize = 1024;

/// How many are fetched within a minute, at most.
const PER_MINUTE: usize = 30;
const MINUTE: Duration = Duration::from_secs(60);

/// Why there is no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// PayPal has none of that name.
    Unknown,
    /// PayPal did not answer, or with nothing that could be read.
    Unavailable,
    /// As many as are allowed were fetched, or are being fetched.
    TooMany,
}

/// Those that are kept, and the way to others.
pub struct Certificates {
    client: Client,
    kept: Mutex<Kept>,
    fetching: tokio::sync::Mutex<()>,
    fetching_proved: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Kept {
    certificates: HashMap<Url, Certificate>,
    failures: HashMap<Url, (Missing, Instant)>,
    /// When the last ones were fetched.
    fetches: VecDeque<Instant>,
    /// Where those are that have proved something, to this process or to another.
    proved: BTreeSet<Url>,
}

struct Certificate {
    chain: Arc<Chain>,
    refresh_at: Instant,
    /// When it last proved that an event was PayPal's.
    proved_at: Option<Instant>,
    /// PayPal said, when it was last asked, that there is none.
    refused: bool,
}

impl Certificates {
    /// None yet.
    ///
    /// Fails when the TLS backend cannot be initialised.
    pub fn new() -> reqwest::Result<Self> {
        Ok(Self {
            client: crate::gateway::http_client(FETCH_TIMEOUT)?,
            kept: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
            fetching_proved: tokio::sync::Mutex::default(),
        })
    }

    /// The certificate at this address, which must be one of PayPal's.
    pub async fn get(&self, url: &Url) -> Result<Arc<Chain>, Missing> {
        if let Some(known) = self.kept().find(url, Instant::now()) {
            return known;
        }
        let has_proved = self.kept().proved.contains(url);
        let line = if has_proved { &self.fetching_proved } else { &self.fetching };
        let turn = tokio::time::timeout(FETCH_TIMEOUT, line.lock()).await;
        let Ok(_turn) = turn else { return self.kept().stale(url).ok_or(Missing::TooMany) };
        // Whoever was before us may have fetched it.
        if let Some(known) = self.kept().find(url, Instant::now()) {
            return known;
        }
        if !has_proved && !self.kept().may_fetch(Instant::now()) {
            return self.kept().stale(url).ok_or(Missing::TooMany);
        }
        let fetched = self.fetch(url).await;
        let outcome = match &fetched {
            Ok(_) => "fetched",
            Err(Missing::Unknown) => "unknown",
            Err(_) => "unavailable",
        };
        metrics::counter!("paypal_certificates_total", "outcome" => outcome).increment(1);
        self.kept().keep(url, fetched, Instant::now())
    }

    /// It has proved that an event is PayPal's: it is the last to be forgotten.
    pub fn proved(&self, url: &Url) {
        let mut kept = self.kept();
        if let Some(certificate) = kept.certificates.get_mut(url) {
            certificate.proved_at = Some(Instant::now());
        }
        if !kept.proved.contains(url) {
            kept.proved.insert(url.clone());
        }
    }

    /// Where those are that have proved something to this process.
    #[must_use]
    pub fn proved_here(&self) -> Vec<String> {
        let kept = self.kept();
        let proved = kept.certificates.iter().filter(|(_, certificate)| certificate.proved_at.is_some());
        let mut urls: Vec<_> = proved.map(|(url, _)| url.to_string()).collect();
        urls.sort();
        urls
    }

    /// Those at these addresses have proved something to another process.
    pub fn proved_elsewhere(&self, urls: &[String]) {
        self.kept().proved.extend(urls.iter().filter_map(|url| Url::parse(url).ok()));
    }

    async fn fetch(&self, url: &Url) -> Result<Arc<Chain>, Missing> {
        let unavailable = |error: reqwest::Error| {
            tracing::warn!(%url, error = %error.without_url(), "a certificate of PayPal's could not be fetched");
            Missing::Unavailable
        };
        let mut response = self.client.get(url.clone()).send().await.map_err(unavailable)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => return Err(Missing::Unknown),
            // A refusal may be that of a server between PayPal and us.
            _ => return Err(Missing::Unavailable),
        }
        let mut pem = Vec::new();
        while let Some(part) = response.chunk().await.map_err(unavailable)? {
            if pem.len() + part.len() > BYTES_MAX {
                return Err(Missing::Unavailable);
            }
            pem.extend_from_slice(&part);
        }
        Chain::read(&pem).map(Arc::new).map_err(|why| {
            tracing::warn!(%url, why, "a certificate of PayPal's cannot be read");
            Missing::Unavailable
        })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// What is known, and need not be asked again.
    fn find(&self, url: &Url, now: Instant) -> Option<Result<Arc<Chain>, Missing>> {
        match (self.certificates.get(url), self.failures.get(url)) {
            (Some(certificate), _) if now < certificate.refresh_at => Some(Ok(certificate.chain.clone())),
            (Some(_), _) => None,
            (None, Some((missing, until))) if now < *until => Some(Err(*missing)),
            (None, _) => None,
        }
    }

    /// Whether one more may be fetched, which is then counted.
    fn may_fetch(&mut self, now: Instant) -> bool {
        while self.fetches.front().is_some_and(|at| now.duration_since(*at) >= MINUTE) {
            self.fetches.pop_front();
        }
        let may = self.fetches.len() < PER_MINUTE;
        if may {
            self.fetches.push_back(now);
        }
        may
    }

    fn stale(&self, url: &Url) -> Option<Arc<Chain>> {
        self.certificates.get(url).map(|certificate| certificate.chain.clone())
    }

    /// Remembers what came of a fetch. One that could not be asked for again is good for a while longer, and so is one
    /// that has proved something until PayPal has said twice that there is none.
    fn keep(
        &mut self,
        url: &Url,
        fetched: Result<Arc<Chain>, Missing>,
        now: Instant,
    ) -> Result<Arc<Chain>, Missing> {
        match (fetched, self.certificates.get_mut(url)) {
            (Err(Missing::Unavailable), Some(old)) => {
                old.refresh_at = now + SILENCE_KEPT;
                Ok(old.chain.clone())
            }
            (Err(Missing::Unknown), Some(old)) if old.proved_at.is_some() && !old.refused => {
                old.refused = true;
                old.refresh_at = now + NONE_KEPT;
                Ok(old.chain.clone())
            }
            (Err(missing), _) => {
                self.certificates.remove(url);
                self.failed(url, missing, now);
                Err(missing)
            }
            (Ok(chain), old) => {
                let proved_at = old.and_then(|old| old.proved_at);
                self.failures.remove(url);
                self.make_room();
                let refresh_at = now + KEPT;
                let certificate = Certificate { chain: chain.clone(), refresh_at, proved_at, refused: false };
                self.certificates.insert(url.clone(), certificate);
                Ok(chain)
            }
        }
    }

    fn failed(&mut self, url: &Url, missing: Missing, now: Instant) {
        if self.failures.len() >= FAILURES_MAX {
            self.failures.retain(|_, (_, until)| now < *until);
        }
        if self.failures.len() >= FAILURES_MAX {
            self.failures.clear();
        }
        let kept = if missing == Missing::Unknown { NONE_KEPT } else { SILENCE_KEPT };
        self.failures.insert(url.clone(), (missing, now + kept));
    }

    /// Forgets the one that has proved nothing for longest.
    fn make_room(&mut self) {
        if self.certificates.len() < CERTIFICATES_MAX {
            return;
        }
        let idlest = self.certificates.iter().min_by_key(|(_, kept)| (kept.proved_at, kept.refresh_at));
        if let Some(url) = idlest.map(|(url, _)| url.clone()) {
            self.certificates.remove(&url);
        }
    }
}

#[cfg(test)]
mod tests;
