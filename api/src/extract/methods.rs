//! Who pays, and how: by a gateway's token, never by a card number.

use common::{
    customer::MethodChoice,
    gateway::{GatewayName, MethodType},
    id::PaymentMethodId,
    payment,
};

use super::{
    addresses::Email,
    declare::body,
    part::{Pointer, Reader, is_given},
    texts::Text,
};

body! {
    /// Who pays, as you know them.
    pub struct Payer {
        /// Your own name for them.
        id: Option<Text<100>>,
        /// Where to write to.
        email: Option<Email>,
        /// What they are called.
        #[example = "Ada Lovelace"]
        name: Option<Text<200>>,
    }
    read(at, reader) -> payment::Payer {
        Some(payment::Payer { id: id?, email: email?, name: name? })
    }
}

body! {
    /// How the payer pays. Never a card number: the token that the gateway's own form gave you.
    #[example({ "type": "card", "token": "pm_card_visa" })]
    pub struct PaymentMethod {
        /// What it is.
        r#type: MethodType,
        /// The gateway's token. With `paypal` it may be left out: the payer then approves on PayPal's page.
        #[example = "pm_card_visa"]
        token: Option<Text<255>>,
    }
    read(at, reader) -> (MethodType, Option<String>) {
        // A payer of PayPal's may choose there.
        if matches!(token, Some(None)) && r#type != Some(MethodType::Paypal) {
            return reader.fault(at.field("token"), "is required");
        }
        let token = match token? {
            Some(token) => Some(checked(r#type, token, at.field("token"), reader)?),
            None => None,
        };
        Some((r#type?, token))
    }
}

body! {
    /// Never a card number: the token that the gateway's own form gave you.
    #[example({ "type": "card", "token": "pm_card_visa" })]
    pub struct MethodToken {
        /// What it is.
        r#type: MethodType,
        /// The gateway's token.
        #[example = "pm_card_visa"]
        token: Text<255>,
    }
    read(at, reader) -> (MethodType, String) {
        let token = checked(r#type, token?, at.field("token"), reader)?;
        Some((r#type?, token))
    }
}

body! {
    /// How a subscription is paid: by a method that the customer has, which is named by its `id`; or by `type` and
    /// `token`, which the customer has from then on. Never a card number: the token that the gateway's own form gave
    /// you.
    #[example({ "id": "pym_0193a3f1c2d87b51a9f0c4d2e8b7a601" })]
    pub struct BillingMethod {
        /// A payment method of the customer.
        id: Option<PaymentMethodId>,
        /// What it is.
        #[example = "card"]
        r#type: Option<MethodType>,
        /// The gateway's token.
        #[example = "pm_card_visa"]
        token: Option<Text<255>>,
    }
    read(at, reader) -> MethodChoice {
        if is_given(id.as_ref()) {
            if is_given(r#type.as_ref()) || is_given(token.as_ref()) {
                return reader.fault(at.field("id"), "cannot be used together with type and token");
            }
            return id?.map(MethodChoice::Kept);
        }
        for (name, is_missing) in [("type", matches!(r#type, Some(None))), ("token", matches!(token, Some(None)))] {
            if is_missing {
                reader.fault::<()>(at.field(name), "is required");
            }
        }
        let token = checked(r#type.flatten(), token??, at.field("token"), reader)?;
        Some(MethodChoice::Token(r#type??, token))
    }
}

/// A gateway's name for a method of that type, as that gateway writes it.
fn checked(
    method: Option<MethodType>,
    token: String,
    at: Pointer<'_>,
    reader: &mut Reader<'_>,
) -> Option<String> {
    let found = match method.map(GatewayName::for_method) {
        Some(gateway) => gateway.check_token(&token),
        // The type is a fault by itself; what is no gateway's token is another.
        None if GatewayName::ALL.iter().all(|gateway| gateway.check_token(&token).is_err()) => {
            Err("must be a gateway's token, such as \"pm_card_visa\"")
        }
        None => Ok(()),
    };
    reader.take(at, found.map(|()| token).map_err(str::to_owned))
}
