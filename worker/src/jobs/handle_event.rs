//! Looks at what a gateway has told by itself: whether it was the gateway, and what it is about. What an
//! event claims is never believed; it only makes us ask.

use common::{
    gateway::{About, ChargeOutcome, Found, Gateway, GatewayName, InDoubt, LookUp, RefundsAsked, Verdict},
    payment::{duplicate, state::is_another, store::find_any},
    receipt::{Learnt, News, Receipt},
};

use crate::context::Context;

/// Asks the gateway whether the event is its own, and for what it names, if that is not ours to look up by itself: a
/// dispute, a second charge, or a refund that somebody else has made.
pub async fn run(context: &Context, receipt: &Receipt) -> Learnt {
    let gateway = context.gateways.get(receipt.gateway);
    if let Some(received) = &receipt.unverified {
        match gateway.verify_event(received).await {
            Verdict::Genuine => {}
            Verdict::Forged => return Learnt::Forged,
            Verdict::Unknown(why) => return Learnt::Unknown(why),
        }
    }
    let news = match &receipt.about {
        About::Dispute { dispute_ref } => find_dispute(gateway, dispute_ref).await,
        About::Payment { reference, gateway_ref: Some(named), refunded } => {
            match find_another_charge(context, receipt.gateway, reference, named).await {
                Ok(News::Hint) if refunded.is_some() => {
                    find_refunds(gateway, RefundsAsked::OfPayment(named)).await
                }
                found => found,
            }
        }
        About::GatewayRefund { refund_ref } => find_refunds(gateway, RefundsAsked::Named(refund_ref)).await,
        About::Payment { gateway_ref: None, .. } | About::Refund { .. } | About::Nothing => Ok(News::Hint),
    };
    news.map_or_else(Learnt::Unknown, Learnt::Genuine)
}

/// What the gateway knows of refunds, whoever made them: in its dashboard, say.
async fn find_refunds(gateway: &dyn Gateway, asked: RefundsAsked<'_>) -> Result<News, String> {
    gateway.find_refunds(asked).await.map(News::Refunds)
}

async fn find_dispute(gateway: &dyn Gateway, dispute_ref: &str) -> Result<News, String> {
    match gateway.find_dispute(dispute_ref).await {
        Found::One(dispute) => Ok(News::Dispute(dispute)),
        Found::None => Ok(News::Hint),
        Found::Unknown(why) => Err(why),
    }
}

/// A payment that has succeeded by another name, or gone on at another gateway: has money moved here as well?
async fn find_another_charge(
    context: &Context,
    gateway: GatewayName,
    reference: &str,
    named: &str,
) -> Result<News, String> {
    let Ok(id) = reference.parse() else { return Ok(News::Hint) };
    let payment = find_any(&context.pool, id).await.map_err(|error| error.to_string())?;
    let Some(payment) = payment.filter(|payment| payment.is_beside(gateway, named)) else {
        return Ok(News::Hint);
    };
    let question = LookUp { gateway_ref: Some(named.into()), ..payment.look_up(None) };
    match context.gateways.get(gateway).look_up(&question).await.report {
        Ok(ChargeOutcome::Succeeded(charge))
            if payment.order.gateway != gateway || is_another(&payment, &charge) =>
        {
            Ok(News::Duplicate(Box::new(duplicate::Found::of(&payment, gateway, charge))))
        }
        Err(InDoubt::Unknown { why, .. } | InDoubt::NotSent { why, .. } | InDoubt::Deferred { why, .. }) => {
            Err(why)
        }
        Ok(_) | Err(InDoubt::Refused { .. } | InDoubt::NotFound) => Ok(News::Hint),
    }
}
