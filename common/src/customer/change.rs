//! What of a customer is made otherwise. A pure merge, as RFC 7396 (JSON Merge Patch) has it: what is not named stays,
//! and what is named as nothing goes.

use std::collections::BTreeMap;

use super::Customer;
use crate::metadata::ENTRIES_MAX;

/// What shall be different; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Where to write to, or nowhere.
    pub email: Option<Option<String>>,
    /// Who it is, or nobody knows.
    pub name: Option<Option<String>>,
    /// The merchant's own keys and values.
    pub metadata: Option<MetadataChange>,
}

/// What becomes of the merchant's own keys and values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataChange {
    /// All of them go.
    Clear,
    /// These get a value, or go where it is `None`; the others stay.
    Merge(BTreeMap<String, Option<String>>),
}

/// There would be more keys than a customer may have: so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must leave at most {ENTRIES_MAX} entries, and would leave {0}")]
pub struct TooManyEntries(pub usize);

impl Change {
    /// Whether it names nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The customer as it then is. The same again changes nothing more.
    pub fn of(&self, customer: &Customer) -> Result<Customer, TooManyEntries> {
        let mut then = customer.clone();
        if let Some(email) = &self.email {
            then.email.clone_from(email);
        }
        if let Some(name) = &self.name {
            then.name.clone_from(name);
        }
        match &self.metadata {
            None => {}
            Some(MetadataChange::Clear) => then.metadata.clear(),
            Some(MetadataChange::Merge(entries)) => {
                for (key, value) in entries {
                    match value {
                        Some(value) => then.metadata.insert(key.clone(), value.clone()),
                        None => then.metadata.remove(key),
                    };
                }
            }
        }
        match then.metadata.len() {
            entries if entries > ENTRIES_MAX => Err(TooManyEntries(entries)),
            _ => Ok(then),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Timestamp,
        id::{CustomerId, MerchantId},
    };

    fn ada() -> Customer {
        Customer {
            id: CustomerId::new(),
            merchant_id: MerchantId::new(),
            name: Some("Ada".into()),
            email: Some("ada@example.com".into()),
            metadata: [("a", "1"), ("b", "2")].map(|(key, value)| (key.into(), value.into())).into(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_is_not_named_stays() {
        let change = Change { email: Some(Some("ada@shop.example".into())), ..Change::default() };
        let then = change.of(&ada()).unwrap();
        assert_eq!(then.email.as_deref(), Some("ada@shop.example"));
        assert_eq!((then.name.as_deref(), then.metadata.len()), (Some("Ada"), 2));
        assert_eq!(change.of(&then), Ok(then));
        assert!(!change.is_empty() && Change::default().is_empty());
    }

    #[test]
    fn what_is_named_as_nothing_goes() {
        let change = Change { email: Some(None), name: Some(None), metadata: Some(MetadataChange::Clear) };
        let then = change.of(&ada()).unwrap();
        assert_eq!((then.email, then.name, then.metadata.len()), (None, None, 0));
    }

    #[test]
    fn metadata_is_merged_key_by_key() {
        let entries = [("a", None), ("b", Some("3")), ("c", Some("4")), ("d", None)];
        let entries = entries.map(|(key, value)| (key.to_owned(), value.map(str::to_owned)));
        let change = Change { metadata: Some(MetadataChange::Merge(entries.into())), ..Change::default() };
        let then = change.of(&ada()).unwrap();
        let left: Vec<_> = then.metadata.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(left, ["b=3", "c=4"]);

        let many = (0..49).map(|number| (format!("more{number}"), Some("1".to_owned()))).collect();
        let change = Change { metadata: Some(MetadataChange::Merge(many)), ..Change::default() };
        let refused = change.of(&ada()).unwrap_err();
        assert_eq!(refused.to_string(), "must leave at most 50 entries, and would leave 51");
    }
}
