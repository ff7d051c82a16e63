//! A client that is none: it sends bytes, and stops where it likes.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// A connection.
pub struct Wire(TcpStream);

/// What was heard on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// All that came.
    pub text: String,
    /// Whether the other side has closed it.
    pub closed: bool,
}

impl Heard {
    /// The HTTP status, if there is one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
    }

    /// The body as JSON, if it is that.
    #[must_use]
    pub fn body(&self) -> serde_json::Value {
        let body = self.text.split_once("\r\n\r\n").map(|(_, body)| body);
        body.and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default()
    }
}

impl Wire {
    /// Connects to `http://host:port`.
    pub async fn open(url: &str) -> Self {
        let address = url.trim_start_matches("http://");
        Self(TcpStream::connect(address).await.expect("a connection"))
    }

    /// Sends bytes. That the other side has closed it meanwhile is told by what is heard.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.write_all(bytes.as_ref()).await;
    }

    /// Listens until it is closed, or for so long.
    pub async fn hear(&mut self, within: Duration) -> Heard {
        let mut heard = Vec::new();
        let listening = timeout(within, self.0.read_to_end(&mut heard)).await;
        Heard { text: String::from_utf8_lossy(&heard).into_owned(), closed: listening.is_ok() }
    }

    /// Whether nothing has come yet, and it is not closed: at this moment.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        let nothing = self.0.try_read(&mut [0; 1]);
        matches!(nothing, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    }
}
