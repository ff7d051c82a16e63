//! How a request goes out: what goes with it, and the last look at the clock before it does. And what it means
//! when no answer comes back.

use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::clock::Deadline;

/// What goes with a request, and is no part of the operation.
#[derive(Debug, Clone, Default)]
pub struct Sending {
    /// W3C trace context, for the gateway's logs.
    pub traceparent: Option<String>,
    /// After this it may not be sent: somebody else may have sent it then, and the gateway forgotten its key.
    /// `None`: at any time.
    pub deadline: Option<Deadline>,
}

impl Sending {
    /// Whether it may not be sent any more.
    #[must_use]
    pub fn is_too_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline.is_over())
    }

    /// A body that is written in time, or not at all.
    pub(super) fn body(&self, bytes: impl Into<Bytes>) -> reqwest::Body {
        reqwest::Body::wrap(TimelyBody { bytes: Some(bytes.into()), deadline: self.deadline })
    }
}

/// Why a request was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its time was over before it could be sent")]
pub struct TooLate;

/// The connection asks for the body when it writes the request: after every wait for a turn, for a name, for a
/// connection. Between this look at the clock and the system's write nothing waits any more. A body that is
/// refused ends the connection: its request is not complete, so it did not run.
struct TimelyBody {
    bytes: Option<Bytes>,
    deadline: Option<Deadline>,
}

impl Body for TimelyBody {
    type Data = Bytes;
    type Error = TooLate;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TooLate>>> {
        let is_over = self.deadline.is_some_and(|deadline| deadline.is_over());
        Poll::Ready(
            self.bytes.take().map(|bytes| if is_over { Err(TooLate) } else { Ok(Frame::data(bytes)) }),
        )
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// What a call that failed proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// No connection was made: nothing was sent.
    Unreachable,
    /// It was held back, because its time was over: nothing was sent that could run.
    TooLate,
    /// It may have been sent.
    Unanswered,
}

impl Failed {
    /// Only two things prove that nothing was sent.
    pub fn of(error: &reqwest::Error) -> Self {
        match causes(error).any(|cause| cause.is::<TooLate>()) {
            true => Self::TooLate,
            false if error.is_connect() => Self::Unreachable,
            false => Self::Unanswered,
        }
    }
}

/// The innermost error says what happened; the outer ones name the URL.
pub fn root_cause(error: &reqwest::Error) -> String {
    let cause = causes(error).last().map(ToString::to_string).unwrap_or_default();
    if error.is_timeout() { format!("time-out: {cause}") } else { cause }
}

fn causes<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error as &(dyn Error + 'static)), |error| (*error).source())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    /// A server that answers whoever sends a whole request; it counts them.
    async fn server() -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (tell, told) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let tell = tell.clone();
                tokio::spawn(async move {
                    let (mut text, mut buffer) = (String::new(), [0; 4096]);
                    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
                        if text.ends_with("\r\n\r\namount=1") {
                            tell.send(std::mem::take(&mut text)).unwrap();
                            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                            stream.write_all(answer).await.unwrap();
                        }
                    }
                });
            }
        });
        (url, told)
    }

    #[tokio::test]
    async fn what_is_too_late_is_not_sent() {
        let (url, mut arrived) = server().await;
        let client = crate::gateway::http_client(Duration::from_secs(5)).unwrap();
        let send = |left| {
            let sending = Sending { traceparent: None, deadline: Some(Deadline::after(left)) };
            client.post(&url).body(sending.body("amount=1")).send()
        };
        // On a new connection, and on one that is there already.
        for round in 0..2 {
            let error = send(Duration::ZERO).await.unwrap_err();
            assert_eq!(Failed::of(&error), Failed::TooLate, "{round}: {error:?}");
            assert_eq!(root_cause(&error), TooLate.to_string());
            let answer = send(Duration::from_secs(60)).await.unwrap();
            assert_eq!(answer.status(), 200);
            let request = arrived.recv().await.unwrap();
            assert!(request.contains("content-length: 8\r\n"), "{request}");
            assert!(arrived.try_recv().is_err(), "only what was in time has arrived");
        }
    }

    #[tokio::test]
    async fn no_connection_is_no_request() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let client = crate::gateway::http_client(Duration::from_secs(5)).unwrap();
        let error = client.post(&url).body(Sending::default().body("amount=1")).send().await.unwrap_err();
        assert_eq!(Failed::of(&error), Failed::Unreachable);
    }
}
