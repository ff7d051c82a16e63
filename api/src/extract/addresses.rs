//! Addresses in a body: where to write to, where a payer comes back to, and from where a key is used. What no
//! gateway takes is refused when it comes, because later there is nobody to ask for another.

use common::merchant::network::Network;
use email_address::{EmailAddress, Options};
use serde_json::{Value, json};
use url::Url;

use super::{
    part::{Part, Pointer, Reader},
    texts::text,
};

/// Characters of an e-mail address, at most.
const EMAIL_MAX: usize = 254;
/// Characters of a URL, at most.
const URL_MAX: usize = 2048;

/// Where to write to.
pub enum Email {}

/// An address, or a network of them.
impl Part for Network {
    type Value = Self;

    fn describe() -> Value {
        json!({ "type": "string", "examples": ["203.0.113.0/24"] })
    }

    fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let network = value.as_str().unwrap_or_default().parse::<Self>();
        reader.take(at, network.map_err(|error| error.to_string()))
    }
}

impl Part for Email {
    type Value = String;

    fn describe() -> Value {
        json!({ "type": "string", "format": "email", "maxLength": EMAIL_MAX, "examples": ["ada@example.com"] })
    }

    fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<String> {
        reader.take(at, email(value))
    }
}

/// Where a payer comes back to: an http(s) URL, or one with an app's own scheme.
pub enum ReturnUrl {}

impl Part for ReturnUrl {
    type Value = String;

    fn describe() -> Value {
        json!({ "type": "string", "format": "uri", "maxLength": URL_MAX, "examples": ["https://shop.example/paid"] })
    }

    fn read(value: Value, at: Pointer<'_>, reader: &mut Reader<'_>) -> Option<String> {
        reader.take(at, return_url(value))
    }
}

/// An e-mail address: RFC 5321's form, at a domain of at least two parts, and no longer than SMTP carries.
fn email(value: Value) -> Result<String, String> {
    let email = text(value, EMAIL_MAX)?;
    let options = Options::default().with_required_tld().without_domain_literal().without_display_text();
    match EmailAddress::parse_with_options(&email, options) {
        Ok(_) => Ok(email),
        Err(_) => Err("must be an e-mail address such as \"ada@example.com\"".into()),
    }
}

/// Schemes that a browser does not leave for an app: what they name would run, or be read, where the payer is.
const NOT_AN_APPS: [&str; 16] = [
    "about",
    "blob",
    "chrome",
    "data",
    "file",
    "filesystem",
    "ftp",
    "intent",
    "jar",
    "javascript",
    "livescript",
    "mocha",
    "resource",
    "vbscript",
    "view-source",
    "wyciwyg",
];

/// Where a payer comes back to: a page, or a place in an app that has a scheme of its own. It is passed on as it came.
fn return_url(value: Value) -> Result<String, String> {
    let given = text(value, URL_MAX)?;
    let form =
        || "must be an http(s) URL, or one with an app's own scheme such as \"myapp://paid\"".to_owned();
    let (scheme, rest) = given.split_once(':').ok_or_else(form)?;
    if given.chars().any(char::is_whitespace) || !rest.starts_with('/') {
        return Err(form());
    }
    let url = Url::parse(&given).map_err(|_| form())?;
    let is_a_place = match scheme {
        // Of which the parser forgives more than gateways do.
        "https" | "http" => {
            rest.strip_prefix("//").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        }
        _ if url.scheme() == "http" || url.scheme() == "https" || NOT_AN_APPS.contains(&url.scheme()) => {
            false
        }
        _ => given.is_ascii(),
    };
    if is_a_place { Ok(given) } else { Err(form()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_email_address_is_one_that_a_gateway_takes() {
        for address in [
            "ada@example.com",
            "Ada.Lovelace+shop@mail.example.co.uk",
            "o'brien@example.ie",
            "\"a b\"@example.com",
            "ada@müller.example",
            "a@1and1.example",
        ] {
            assert_eq!(email(json!(address)).as_deref(), Ok(address));
        }
        let long = format!("{}@example.com", "a".repeat(65));
        for address in [
            "otameshi@com",
            "a@b@c.com",
            "a..b@example.com",
            ".a@example.com",
            "a.@example.com",
            "ada",
            "ada@",
            "@example.com",
            "ada@example.com.",
            "ada@.example.com",
            "ada@example..com",
            "ada@-example.com",
            "ada@example-.com",
            "ada@[127.0.0.1]",
            "ada@exa mple.com",
            " ada@example.com",
            "ada@example.com ",
            "Ada <ada@example.com>",
            "ada@example.com,bob@example.com",
            "mailto:ada@example.com?cc=bob",
            long.as_str(),
        ] {
            let told = email(json!(address)).unwrap_err();
            assert_eq!(told, "must be an e-mail address such as \"ada@example.com\"", "{address}");
        }
    }

    #[test]
    fn a_payer_comes_back_to_a_page_or_to_an_app() {
        for url in [
            "https://shop.example/paid?order=1#top",
            "http://localhost:3000/",
            "https://shop.example",
            "myapp://paid",
            "com.example.shop:/paid",
            "MyApp://paid?order=1",
        ] {
            assert_eq!(return_url(json!(url)).as_deref(), Ok(url));
        }
        for url in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "javascript://shop.example/%0aalert(1)",
            "javascript:/alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "data://text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:https://shop.example/1",
            "blob://shop.example/1",
            "about:blank",
            "view-source:https://shop.example/",
            "intent://shop.example/#Intent;scheme=https;end",
            "mailto:ada@example.com",
            "HTTPS:shop.example",
            "https:shop.example",
            "https:/shop.example",
            "https:///shop.example",
            "https://",
            "//shop.example/paid",
            "/paid",
            "shop.example/paid",
            "myapp:paid",
            "my app://paid",
            "myapp://paid now",
            "myapp://bezählt",
            "1app://paid",
            "://paid",
        ] {
            assert!(return_url(json!(url)).is_err(), "{url}");
        }
    }
}
