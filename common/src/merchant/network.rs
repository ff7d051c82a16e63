//! From where a key may be used: networks as they are written, `203.0.113.0/24` or `2001:db8::/32`. An address alone is
//! a network of one.

use std::{fmt, net::IpAddr, str::FromStr};

/// A network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

/// A text that is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be an address or a network in CIDR form, such as \"203.0.113.0/24\" or \"2001:db8::/32\", without bits after \
     its prefix"
)]
pub struct InvalidNetwork;

impl Network {
    /// Whether an address is in it. One of IPv4 that is written as one of IPv6 is the same address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4()
            && self.network_of(address) == self.network_of(self.address)
    }

    /// Whether all of another network is in it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.address)
    }

    /// The bits of an address that tell its network.
    fn network_of(&self, address: IpAddr) -> u128 {
        let bits = match address {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        };
        bits.checked_shr(width(address) - self.prefix).unwrap_or(0)
    }
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let prefix = match prefix {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| InvalidNetwork)?
            }
            Some(_) => return Err(InvalidNetwork),
            None => width(address),
        };
        let network = Self { address, prefix };
        let is_mapped = address != address.to_canonical();
        if prefix > width(address) || is_mapped || !network.has_no_further_bits() {
            return Err(InvalidNetwork);
        }
        Ok(network)
    }
}

impl Network {
    /// What has further bits was meant for another network, or for one address.
    fn has_no_further_bits(&self) -> bool {
        let all = Self { prefix: width(self.address), ..*self };
        let kept = self.network_of(self.address).checked_shl(all.prefix - self.prefix).unwrap_or(0);
        kept == all.network_of(self.address)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_has_the_addresses_of_its_prefix() {
        for (text, inside, outside) in [
            ("203.0.113.0/24", "203.0.113.255", "203.0.114.0"),
            ("203.0.113.7", "203.0.113.7", "203.0.113.8"),
            ("203.0.113.7/32", "::ffff:203.0.113.7", "::203.0.113.7"),
            ("0.0.0.0/0", "198.51.100.1", "::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::/0", "2001:db8::1", "203.0.113.7"),
            ("::1", "::1", "::2"),
        ] {
            assert!(network(text).contains(inside.parse().unwrap()), "{text} {inside}");
            assert!(!network(text).contains(outside.parse().unwrap()), "{text} {outside}");
        }
        assert_eq!(network("203.0.113.7").to_string(), "203.0.113.7/32");
        assert!(network("203.0.0.0/16").covers(&network("203.0.113.0/24")));
        assert!(!network("203.0.113.0/24").covers(&network("203.0.0.0/16")));
        assert!(!network("::/0").covers(&network("203.0.113.0/24")));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "203.0.113",
            "203.0.113.0/33",
            "203.0.113.7/24",
            "203.0.113.0/+24",
            "::1/129",
            "shop.example",
            "::ffff:1.2.3.4",
            "/8",
        ] {
            assert_eq!(text.parse::<Network>(), Err(InvalidNetwork), "{text:?}");
        }
    }
}
