//! What is sent, to whom it is not, and what of an answer is kept; on a server that counts its connections.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

/// A server that gives everybody this answer, counts connections, and keeps what it was sent.
struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
    heard: Arc<Mutex<String>>,
}

async fn server(answer: String) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (connections, heard) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(String::new())));
    let (counted, kept) = (Arc::clone(&connections), Arc::clone(&heard));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let (mut buffer, mut text) = (vec![0; 4096], String::new());
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                text.push_str(&String::from_utf8_lossy(&buffer[..read]));
                if text.ends_with('}') {
                    break;
                }
            }
            *kept.lock().unwrap() = text;
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    Server { port, connections, heard }
}

impl Server {
    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Names that mean something else each time.
struct Fickle(Mutex<Vec<Vec<IpAddr>>>);

impl Names for Fickle {
    fn look_up(&self, _: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let next = self.0.lock().unwrap().pop().expect("as often as was foreseen");
        Box::pin(async move { Ok(next) })
    }
}

fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn rules(allow_private: bool, port: u16) -> Rules {
    Rules { allow_private, ports: vec![443, port] }
}

fn signed() -> Signed {
    Signed { id: "evt_1".into(), timestamp: 7, signatures: "v1,abc".into(), body: b"{}".to_vec() }
}

fn sender(rules: Rules, names: Arc<dyn Names>) -> Sender {
    Sender::with_names(rules, Duration::from_secs(2), names).unwrap()
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn a_name_that_means_another_address_when_it_is_called_is_not_called() {
    let server = server(OK.into()).await;
    let fickle = || {
        let (first, then) = (addresses(&["1.1.1.1"]), addresses(&["127.0.0.1"]));
        Arc::new(Fickle(Mutex::new(vec![then, first])))
    };
    let url = format!("https://shop.example:{}/", server.port);
    let names = fickle();
    // Whoever looks before sees nothing wrong.
    let before = names.look_up("shop.example".into()).await.unwrap();
    assert!(before.iter().all(|address| rules(false, server.port).may_call(*address)));
    assert!(rules(false, server.port).check(&url).is_ok());
    let sent = sender(rules(false, server.port), names).send(&url, signed()).await;
    assert_eq!(sent.outcome, Outcome::Unanswered);
    assert_eq!(sent.error, Some(Within.to_string()));
    assert_eq!(server.connections(), 0);

    // It would have got there: the guard is all that stands between.
    let names = fickle();
    drop(names.look_up("shop.example".into()).await);
    let url = format!("http://shop.example:{}/", server.port);
    let sent = sender(rules(true, server.port), names).send(&url, signed()).await;
    assert_eq!(sent.outcome, Outcome::Answered(200, None));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn of_several_addresses_only_those_out_there_are_left() {
    let mixed = addresses(&["10.0.0.1", "1.1.1.1", "::1", "2606:4700:4700::1111", "169.254.169.254"]);
    let names = Arc::new(Fickle(Mutex::new(vec![addresses(&["127.0.0.1", "::1"]), mixed])));
    let filtered = Filtered { names, rules: rules(false, 443) };
    let left: Vec<_> = filtered.resolve("shop.example".parse().unwrap()).await.unwrap().collect();
    let ips: Vec<_> = left.iter().map(SocketAddr::ip).collect();
    assert_eq!(ips, addresses(&["1.1.1.1", "2606:4700:4700::1111"]));
    assert!(filtered.resolve("shop.example".parse().unwrap()).await.is_err());
}

#[tokio::test]
async fn an_address_instead_of_a_name_is_not_called_either() {
    let server = server(OK.into()).await;
    let sender = sender(rules(false, server.port), Arc::new(System));
    for host in ["127.0.0.1", "0x7f000001", "[::ffff:127.0.0.1]", "localhost"] {
        let sent = sender.send(&format!("https://{host}:{}/", server.port), signed()).await;
        assert_eq!(sent.outcome, Outcome::Unanswered, "{host}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_redirection_is_an_answer_and_is_not_followed() {
    let elsewhere = server(OK.into()).await;
    let answer = format!(
        "HTTP/1.1 307 Elsewhere\r\nlocation: http://127.0.0.1:{}/\r\ncontent-length: 0\r\n\r\n",
        elsewhere.port
    );
    let server = server(answer).await;
    let sender = sender(rules(true, server.port), Arc::new(System));
    let sent = sender.send(&format!("http://127.0.0.1:{}/hook", server.port), signed()).await;
    assert_eq!((sent.outcome, sent.answer), (Outcome::Answered(307, None), None));
    assert_eq!(elsewhere.connections(), 0);
    let heard = server.heard.lock().unwrap().to_lowercase();
    assert!(heard.starts_with("post /hook http/1.1\r\n"), "{heard}");
    for line in [
        "webhook-id: evt_1",
        "webhook-timestamp: 7",
        "webhook-signature: v1,abc",
        "content-type: application/json",
    ] {
        assert!(heard.contains(line), "{heard}");
    }
}

#[tokio::test]
async fn a_kilobyte_of_an_answer_is_kept_and_no_card_in_it() {
    let body = format!("no: 4242 4242 4242 4242\0 {}", "x".repeat(100_000));
    let head = format!("HTTP/1.1 503 Busy\r\nretry-after: 120\r\ncontent-length: {}\r\n\r\n", body.len());
    let server = server(head + &body).await;
    let sender = sender(rules(true, server.port), Arc::new(System));
    let sent = sender.send(&format!("http://127.0.0.1:{}/", server.port), signed()).await;
    assert_eq!(sent.outcome, Outcome::Answered(503, Some(Duration::from_secs(120))));
    let answer = sent.answer.unwrap();
    assert!(answer.len() <= ANSWER_MAX && answer.starts_with("no: ") && !answer.contains('\0'), "{answer}");
    assert!(!answer.contains("4242 4242"), "{answer}");
}

#[tokio::test]
async fn whoever_does_not_answer_in_time_has_not_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let sender = Sender::new(rules(true, port), Duration::from_millis(200)).unwrap();
    let sent = sender.send(&format!("http://127.0.0.1:{port}/"), signed()).await;
    assert_eq!((sent.outcome, sent.answer), (Outcome::Unanswered, None));
    assert!(sent.error.unwrap().starts_with("time-out"));
}
