//! A merchant's receiver of webhooks: keeps what it is sent, and answers as it is told to.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::eventually;

/// How it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// With this status, these header lines, and this text.
    Status(u16, &'static str, &'static str),
    /// Not at all: it keeps the connection.
    Nothing,
}

/// What it was sent.
#[derive(Debug, Clone)]
pub struct Hook {
    /// By their names in lower case.
    pub headers: HashMap<String, String>,
    /// As it came.
    pub body: Vec<u8>,
}

#[derive(Debug)]
struct State {
    reply: Reply,
    hooks: Vec<Hook>,
    open: usize,
    most_open: usize,
}

/// A receiver. It listens until the test ends.
pub struct Receiver {
    /// Where it is.
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl Hook {
    /// A header; empty if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(String::as_str).unwrap_or_default()
    }

    /// What it tells.
    #[must_use]
    pub fn told(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Receiver {
    /// One that is content with everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let reply = Reply::Status(200, "", "ok");
        let state = Arc::new(Mutex::new(State { reply, hooks: Vec::new(), open: 0, most_open: 0 }));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { url, state }
    }

    /// From now on it answers so.
    pub fn replies(&self, reply: Reply) {
        self.state.lock().unwrap().reply = reply;
    }

    /// All that it was sent so far.
    #[must_use]
    pub fn hooks(&self) -> Vec<Hook> {
        self.state.lock().unwrap().hooks.clone()
    }

    /// Forgets what it was sent.
    pub fn forget(&self) {
        self.state.lock().unwrap().hooks.clear();
    }

    /// Requests that it had open at once, at most.
    #[must_use]
    pub fn most_open(&self) -> usize {
        self.state.lock().unwrap().most_open
    }

    /// Waits until it was sent so many.
    pub async fn heard(&self, number: usize) -> Vec<Hook> {
        eventually(&format!("{number} webhooks come"), || async {
            let hooks = self.hooks();
            (hooks.len() >= number).then_some(hooks)
        })
        .await
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    while let Some(hook) = read(&mut stream).await {
        let reply = {
            let mut state = state.lock().unwrap();
            state.hooks.push(hook);
            state.open += 1;
            state.most_open = state.most_open.max(state.open);
            state.reply.clone()
        };
        let Reply::Status(status, headers, text) = reply else {
            // Until the other side has had enough.
            let _ = tokio::time::timeout(Duration::from_secs(120), stream.read(&mut [0])).await;
            state.lock().unwrap().open -= 1;
            return;
        };
        let answer = format!("HTTP/1.1 {status} So\r\n{headers}content-length: {}\r\n\r\n{text}", text.len());
        // Before the answer is out: whoever has it may call again at once.
        state.lock().unwrap().open -= 1;
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// One request; `None` at the end of the connection.
async fn read(stream: &mut TcpStream) -> Option<Hook> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    let mut more = async |bytes: &mut Vec<u8>| {
        let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        Some(())
    };
    let end = |bytes: &[u8]| bytes.windows(4).position(|four| four == b"\r\n\r\n");
    while end(&bytes).is_none() {
        more(&mut bytes).await?;
    }
    let head = end(&bytes)?;
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    let headers: HashMap<_, _> = lines.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let length: usize = headers["content-length"].parse().unwrap();
    while bytes.len() < head + 4 + length {
        more(&mut bytes).await?;
    }
    Some(Hook { headers, body: bytes.split_off(head + 4) })
}
