//! Moments as PayPal writes them: RFC 3339, in whole seconds, in UTC.

use chrono::{DateTime, SecondsFormat};

use crate::clock::Moment;

/// `2026-11-24T12:00:00Z`.
pub(crate) fn write(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms)
        .map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
        .unwrap_or_default()
}

/// Reads any RFC 3339 moment. A `+` that a query string has turned into a space is forgiven, and so is an
/// offset without its colon, which PayPal's own examples have.
pub(crate) fn read(text: &str) -> Option<Moment> {
    let text = text.replace(' ', "+");
    let parsed = DateTime::parse_from_rfc3339(&text)
        .or_else(|_| DateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f%z"));
    parsed.ok().map(|time| Moment(time.timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_and_read() {
        assert_eq!(write(1_700_000_000_999), "2023-11-14T22:13:20Z");
        let moment = Some(Moment(1_700_000_000_000));
        for text in [
            "2023-11-14T22:13:20Z",
            "2023-11-14T22:13:20.000Z",
            "2023-11-14T23:13:20+01:00",
            "2023-11-14T23:13:20 01:00",
            "2023-11-14T15:13:20-0700",
        ] {
            assert_eq!(read(text), moment, "{text}");
        }
        assert_eq!(read("yesterday"), None);
    }
}
