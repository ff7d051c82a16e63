//! Which gateway takes which method: by configuration, `card=stripe,paypal=paypal`.

use std::{collections::HashMap, str::FromStr};

use common::{
    gateway::{GatewayName, MethodType},
    name::UnknownName,
};

/// Where each method goes; the usual gateway where nothing is said.
#[derive(Debug, Clone, Default)]
pub struct GatewayRouting(HashMap<MethodType, GatewayName>);

/// Why it cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRouting {
    /// Not `method=gateway`.
    #[error("{0:?} is not of the form method=gateway")]
    NotAPair(String),
    /// No such method, or no such gateway.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// The gateway cannot take that method.
    #[error("{1} cannot take {0}")]
    Impossible(MethodType, GatewayName),
}

impl GatewayRouting {
    /// The gateway that a payment by this method goes to.
    pub fn gateway(&self, method: MethodType) -> GatewayName {
        self.0.get(&method).copied().unwrap_or_else(|| GatewayName::for_method(method))
    }
}

impl FromStr for GatewayRouting {
    type Err = InvalidRouting;

    fn from_str(text: &str) -> Result<Self, InvalidRouting> {
        let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
        let routing = pairs.map(|pair| {
            let (method, gateway) =
                pair.split_once('=').ok_or_else(|| InvalidRouting::NotAPair(pair.to_owned()))?;
            let (method, gateway): (MethodType, GatewayName) =
                (method.trim().parse()?, gateway.trim().parse()?);
            if !gateway.takes(method) {
                return Err(InvalidRouting::Impossible(method, gateway));
            }
            Ok((method, gateway))
        });
        routing.collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_goes_before_what_is_usual() {
        let routing: GatewayRouting = "card = stripe, paypal=paypal,".parse().unwrap();
        assert_eq!(routing.gateway(MethodType::Card), GatewayName::Stripe);
        assert_eq!(routing.gateway(MethodType::Paypal), GatewayName::Paypal);
        assert_eq!(GatewayRouting::default().gateway(MethodType::BankDebit), GatewayName::Stripe);
    }

    #[test]
    fn what_cannot_be_is_refused_with_a_sentence() {
        for (text, sentence) in [
            ("card", "\"card\" is not of the form method=gateway"),
            ("paypal=stripe", "stripe cannot take paypal"),
            ("card=bank", "must be one of stripe, paypal, not \"bank\""),
        ] {
            assert_eq!(text.parse::<GatewayRouting>().unwrap_err().to_string(), sentence);
        }
    }
}
