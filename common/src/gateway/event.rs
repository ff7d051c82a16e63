//! What a gateway tells by itself. An event is never believed: it is a hint that something should be
//! looked up. What it says of itself is read from a body whose signature was verified first.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money::Money;

use super::{ChargeOutcome, GatewayRef, Report};

/// An event as it came in, kept until it is worked off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The headers that its signature needs, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

/// What could be said about an event's signature on arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// Made by the gateway.
    Genuine,
    /// Made by somebody else, too old, or missing.
    Forged,
    /// Only the gateway can tell: see [`super::Gateway::verify_event`].
    AskGateway,
}

/// The longest name that is taken from an event.
const NAME_MAX: usize = 255;

/// A name from an event that can be stored and looked for: printable, and not too long. Events come from anybody.
pub(super) fn name(text: &str) -> Option<String> {
    let fits = !text.is_empty() && text.len() <= NAME_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| text.to_owned())
}

/// What the gateway says about an event's signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Its own.
    Genuine,
    /// Not its own.
    Forged,
    /// It could not be asked: why.
    Unknown(String),
}

/// An event, as far as it interests us: what should be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The gateway's id of the event: the same event may come several times.
    pub id: String,
    /// The gateway's word for what happened.
    pub kind: String,
    /// What should be looked at.
    pub about: About,
}

impl Event {
    /// The same, if all that it says is names. Anybody may have written it, and it goes to the database.
    ///
    /// Fails with a sentence for operators.
    pub fn of_names(self) -> Result<Self, String> {
        let about: [Option<&str>; 2] = match &self.about {
            About::Payment { reference, gateway_ref, .. } => [Some(reference), gateway_ref.as_deref()],
            About::Refund { reference } => [Some(reference), None],
            About::GatewayRefund { refund_ref } => [Some(refund_ref), None],
            About::Dispute { dispute_ref } => [Some(dispute_ref), None],
            About::Nothing => [None, None],
        };
        let texts = [Some(&*self.id), Some(&*self.kind)].into_iter().chain(about).flatten();
        let are_names = texts.map(name).all(|name| name.is_some());
        if are_names { Ok(self) } else { Err("an event with a name that is none".into()) }
    }
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// A payment of ours.
    Payment {
        /// Our name for it.
        reference: String,
        /// The gateway's name for it, where the event tells.
        gateway_ref: Option<GatewayRef>,
        /// How much of it was given back so far, in major units, where that is what has happened.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refunded: Option<Decimal>,
    },
    /// A refund of ours.
    Refund {
        /// Our name for it.
        reference: String,
    },
    /// A refund without our name: somebody has made it at the gateway.
    GatewayRefund {
        /// The gateway's name for it.
        refund_ref: GatewayRef,
    },
    /// A payer's bank takes money back, or gives it again.
    Dispute {
        /// The gateway's name for the dispute.
        dispute_ref: String,
    },
    /// Nothing of ours.
    Nothing,
}

/// A payer's objection, as the gateway knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// The gateway's name for it.
    pub dispute_ref: String,
    /// Our name for the payment, where the gateway tells.
    pub reference: Option<String>,
    /// How much is disputed.
    pub money: Money,
    /// What the gateway charges for it.
    pub fee: Option<Money>,
    /// The gateway's word for why.
    pub reason: Option<String>,
    /// Where it stands.
    pub status: DisputeStatus,
    /// Whether the money was taken back from us, at least for a time.
    pub funds_withdrawn: bool,
}

/// Where a dispute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DisputeStatus {
    /// Not decided yet.
    Open,
    /// For the merchant: the money is back.
    Won,
    /// For the payer: the money is gone.
    Lost,
}

crate::name::names!(DisputeStatus, Open => "open", Won => "won", Lost => "lost");

/// The answer to a question about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<T> {
    /// There it is.
    One(T),
    /// The gateway knows no such thing.
    None,
    /// The gateway could not be asked: why.
    Unknown(String),
}

/// One line of a gateway's settlement report, for reconciling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A payment as the gateway knows it, whatever became of it.
    Payment {
        /// Our name for it, where it has one.
        reference: Option<String>,
        /// The gateway's name for it.
        gateway_ref: GatewayRef,
        /// What became of it.
        report: Report<ChargeOutcome>,
    },
    /// Money that moved.
    Movement {
        /// Our name for the payment, refund, or disputed payment, where it has one.
        reference: Option<String>,
        /// The gateway's name for what moved it (charge, capture, refund, dispute).
        gateway_ref: String,
        /// In which way.
        movement: Movement,
        /// How much; always positive.
        money: Money,
        /// The fee that went with it, signed: positive is taken from us.
        fee: Option<Money>,
    },
}

/// In which way money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Movement {
    /// From the payer to the merchant.
    Charge,
    /// Back to the payer.
    Refund,
    /// A refund that came back to the merchant.
    RefundReversal,
    /// Taken back by the payer's bank.
    Dispute,
    /// Given again by the payer's bank.
    DisputeReversal,
    /// Something that is none of these (a payout, a fee by itself).
    Other,
}

crate::name::names!(
    Movement,
    Charge => "charge", Refund => "refund", RefundReversal => "refund_reversal", Dispute => "dispute",
    DisputeReversal => "dispute_reversal", Other => "other",
);

/// A part of a gateway's settlement report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementReport {
    /// Its lines.
    pub lines: Vec<Line>,
    /// Where the next part begins; `None` after the last.
    pub next: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What no database can hold, or nobody should keep.
    #[test]
    fn an_event_holds_names_and_nothing_else() {
        let of =
            |id: &str, kind: &str, about: About| Event { id: id.into(), kind: kind.into(), about }.of_names();
        let payment = |reference: &str, gateway_ref: &str| About::Payment {
            reference: reference.into(),
            gateway_ref: Some(gateway_ref.into()),
            refunded: None,
        };
        assert!(of("WH-1", "X", payment("pay_1", "o")).is_ok() && of("WH-1", "X", About::Nothing).is_ok());
        let long = "x".repeat(NAME_MAX + 1);
        for odd in ["", "pay_\u{0}", "pay_\n", "pay_ 1", "pay_é", &long] {
            assert!(of(odd, "X", About::Nothing).is_err(), "{odd:?}");
            assert!(of("WH-1", odd, About::Nothing).is_err(), "{odd:?}");
            for about in [
                payment(odd, "o"),
                payment("pay_1", odd),
                About::Refund { reference: odd.into() },
                About::GatewayRefund { refund_ref: odd.into() },
                About::Dispute { dispute_ref: odd.into() },
            ] {
                assert!(of("WH-1", "X", about.clone()).is_err(), "{about:?}");
            }
        }
    }
}
