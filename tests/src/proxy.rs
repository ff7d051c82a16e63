//! A TCP proxy on a link: it can be cut, and healed.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Stands between a process and a server.
pub struct Proxy {
    address: SocketAddr,
    open: watch::Sender<bool>,
}

impl Proxy {
    /// Starts a proxy in front of `target` (`host:port`), open.
    pub async fn start(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, is_open) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (target, mut is_open) = (target.clone(), is_open.clone());
                if *is_open.borrow() {
                    tokio::spawn(async move {
                        tokio::select! {
                            () = relay(client, target) => {}
                            _ = is_open.wait_for(|open| !open) => {}
                        }
                    });
                }
            }
        });
        Self { address, open }
    }

    /// Cuts every connection, and refuses new ones.
    pub fn cut(&self) {
        self.open.send_replace(false);
    }

    /// Lets connections through again.
    pub fn heal(&self) {
        self.open.send_replace(true);
    }

    /// The same URL, through the proxy.
    pub fn url(&self, url: &str) -> String {
        let mut url = reqwest::Url::parse(url).expect("a URL");
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(self.address.port())).unwrap();
        url.to_string()
    }
}

async fn relay(mut client: TcpStream, target: String) {
    if let Ok(mut server) = TcpStream::connect(target).await {
        // Either side may go at any time: that is what a proxy is for here.
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}

/// `host:port` of a URL.
pub fn authority(url: &str, default_port: u16) -> String {
    let url = reqwest::Url::parse(url).expect("a URL");
    format!("{}:{}", url.host_str().unwrap_or("127.0.0.1"), url.port().unwrap_or(default_port))
}
