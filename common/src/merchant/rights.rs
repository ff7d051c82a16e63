//! What a key may do, for how long, and from where; and that none gives another more than it has itself.

use std::net::IpAddr;

use crate::clock::Timestamp;

use super::{
    caps::Caps,
    network::Network,
    scope::{Scope, Scopes},
};

/// What a key may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Which parts of the API.
    pub scopes: Scopes,
    /// Until when.
    pub expires_at: Option<Timestamp>,
    /// From where; empty: from anywhere.
    pub allowed_addresses: Vec<Network>,
    /// Up to which amounts.
    pub caps: Caps,
}

/// Why a key cannot have rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Whoever may make keys, or bills again and again, could leave its caps.
    #[error("must not include {0} for a key with caps: it could leave them")]
    Uncapped(Scope),
    /// The giver may not do that.
    #[error("must be those of the key that asks, at most: it does not have {0}")]
    NotGiven(Scope),
    /// The giver's own end is sooner.
    #[error("must not be later than the end of the key that asks")]
    Later,
    /// The giver may not be used from there.
    #[error("must be within the addresses of the key that asks")]
    Elsewhere,
}

impl Rights {
    /// All, for ever, from anywhere.
    #[must_use]
    pub fn all() -> Self {
        Self {
            scopes: Scopes::admin(),
            expires_at: None,
            allowed_addresses: Vec::new(),
            caps: Caps::default(),
        }
    }

    /// Whether a key may have them at all.
    pub fn check(&self) -> Result<(), Refusal> {
        let leave_caps = [Scope::Admin, Scope::SubscriptionsWrite];
        match leave_caps.into_iter().find(|scope| self.scopes.iter().any(|own| own == *scope)) {
            Some(scope) if !self.caps.is_empty() => Err(Refusal::Uncapped(scope)),
            _ => Ok(()),
        }
    }

    /// Whether a key with these rights may give those to another. It has no caps: who has some gives nothing.
    pub fn may_give(&self, given: &Self) -> Result<(), Refusal> {
        if let Some(scope) = given.scopes.iter().find(|scope| !self.scopes.include(*scope)) {
            return Err(Refusal::NotGiven(scope));
        }
        if self.expires_at.is_some_and(|own| given.expires_at.is_none_or(|given| given > own)) {
            return Err(Refusal::Later);
        }
        let is_within = |network: &Network| self.allowed_addresses.iter().any(|own| own.covers(network));
        let is_anywhere = given.allowed_addresses.is_empty();
        if !self.allowed_addresses.is_empty()
            && (is_anywhere || !given.allowed_addresses.iter().all(is_within))
        {
            return Err(Refusal::Elsewhere);
        }
        Ok(())
    }

    /// Whether they hold for whoever comes from there. Where that is not known, only what holds anywhere does.
    #[must_use]
    pub fn hold_from(&self, address: Option<IpAddr>) -> bool {
        self.allowed_addresses.is_empty()
            || address.is_some_and(|address| self.allowed_addresses.iter().any(|own| own.contains(address)))
    }
}

impl Refusal {
    /// The field of a request that is at fault.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Uncapped(_) | Self::NotGiven(_) => "scopes",
            Self::Later => "expires_at",
            Self::Elsewhere => "allowed_addresses",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(scopes: &[Scope], expires_at: Option<&str>, networks: &[&str]) -> Rights {
        Rights {
            scopes: Scopes::new(scopes.to_vec()).unwrap(),
            expires_at: expires_at.map(|text| text.parse().unwrap()),
            allowed_addresses: networks.iter().map(|text| text.parse().unwrap()).collect(),
            caps: Caps::default(),
        }
    }

    #[test]
    fn none_gives_more_than_it_has() {
        let (soon, later) = (Some("2026-12-01T00:00:00Z"), Some("2026-12-02T00:00:00Z"));
        let all = Rights::all();
        let bounded = rights(&[Scope::Admin], soon, &["203.0.113.0/24"]);
        assert_eq!(all.may_give(&bounded), Ok(()));
        assert_eq!(bounded.may_give(&all), Err(Refusal::Later));
        for (given, told) in [
            (rights(&[Scope::PaymentsRead], soon, &["203.0.113.7"]), Ok(())),
            (rights(&[Scope::PaymentsRead], later, &["203.0.113.7"]), Err(Refusal::Later)),
            (rights(&[Scope::PaymentsRead], soon, &[]), Err(Refusal::Elsewhere)),
            (rights(&[Scope::PaymentsRead], soon, &["203.0.113.7", "::1"]), Err(Refusal::Elsewhere)),
        ] {
            assert_eq!(bounded.may_give(&given), told, "{given:?}");
        }
        let reader = rights(&[Scope::PaymentsRead], None, &[]);
        assert_eq!(reader.may_give(&all), Err(Refusal::NotGiven(Scope::Admin)));
    }

    #[test]
    fn whoever_could_leave_caps_has_none() {
        let caps = Caps { own_payments_only: true, ..Caps::default() };
        for (scopes, told) in [
            (vec![Scope::PaymentsWrite, Scope::RefundsWrite], Ok(())),
            (vec![Scope::SubscriptionsRead], Ok(())),
            (vec![Scope::SubscriptionsWrite], Err(Refusal::Uncapped(Scope::SubscriptionsWrite))),
            (vec![Scope::Admin], Err(Refusal::Uncapped(Scope::Admin))),
        ] {
            let capped = Rights { caps: caps.clone(), ..rights(&scopes, None, &[]) };
            assert_eq!(capped.check(), told, "{scopes:?}");
            assert_eq!(rights(&scopes, None, &[]).check(), Ok(()));
        }
    }

    #[test]
    fn where_a_key_may_be_used_from_is_its_peers_address() {
        let near = rights(&[Scope::Admin], None, &["127.0.0.0/8"]);
        assert!(near.hold_from(Some("127.0.0.1".parse().unwrap())));
        assert!(!near.hold_from(Some("192.0.2.1".parse().unwrap())));
        assert!(!near.hold_from(None));
        assert!(Rights::all().hold_from(None));
    }
}
