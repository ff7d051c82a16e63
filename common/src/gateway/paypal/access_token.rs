//! The access token: asked for once, kept, and refreshed before it ends. A token for each payment would
//! run into PayPal's limits, so a thousand callers who need one make one request between them.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use secrecy::SecretString;
use serde::Deserialize;

/// What a token lives if PayPal does not say.
const LIFE_UNTOLD: Duration = Duration::from_secs(300);

/// How long before its end a token is refreshed, at most; a short one earlier in proportion.
const EARLY: Duration = Duration::from_secs(600);

/// How long an early refresh that failed is left alone: the old token still works.
const REST: Duration = Duration::from_secs(15);

/// An early refresh must leave most of its caller's time to the operation.
const EARLY_SHARE: u32 = 3;

/// Why there is no token. Nothing of the operation was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoToken {
    /// It may be had later.
    NotNow {
        /// What went wrong, for operators.
        why: String,
        /// How long PayPal asked us to wait.
        retry_after: Option<Duration>,
    },
    /// PayPal does not know our credentials.
    Refused(String),
}

/// A token that was asked for just now.
#[derive(Debug)]
pub struct Fresh {
    /// What goes into the `Authorization` header.
    pub bearer: SecretString,
    /// How long it is good for.
    pub life: Duration,
}

/// A token that is kept.
#[derive(Debug)]
pub struct Token {
    /// What goes into the `Authorization` header.
    pub bearer: SecretString,
    refresh_at: Mutex<Instant>,
    ends_at: Instant,
}

/// The token of one application, and who is fetching the next.
#[derive(Debug, Default)]
pub struct Tokens {
    kept: Mutex<Option<Arc<Token>>>,
    /// Held while one is fetched; inside, why the last attempt failed.
    fetching: tokio::sync::Mutex<Option<NoToken>>,
    /// Attempts that have ended.
    attempts: AtomicU64,
}

impl Tokens {
    /// A token that is not `refused`: the one that is kept, or a fresh one. `fetch` is told which part of
    /// its time it may take: one, or one in so many where the old token still works.
    ///
    /// Fails with [`NoToken`]: our own attempt failed, or the one that we waited for.
    pub async fn get<F>(
        &self,
        refused: Option<&Arc<Token>>,
        fetch: impl FnOnce(u32) -> F,
    ) -> Result<Arc<Token>, NoToken>
    where
        F: Future<Output = Result<Fresh, NoToken>>,
    {
        if let Some(token) = self.usable(refused) {
            if !token.is_due() {
                return Ok(token);
            }
            // It still works: one refreshes it, and the others go on with it meanwhile.
            let Ok(mut failure) = self.fetching.try_lock() else { return Ok(token) };
            return Ok(self.fetch(&mut failure, fetch(EARLY_SHARE)).await.unwrap_or_else(|_| {
                token.rest();
                token
            }));
        }
        let ended = self.attempts.load(Ordering::Acquire);
        let mut failure = self.fetching.lock().await;
        if let Some(token) = self.usable(refused) {
            return Ok(token);
        }
        match failure.as_ref() {
            // Somebody failed while we waited: a row of callers does not become a row of attempts.
            Some(failure) if self.attempts.load(Ordering::Acquire) != ended => Err(failure.clone()),
            _ => self.fetch(&mut failure, fetch(1)).await,
        }
    }

    async fn fetch(
        &self,
        failure: &mut Option<NoToken>,
        fetched: impl Future<Output = Result<Fresh, NoToken>>,
    ) -> Result<Arc<Token>, NoToken> {
        let result = fetched.await.map(|fresh| Arc::new(Token::new(fresh)));
        match &result {
            Ok(token) => {
                *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(token));
                *failure = None;
            }
            Err(why) => *failure = Some(why.clone()),
        }
        self.attempts.fetch_add(1, Ordering::Release);
        result
    }

    fn usable(&self, refused: Option<&Arc<Token>>) -> Option<Arc<Token>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let is_refused = refused.is_some_and(|refused| Arc::ptr_eq(refused, &kept));
        (!is_refused && Instant::now() < kept.ends_at).then_some(kept)
    }
}

impl Token {
    fn new(fresh: Fresh) -> Self {
        let now = Instant::now();
        // A life beyond any clock is cut, not feared.
        let life = fresh.life.min(Duration::from_secs(24 * 3600));
        let refresh_at = Mutex::new(now + (life - EARLY.min(life / 10)));
        Self { bearer: fresh.bearer, refresh_at, ends_at: now + life }
    }

    fn is_due(&self) -> bool {
        Instant::now() >= *self.refresh_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rest(&self) {
        *self.refresh_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + REST;
    }
}

/// Reads the answer of `POST /v1/oauth2/token`.
///
/// Fails with [`NoToken`]: whatever it was, no operation was sent.
pub fn read(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Result<Fresh, NoToken> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Body {
        access_token: Option<String>,
        expires_in: Option<u64>,
        error: Option<String>,
        error_description: Option<String>,
    }
    let body: Body = serde_json::from_slice(body).unwrap_or_default();
    let refused = matches!(status, 401 | 403) || body.error.as_deref() == Some("invalid_client");
    match (status, body.access_token) {
        (200..=299, Some(bearer)) => Ok(Fresh {
            bearer: bearer.into(),
            life: body.expires_in.map_or(LIFE_UNTOLD, Duration::from_secs),
        }),
        _ if refused => {
            let words = body.error_description.or(body.error);
            Err(NoToken::Refused(words.unwrap_or_else(|| format!("the gateway answered {status}"))))
        }
        _ => Err(NoToken::NotNow {
            why: format!("asked for a token, the gateway answered {status}"),
            retry_after,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use futures_util::future::join_all;
    use secrecy::ExposeSecret;

    use super::*;

    fn fresh(bearer: &str, seconds: u64) -> Fresh {
        Fresh { bearer: bearer.to_owned().into(), life: Duration::from_secs(seconds) }
    }

    fn failure() -> NoToken {
        NoToken::NotNow { why: "down".into(), retry_after: None }
    }

    /// A source of tokens that counts, and lets everybody else go first.
    async fn slowly(count: &AtomicUsize, result: Result<Fresh, NoToken>) -> Result<Fresh, NoToken> {
        count.fetch_add(1, Ordering::SeqCst);
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        result
    }

    #[tokio::test]
    async fn a_thousand_callers_make_one_request() {
        let (tokens, count) = (Tokens::default(), AtomicUsize::new(0));
        let calls = (0..1000).map(|_| tokens.get(None, |_| slowly(&count, Ok(fresh("a", 3600)))));
        let got = join_all(calls).await;
        assert!(got.iter().all(|token| token.as_ref().unwrap().bearer.expose_secret() == "a"));
        assert_eq!(count.load(Ordering::SeqCst), 1);

        let old = got[0].clone().unwrap();
        let calls = (0..1000).map(|_| tokens.get(Some(&old), |_| slowly(&count, Ok(fresh("b", 3600)))));
        let got = join_all(calls).await;
        assert!(got.iter().all(|token| token.as_ref().unwrap().bearer.expose_secret() == "b"));
        assert_eq!(count.load(Ordering::SeqCst), 2, "a thousand refusals of one token, one new token");
        tokens.get(Some(&old), |_| async { panic!("it was replaced already") }).await.unwrap();
    }

    #[tokio::test]
    async fn a_failure_is_shared_by_those_who_waited_and_by_nobody_else() {
        let (tokens, count) = (Tokens::default(), AtomicUsize::new(0));
        let got = join_all((0..100).map(|_| tokens.get(None, |_| slowly(&count, Err(failure()))))).await;
        assert!(got.iter().all(|token| token.as_ref().unwrap_err() == &failure()));
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert!(tokens.get(None, |_| async { Ok(fresh("a", 3600)) }).await.is_ok());
    }

    #[tokio::test]
    async fn who_goes_away_leaves_the_way_free() {
        let tokens = Tokens::default();
        let never = tokens.get(None, |_| std::future::pending::<Result<Fresh, NoToken>>());
        assert!(tokio::time::timeout(Duration::from_millis(1), never).await.is_err());
        assert!(tokens.get(None, |_| async { Ok(fresh("a", 3600)) }).await.is_ok());
    }

    #[tokio::test]
    async fn a_token_that_is_due_works_until_it_ends() {
        let tokens = Tokens::default();
        let first = tokens.get(None, |_| async { Ok(fresh("a", 3600)) }).await.unwrap();
        *first.refresh_at.lock().unwrap() = Instant::now();
        let count = AtomicUsize::new(0);
        let got = join_all((0..100).map(|_| tokens.get(None, |_| slowly(&count, Err(failure()))))).await;
        assert!(got.iter().all(|token| token.as_ref().unwrap().bearer.expose_secret() == "a"));
        assert_eq!(count.load(Ordering::SeqCst), 1, "it is not tried again at once");

        *first.refresh_at.lock().unwrap() = Instant::now();
        let second = tokens.get(None, |_| async { Ok(fresh("b", 0)) }).await.unwrap();
        assert_eq!(second.bearer.expose_secret(), "b");
        let third = tokens.get(None, |_| async { Ok(fresh("c", 3600)) }).await.unwrap();
        assert_eq!(third.bearer.expose_secret(), "c", "b had no time to live");
    }

    #[test]
    fn answers_to_the_request_for_a_token() {
        let token = read(200, None, br#"{"access_token":"A21","expires_in":32400,"scope":null}"#).unwrap();
        assert_eq!((token.bearer.expose_secret(), token.life.as_secs()), ("A21", 32_400));
        assert_eq!(read(200, None, br#"{"access_token":"A21"}"#).unwrap().life, LIFE_UNTOLD);
        for (status, body) in [
            (401, r#"{"error":"invalid_client"}"#),
            (400, r#"{"error":"invalid_client"}"#),
            (403, ""),
            (401, ""),
        ] {
            let refused = read(status, None, body.as_bytes()).unwrap_err();
            assert!(matches!(refused, NoToken::Refused(_)), "{status} {body}: {refused:?}");
        }
        let wait = Some(Duration::from_secs(7));
        for (status, body) in [(200, "{}"), (200, "<html>"), (400, "{}"), (429, ""), (500, "null"), (503, "")]
        {
            let failure = read(status, wait, body.as_bytes()).unwrap_err();
            assert!(
                matches!(failure, NoToken::NotNow { retry_after, .. } if retry_after == wait),
                "{status} {body}: {failure:?}"
            );
        }
    }

    #[test]
    fn a_token_is_not_written_into_a_log() {
        let token = Token::new(fresh("A21secret", u64::MAX));
        assert!(!format!("{token:?}").contains("A21secret"));
    }
}
