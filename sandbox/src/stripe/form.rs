//! Stripe's parameters: form-encoded, nested with brackets, and refused when unknown.
//!
//! They stay the flat list that came over the wire, with names like `metadata[order]`. Endpoints
//! declare their whole vocabulary as patterns of such names, so nothing passes unread at any depth.

use std::collections::BTreeMap;

use super::errors::StripeError;

/// The parameters of one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads a form body or a query string.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, StripeError> {
        let mut pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(text)
            .map_err(|error| StripeError::invalid(format!("Invalid form: {error}")))?;
        // Order carries no meaning, and one order makes equal requests equal. The sort is stable: the
        // later of two parameters with one name stays the later.
        pairs.sort_by(|left, right| left.0.cmp(&right.0));
        Ok(Self(pairs))
    }

    /// All parameters, ordered by name.
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The value of a parameter; one that is sent empty counts as not sent.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Whether a parameter or anything nested in it was sent.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| {
            key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
        })
    }

    /// A parameter that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<&str, StripeError> {
        self.text(name).ok_or_else(|| StripeError::missing(name))
    }

    /// A whole number.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, StripeError> {
        let Some(value) = self.text(name) else {
            return Ok(None);
        };
        value.parse().map(Some).map_err(|_| {
            StripeError::invalid(format!("Invalid integer: {value}"))
                .code("parameter_invalid_integer")
                .param(name)
        })
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, StripeError> {
        match self.text(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(StripeError::invalid(format!("Invalid boolean: {other}")).param(name)),
        }
    }

    /// One word out of a few.
    pub(crate) fn choice(&self, name: &str, words: &[&str]) -> Result<Option<&str>, StripeError> {
        let Some(value) = self.text(name) else {
            return Ok(None);
        };
        if !words.contains(&value) {
            let words = words.join(", ");
            let message = format!("Invalid {name}: must be one of {words}");
            return Err(StripeError::invalid(message).param(name));
        }
        Ok(Some(value))
    }

    /// A text of at most `max` characters.
    pub(crate) fn short_text(&self, name: &str, max: usize) -> Result<Option<String>, StripeError> {
        let value = self.text(name);
        if value.is_some_and(|value| value.chars().count() > max) {
            let message = format!("Invalid string: must be at most {max} characters");
            return Err(StripeError::invalid(message).code("parameter_invalid_string_length").param(name));
        }
        Ok(value.map(str::to_owned))
    }

    /// The elements of a list, sent as `name[]=…` or `name[0]=…`.
    pub(crate) fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(key, _)| key.strip_prefix(name).is_some_and(|rest| rest.starts_with('[')))
            .map(|(_, value)| value.as_str())
    }

    /// `metadata`, within Stripe's limits: 50 keys of 40 characters, values of 500.
    pub(crate) fn metadata(&self) -> Result<BTreeMap<String, String>, StripeError> {
        let mut metadata = BTreeMap::new();
        for (name, value) in &self.0 {
            let Some(key) = name.strip_prefix("metadata[").and_then(|rest| rest.strip_suffix(']')) else {
                continue;
            };
            if key.chars().count() > 40 {
                let message = format!("Metadata keys must be at most 40 characters: {key}");
                return Err(StripeError::invalid(message).param("metadata"));
            }
            if value.chars().count() > 500 {
                let message = "Metadata values can have up to 500 characters.";
                return Err(StripeError::invalid(message).param(name));
            }
            if !value.is_empty() {
                metadata.insert(key.to_owned(), value.clone());
            }
        }
        if metadata.len() > 50 {
            let message = "You can only have up to 50 metadata keys.";
            return Err(StripeError::invalid(message).param("metadata"));
        }
        Ok(metadata)
    }

    /// Refuses every parameter that fits none of these patterns: `a[b]` is itself, `a[*]` has any one
    /// key, `a[]` is a list.
    pub(crate) fn only(&self, patterns: &[&str]) -> Result<(), StripeError> {
        let known = |name: &str| patterns.iter().any(|pattern| fits(name, pattern));
        let unknown: Vec<&str> =
            self.0.iter().map(|(name, _)| name.as_str()).filter(|name| !known(name)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        Err(StripeError::unknown_parameters(&unknown))
    }
}

fn fits(name: &str, pattern: &str) -> bool {
    let (mut names, mut patterns) = (name.split('['), pattern.split('['));
    loop {
        match (names.next(), patterns.next()) {
            (None, None) => return true,
            (Some(name), Some("*]")) if name.len() > 1 && name.ends_with(']') => {}
            (Some(name), Some("]")) if is_index(name) => {}
            (Some(name), Some(pattern)) if name == pattern => {}
            _ => return false,
        }
    }
}

fn is_index(segment: &str) -> bool {
    let digits = segment.strip_suffix(']');
    digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_their_patterns() {
        for (name, pattern) in [
            ("amount", "amount"),
            ("a[b][c]", "a[b][c]"),
            ("expand[]", "expand[]"),
            ("expand[12]", "expand[]"),
            ("metadata[order id]", "metadata[*]"),
        ] {
            assert!(fits(name, pattern), "{name} should fit {pattern}");
        }
        for (name, pattern) in [
            ("a[b]", "a"),
            ("a", "a[b]"),
            ("a[b][d]", "a[b][c]"),
            ("expand[x]", "expand[]"),
            ("metadata[a][b]", "metadata[*]"),
            ("metadata[]", "metadata[*]"),
            ("metadata[a", "metadata[*]"),
        ] {
            assert!(!fits(name, pattern), "{name} should not fit {pattern}");
        }
    }

    #[test]
    fn the_limits_of_metadata_hold() {
        let parse = |text: String| Params::parse(text.as_bytes()).unwrap().metadata();
        assert!(parse(format!("metadata[{}]=x", "k".repeat(40))).is_ok());
        assert!(parse(format!("metadata[{}]=x", "k".repeat(41))).is_err());
        assert!(parse(format!("metadata[k]={}", "v".repeat(500))).is_ok());
        assert!(parse(format!("metadata[k]={}", "v".repeat(501))).is_err());
        let keys = |count: usize| (0..count).map(|n| format!("metadata[k{n}]=v")).collect::<Vec<_>>();
        assert!(parse(keys(50).join("&")).is_ok());
        assert!(parse(keys(51).join("&")).is_err());
    }

    #[test]
    fn percent_and_plus_are_decoded() {
        let params = Params::parse(b"description=a+b%26c&metadata%5Bk%5D=v").unwrap();
        assert_eq!(params.text("description"), Some("a b&c"));
        assert_eq!(params.text("metadata[k]"), Some("v"));
    }
}
