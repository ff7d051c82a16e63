//! What is fetched, and how often, from a server that counts.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

const PEM: &str = include_str!("../../../../../sandbox/certificates/paypal.pem");

/// A server that gives each caller this answer; tells how often it was asked.
async fn server(status: u16, body: &str) -> (Url, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/notifications/certs/CERT-1", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let asked = count.clone();
    let head = format!("HTTP/1.1 {status} X\r\nlocation: /other\r\nconnection: close\r\n");
    let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            asked.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    (url.parse().unwrap(), count)
}

#[tokio::test]
async fn a_thousand_events_fetch_one_certificate() {
    let (url, asked) = server(200, PEM).await;
    let certificates = Certificates::new().unwrap();
    let got = join_all((0..1000).map(|_| certificates.get(&url))).await;
    assert!(got.iter().all(|got| **got.as_ref().unwrap() == Chain::read(PEM.as_bytes()).unwrap()));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_is_not_there_is_remembered() {
    let too_long = "x".repeat(BYTES_MAX + 1);
    for (status, body, expected) in [
        (404, "", Missing::Unknown),
        (410, "", Missing::Unknown),
        (400, "", Missing::Unavailable),
        (401, "", Missing::Unavailable),
        (403, "", Missing::Unavailable),
        (451, "", Missing::Unavailable),
        (302, "", Missing::Unavailable),
        (429, "", Missing::Unavailable),
        (500, "", Missing::Unavailable),
        (200, "", Missing::Unavailable),
        (200, "<html>", Missing::Unavailable),
        (200, &too_long, Missing::Unavailable),
    ] {
        let (url, asked) = server(status, body).await;
        let certificates = Certificates::new().unwrap();
        for _ in 0..100 {
            assert_eq!(certificates.get(&url).await.err(), Some(expected), "{status}");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{status}");
    }
}

#[tokio::test]
async fn whoever_names_many_makes_us_fetch_few() {
    let (url, asked) = server(404, "").await;
    let certificates = Certificates::new().unwrap();
    let mut outcomes = Vec::new();
    for name in 0..200 {
        let mut url = url.clone();
        url.set_path(&format!("{name}"));
        outcomes.push(certificates.get(&url).await.unwrap_err());
    }
    assert_eq!(asked.load(Ordering::SeqCst), PER_MINUTE);
    assert!(outcomes[..PER_MINUTE].iter().all(|missing| *missing == Missing::Unknown));
    assert!(outcomes[PER_MINUTE..].iter().all(|missing| *missing == Missing::TooMany));
}

/// As after a start, when others have told which one is PayPal's, and somebody invents names.
#[tokio::test]
async fn invented_names_do_not_keep_one_out_that_has_proved_something() {
    let ((invented, _), (real, _)) = (server(404, "").await, server(200, PEM).await);
    let certificates = Certificates::new().unwrap();
    certificates.proved_elsewhere(&[real.to_string()]);
    for name in 0..=PER_MINUTE {
        let mut url = invented.clone();
        url.set_path(&format!("{name}"));
        certificates.get(&url).await.unwrap_err();
    }
    let _somebody_is_slow = certificates.fetching.lock().await;
    assert!(certificates.get(&real).await.is_ok());
}

#[tokio::test]
async fn one_that_is_old_is_good_while_others_are_fetched() {
    let (url, _) = server(200, PEM).await;
    let certificates = Certificates::new().unwrap();
    certificates.get(&url).await.unwrap();
    certificates.kept().certificates.get_mut(&url).unwrap().refresh_at = Instant::now();
    let _somebody_is_slow = certificates.fetching.lock().await;
    assert!(certificates.get(&url).await.is_ok());
}

#[test]
fn one_that_cannot_be_fetched_again_is_good_for_a_while() {
    let (mut kept, now) = (Kept::default(), Instant::now());
    let url = |name: usize| format!("https://api.paypal.com/{name}").parse::<Url>().unwrap();
    let chain = Arc::new(Chain::read(PEM.as_bytes()).unwrap());
    kept.keep(&url(0), Ok(chain.clone()), now).unwrap();
    kept.certificates.get_mut(&url(0)).unwrap().proved_at = Some(now);
    assert!(matches!(kept.find(&url(0), now), Some(Ok(_))));
    let later = now + KEPT;
    assert!(kept.find(&url(0), later).is_none(), "it is asked for again");
    assert!(kept.keep(&url(0), Err(Missing::Unavailable), later).is_ok());
    assert!(matches!(kept.find(&url(0), later), Some(Ok(_))));
    assert!(kept.keep(&url(0), Err(Missing::Unknown), later).is_ok(), "one refusal may be a mistake");
    let later = later + NONE_KEPT;
    assert!(kept.find(&url(0), later).is_none(), "it is asked for again, soon");
    assert!(kept.keep(&url(0), Err(Missing::Unknown), later).is_err(), "it was withdrawn");
    assert!(matches!(kept.find(&url(0), later), Some(Err(Missing::Unknown))));

    kept.keep(&url(0), Ok(chain.clone()), later).unwrap();
    kept.certificates.get_mut(&url(0)).unwrap().proved_at = Some(later);
    for name in 1..100 {
        kept.keep(&url(name), Ok(chain.clone()), later + Duration::from_secs(1)).unwrap();
    }
    assert_eq!(kept.certificates.len(), CERTIFICATES_MAX);
    assert!(kept.certificates.contains_key(&url(0)), "what has proved something is the last to go");
    for name in 100..5000 {
        let _ = kept.keep(&url(name), Err(Missing::Unknown), later);
    }
    assert!(kept.failures.len() <= FAILURES_MAX);
}
