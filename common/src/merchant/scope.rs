//! What a key may do: one scope for reading and one for writing of each part of the API.

use serde::{Serialize, Serializer};

use crate::name::names;

/// One thing that a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// See payments.
    PaymentsRead,
    /// Make, capture and cancel payments.
    PaymentsWrite,
    /// See refunds.
    RefundsRead,
    /// Refund payments.
    RefundsWrite,
    /// See subscriptions, and what they are made of: plans, customers, payment methods, invoices.
    SubscriptionsRead,
    /// Make and change them.
    SubscriptionsWrite,
    /// See events.
    EventsRead,
    /// See webhook endpoints, and what was sent there.
    WebhooksRead,
    /// Make and change them.
    WebhooksWrite,
    /// See reports.
    ReportsRead,
    /// All of that, and keys.
    Admin,
}

names!(
    Scope,
    PaymentsRead => "payments:read", PaymentsWrite => "payments:write",
    RefundsRead => "refunds:read", RefundsWrite => "refunds:write",
    SubscriptionsRead => "subscriptions:read", SubscriptionsWrite => "subscriptions:write",
    EventsRead => "events:read",
    WebhooksRead => "webhooks:read", WebhooksWrite => "webhooks:write",
    ReportsRead => "reports:read",
    Admin => "admin",
);

impl Scope {
    /// Whether whoever has it has the other one too.
    #[must_use]
    pub fn includes(self, other: Self) -> bool {
        self == other
            || match self {
                Self::Admin => true,
                Self::PaymentsWrite => other == Self::PaymentsRead,
                Self::RefundsWrite => other == Self::RefundsRead,
                Self::SubscriptionsWrite => other == Self::SubscriptionsRead,
                Self::WebhooksWrite => other == Self::WebhooksRead,
                Self::PaymentsRead
                | Self::RefundsRead
                | Self::SubscriptionsRead
                | Self::EventsRead
                | Self::WebhooksRead
                | Self::ReportsRead => false,
            }
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// All that a key may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// These, each once and in their order. `None` without any.
    #[must_use]
    pub fn new(mut scopes: Vec<Scope>) -> Option<Self> {
        scopes.sort_unstable();
        scopes.dedup();
        (!scopes.is_empty()).then_some(Self(scopes))
    }

    /// All.
    #[must_use]
    pub fn admin() -> Self {
        Self(vec![Scope::Admin])
    }

    /// Whether one of them includes it.
    #[must_use]
    pub fn include(&self, scope: Scope) -> bool {
        self.0.iter().any(|own| own.includes(scope))
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_includes_reading_and_an_admin_may_do_all() {
        let included = |scope: Scope| Scope::ALL.into_iter().filter(|other| scope.includes(*other)).count();
        for scope in Scope::ALL {
            let expected = match scope.as_str().split_once(':') {
                None => Scope::ALL.len(),
                Some((_, "write")) => 2,
                Some(_) => 1,
            };
            assert_eq!(included(scope), expected, "{scope}");
            let read = scope.as_str().replace(":write", ":read").parse().unwrap();
            assert!(scope.includes(read), "{scope} {read}");
        }
    }

    #[test]
    fn scopes_are_kept_once_and_in_their_order() {
        let scopes = vec![Scope::RefundsWrite, Scope::PaymentsRead, Scope::RefundsWrite];
        let scopes = Scopes::new(scopes).unwrap();
        assert_eq!(scopes.iter().collect::<Vec<_>>(), [Scope::PaymentsRead, Scope::RefundsWrite]);
        assert!(scopes.include(Scope::RefundsRead) && !scopes.include(Scope::PaymentsWrite));
        assert_eq!(Scopes::new(Vec::new()), None);
    }
}
