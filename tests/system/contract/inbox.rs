//! Where the gateway sends its events: a server that takes all of them, and keeps them as they came.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use common::gateway::{Event, GatewayName, Received};
use tests::eventually;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

use super::fixture::GatewayFixture;

/// All events so far.
pub struct Inbox {
    name: GatewayName,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Inbox {
    /// Has the gateway's events sent here from now on.
    pub async fn open(fixture: &GatewayFixture) -> Self {
        let (inbox, url) = Self::listen(fixture.name).await;
        fixture.control("webhooks", (fixture.webhooks)(&url)).await;
        inbox
    }

    /// Waits for events of that gateway; answers the address to which they are to be sent.
    pub async fn listen(name: GatewayName) -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = received.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = kept.clone();
                tokio::spawn(async move {
                    if let Some(event) = take(stream).await {
                        kept.lock().unwrap().push(event);
                    }
                });
            }
        });
        (Self { name, received }, url)
    }

    /// What has come so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Waits for an event that `choose` chooses.
    pub async fn eventually<T>(&self, what: &str, choose: impl Fn(&Event) -> Option<T>) -> T {
        eventually(what, || async {
            let mut received = self.received().into_iter();
            received.find_map(|received| choose(&self.name.read_event(&received.body).unwrap()))
        })
        .await
    }
}

/// Headers of one request, at most.
const HEADERS_MAX: usize = 100;

/// Takes one request, and confirms it.
async fn take(stream: TcpStream) -> Option<Received> {
    let mut stream = BufReader::new(stream);
    let mut headers = BTreeMap::new();
    for _ in 0..HEADERS_MAX {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    stream.read_exact(&mut body).await.ok()?;
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    stream.write_all(answer).await.ok()?;
    Some(Received { headers, body })
}
