//! The published description, held against every answer that a test gets: its status, its media type, its headers and
//! its body. It is read once, from the first API that answers.

mod schema;

use reqwest::{Method, header::HeaderMap};
use serde_json::Value;
use tokio::sync::OnceCell;

pub use schema::faults;

/// What every HTTP answer may have, whatever it is about.
const TRANSPORT: [&str; 9] = [
    "allow",
    "cache-control",
    "connection",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "referrer-policy",
    "x-content-type-options",
];

/// A path, or headers, that are too long.
const SERVERS: [u16; 2] = [414, 431];

static DESCRIPTION: OnceCell<Description> = OnceCell::const_new();

/// What the API says of itself.
pub struct Description {
    root: Value,
}

/// An answer, as it came.
pub struct Shown<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body.
    pub bytes: &'a [u8],
}

/// Fails where an answer is not as the API at this address describes it. Without a description (it was killed in
/// between) there is nothing to hold it against; the next that is asked for one gives it.
///
/// # Panics
/// With all that differs.
pub async fn check(client: &reqwest::Client, url: &str, method: &Method, path: &str, shown: &Shown<'_>) {
    let fetched = DESCRIPTION.get_or_try_init(|| async { Description::fetch(client, url).await.ok_or(()) });
    let Ok(description) = fetched.await else { return };
    let faults = description.faults(method, path, shown);
    assert!(
        faults.is_empty(),
        "{method} {path} answered {} otherwise than described: {faults:#?}\n{}",
        shown.status,
        String::from_utf8_lossy(shown.bytes),
    );
}

impl Description {
    /// The description as it is published.
    #[must_use]
    pub fn new(root: Value) -> Self {
        Self { root }
    }

    async fn fetch(client: &reqwest::Client, url: &str) -> Option<Self> {
        let response = client.get(format!("{url}/openapi.json")).send().await.ok()?;
        let root: Value = serde_json::from_slice(&response.bytes().await.ok()?).ok()?;
        root.get("paths").is_some().then(|| Self::new(root))
    }

    /// All in which an answer differs from what is described.
    #[must_use]
    pub fn faults(&self, method: &Method, path: &str, shown: &Shown<'_>) -> Vec<String> {
        match self.operation(method, path) {
            // What the server says by itself, before any of our code was asked.
            _ if SERVERS.contains(&shown.status) && shown.bytes.is_empty() => Vec::new(),
            Some(operation) => self.faults_of(operation, shown),
            // Of a problem that is asked for by HEAD there are the headers alone.
            None if method != Method::HEAD && media_type(shown.headers) == "application/problem+json" => {
                let problem = &self.root["components"]["schemas"]["Problem"];
                self.body_faults(problem, shown)
            }
            // What is no merchant's: probes, pages, events of gateways.
            None => Vec::new(),
        }
    }

    fn operation(&self, method: &Method, path: &str) -> Option<&Value> {
        let path = path.split('?').next().unwrap_or_default();
        let path = path.strip_prefix("/v1").unwrap_or(path);
        let parts: Vec<_> = path.split('/').collect();
        let paths = self.root["paths"].as_object()?;
        // Where a fixed part fits, it is meant, rather than an id.
        let fitting = paths.iter().filter(|(template, _)| fits(template, &parts));
        let item = fitting.min_by_key(|(template, _)| template.matches('{').count())?.1;
        item.get(method.as_str().to_lowercase())
    }

    fn faults_of(&self, operation: &Value, shown: &Shown<'_>) -> Vec<String> {
        let Some(response) = operation["responses"].get(shown.status.to_string()) else {
            return vec![format!("the status {} is not described", shown.status)];
        };
        let response = schema::resolve(&self.root, response);
        let mut faults = self.header_faults(response, shown.headers);
        let media_type = media_type(shown.headers);
        match (response.get("content"), shown.bytes.is_empty()) {
            (None, true) => {}
            (None, false) => faults.push("no body is described".into()),
            (Some(content), _) => match content.get(media_type) {
                None => faults.push(format!("the media type {media_type:?} is not described")),
                Some(media) if media_type.ends_with("json") => {
                    faults.extend(self.body_faults(&media["schema"], shown));
                }
                Some(_) => {}
            },
        }
        faults
    }

    fn body_faults(&self, schema: &Value, shown: &Shown<'_>) -> Vec<String> {
        match serde_json::from_slice(shown.bytes) {
            Ok(body) => faults(&self.root, schema, &body),
            Err(error) => vec![format!("the body is no JSON: {error}")],
        }
    }

    fn header_faults(&self, response: &Value, headers: &HeaderMap) -> Vec<String> {
        let mut faults = Vec::new();
        let described = response["headers"].as_object().into_iter().flatten();
        let described: Vec<_> = described
            .map(|(name, header)| (name.to_lowercase(), schema::resolve(&self.root, header)))
            .collect();
        for (name, header) in &described {
            match headers.get(name).map(|value| value.to_str().unwrap_or_default()) {
                Some(text) => {
                    let value = text.parse::<u64>().ok().filter(|_| header["schema"]["type"] == "integer");
                    let value = value.map_or_else(|| Value::from(text), Value::from);
                    faults.extend(self::faults(&self.root, &header["schema"], &value));
                }
                None if header["required"] == true => faults.push(format!("the header {name} is missing")),
                None => {}
            }
        }
        let is_known = |name: &str| {
            TRANSPORT.contains(&name) || described.iter().any(|(described, _)| described == name)
        };
        let unknown = headers.keys().filter(|name| !is_known(name.as_str()));
        faults.extend(unknown.map(|name| format!("the header {name} is not described")));
        faults
    }
}

fn media_type(headers: &HeaderMap) -> &str {
    let whole = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    whole.split(';').next().unwrap_or_default().trim()
}

fn fits(template: &str, parts: &[&str]) -> bool {
    let template: Vec<_> = template.split('/').collect();
    template.len() == parts.len()
        && template.iter().zip(parts).all(|(wanted, part)| wanted.starts_with('{') || wanted == part)
}
