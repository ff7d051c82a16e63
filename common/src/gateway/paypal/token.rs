//! What PayPal's name for a saved payer looks like: the id of a payment token in its vault (`8kk8451t`), or of a
//! billing agreement (`B-1AB23456CD789012E`).

/// Whether it is one: letters, digits, dashes and underscores, and never digits alone.
#[must_use]
pub fn is_one(token: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    token.bytes().all(is_part) && token.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_in_the_vault_are_tokens() {
        for token in ["8kk8451t", "B-1AB23456CD789012E", "vault_ok", "1AB23456"] {
            assert!(is_one(token), "{token}");
        }
        for token in ["", "4242", "4242-4242-4242-4242", "a.b", "a b", "a/b"] {
            assert!(!is_one(token), "{token}");
        }
    }
}
