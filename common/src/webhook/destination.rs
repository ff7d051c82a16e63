//! Where an endpoint may be. A URL is looked at when a merchant names it, and each time before it is called; the address
//! that its host has then, [`super::sender`] looks at.

use std::net::IpAddr;

use reqwest::Url;

use super::address::is_public;
use crate::config::WebhookArgs;

/// Characters of a URL, at most.
pub const URL_MAX: usize = 2048;

/// What this deployment allows.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Whether an endpoint may be on this machine, or in our own network, unencrypted, at any port: in development.
    pub allow_private: bool,
    /// At which ports it may be besides.
    pub ports: Vec<u16>,
}

/// Why an endpoint is not there. Each is what comes after "url".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no URL.
    #[error(
        "must be an https URL of at most {URL_MAX} characters, such as \"https://shop.example/webhooks\""
    )]
    Form,
    /// It is not encrypted.
    #[error("must be https: what is sent there is about money")]
    Scheme,
    /// It names a user.
    #[error("must not name a user: what is sent there is signed")]
    UserInfo,
    /// It has a fragment, which is never sent.
    #[error("must not have a fragment (#…): it is never sent")]
    Fragment,
    /// Its port is none of those.
    #[error("must be at one of the ports {0}")]
    Port(String),
    /// It is an address of nobody's out there.
    #[error("must be reachable from everywhere: this is an address within a network")]
    Private,
}

impl From<&WebhookArgs> for Rules {
    fn from(args: &WebhookArgs) -> Self {
        Self { allow_private: args.webhook_allow_private, ports: args.webhook_ports.clone() }
    }
}

impl Rules {
    /// Whether an endpoint may be there.
    pub fn check(&self, text: &str) -> Result<Url, Refused> {
        let is_plain = |c: char| !c.is_control() && !c.is_whitespace();
        if text.chars().count() > URL_MAX || !text.chars().all(is_plain) {
            return Err(Refused::Form);
        }
        let url = Url::parse(text).map_err(|_| Refused::Form)?;
        match url.scheme() {
            "https" => {}
            "http" if self.allow_private => {}
            "http" => return Err(Refused::Scheme),
            _ => return Err(Refused::Form),
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(Refused::Form)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(Refused::Fragment);
        }
        let port = url.port_or_known_default().ok_or(Refused::Form)?;
        if !self.allow_private && !self.ports.contains(&port) {
            let ports: Vec<_> = self.ports.iter().map(ToString::to_string).collect();
            return Err(Refused::Port(ports.join(", ")));
        }
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let is_near = match literal {
            Ok(address) => !is_public(address),
            Err(_) => is_a_name_within(host),
        };
        if is_near && !self.allow_private {
            return Err(Refused::Private);
        }
        Ok(url)
    }

    /// Whether this address may be called.
    #[must_use]
    pub fn may_call(&self, address: IpAddr) -> bool {
        self.allow_private || is_public(address)
    }
}

/// Names that no public directory has: whoever names one means this machine, or its network.
fn is_a_name_within(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let within = ["localhost", "local", "internal", "localdomain"];
    !host.contains('.') || host.rsplit('.').next().is_some_and(|last| within.contains(&last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(allow_private: bool) -> Rules {
        Rules { allow_private, ports: vec![443, 8443] }
    }

    #[test]
    fn an_endpoint_is_out_there_and_encrypted() {
        for url in [
            "https://shop.example/webhooks?of=remit",
            "https://shop.example",
            "https://shop.example:8443/",
            "https://1.1.1.1/",
            "https://[2606:4700:4700::1111]/",
        ] {
            assert!(rules(false).check(url).is_ok(), "{url}");
        }
        let port = Refused::Port("443, 8443".into());
        for (url, why) in [
            ("", Refused::Form),
            ("shop.example/webhooks", Refused::Form),
            ("/webhooks", Refused::Form),
            ("ftp://shop.example/", Refused::Form),
            ("file:///etc/passwd", Refused::Form),
            ("https://", Refused::Form),
            ("https://shop.example/a b", Refused::Form),
            ("https://shop.example/\r\nx: y", Refused::Form),
            ("http://shop.example/", Refused::Scheme),
            ("https://user@shop.example/", Refused::UserInfo),
            ("https://user:password@shop.example/", Refused::UserInfo),
            ("https://shop.example/#here", Refused::Fragment),
            ("https://shop.example:80/", port.clone()),
            ("https://shop.example:22/", port.clone()),
            ("https://shop.example:5432/", port),
            ("https://127.0.0.1/", Refused::Private),
            ("https://2130706433/", Refused::Private),
            ("https://0x7f.1/", Refused::Private),
            ("https://0177.0.0.1/", Refused::Private),
            ("https://169.254.169.254/latest/meta-data/", Refused::Private),
            ("https://[::1]/", Refused::Private),
            ("https://[::ffff:10.0.0.1]/", Refused::Private),
            ("https://localhost/", Refused::Private),
            ("https://LOCALHOST./", Refused::Private),
            ("https://api.localhost/", Refused::Private),
            ("https://metadata.google.internal/", Refused::Private),
            ("https://postgres/", Refused::Private),
        ] {
            assert_eq!(rules(false).check(url), Err(why), "{url}");
        }
        let long = format!("https://shop.example/{}", "a".repeat(URL_MAX));
        assert_eq!(rules(false).check(&long), Err(Refused::Form));
    }

    #[test]
    fn in_development_it_may_be_on_this_machine() {
        for url in ["http://127.0.0.1:3000/", "http://localhost/", "https://shop.example:9/"] {
            assert!(rules(true).check(url).is_ok(), "{url}");
        }
        assert_eq!(rules(true).check("ftp://127.0.0.1/"), Err(Refused::Form));
        assert_eq!(rules(true).check("http://user@localhost/"), Err(Refused::UserInfo));
    }
}
