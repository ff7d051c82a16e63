//! Looks at what a gateway has told by itself: whether it was the gateway, and what it is about. What an
//! event claims is never believed; it only makes us ask.

use common::{
    gateway::{About, Found, Verdict},
    receipt::{Learnt, Receipt},
};

use crate::Context;

/// Asks the gateway whether the event is its own, and for the dispute that it names, if it names one.
pub async fn run(context: &Context, receipt: &Receipt) -> Learnt {
    let gateway = context.gateways.get(receipt.gateway);
    if let Some(received) = &receipt.unverified {
        match gateway.verify_event(received).await {
            Verdict::Genuine => {}
            Verdict::Forged => return Learnt::Forged,
            Verdict::Unknown(why) => return Learnt::Unknown(why),
        }
    }
    let About::Dispute { dispute_ref } = &receipt.about else { return Learnt::Genuine(None) };
    match gateway.find_dispute(dispute_ref).await {
        Found::One(dispute) => Learnt::Genuine(Some(dispute)),
        Found::None => Learnt::Genuine(None),
        Found::Unknown(why) => Learnt::Unknown(why),
    }
}
