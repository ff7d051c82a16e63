//! Looks at what a gateway has told by itself: whether it was the gateway, and what it is about. What an
//! event claims is never believed; it only makes us ask.

use std::sync::Arc;

use common::{
    batch::BatchError,
    db,
    gateway::{About, ChargeOutcome, Found, Gateway, InDoubt, LookUp, RefundsAsked, Verdict},
    gateway_event::{EventCheck, Findings, GatewayEvent, News, store},
    job::{Claim, Kind},
    payment::{Payment, duplicate, state::is_another, store::find_any},
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    bulkhead::Bulkhead,
    context::Context,
    job::{Job, Recorded, Subjects},
};

/// Works an event off.
pub struct HandleEvent;

impl Job for HandleEvent {
    const KIND: Kind = Kind::HandleEvent;
    const BULKHEAD: Bulkhead = Bulkhead::Events;
    type Subject = Box<GatewayEvent>;
    type Finding = Findings;

    async fn begin(db: &mut PgConnection, ids: &[Uuid]) -> db::Result<Subjects<Box<GatewayEvent>>> {
        begin(db, ids).await
    }

    async fn run(context: &Context, claim: &Claim, event: Box<GatewayEvent>) -> Findings {
        work_off(context, claim, event).await
    }

    async fn record(context: &Context, findings: &Findings) -> Result<Recorded, BatchError> {
        settle(context, findings).await
    }

    /// Nobody waits for an event: the gateway sends it again, and what it is about is looked up by others.
    async fn bury(_db: &mut PgConnection, _claim: &Claim) -> db::Result<()> {
        Ok(())
    }
}

/// Events in hand.
pub async fn begin(db: &mut PgConnection, ids: &[Uuid]) -> db::Result<Subjects<Box<GatewayEvent>>> {
    let events = store::begin(db, ids).await?.into_iter();
    Ok(events.map(|event| (event.id.0, Box::new(event))).collect())
}

/// What is learnt of one.
pub async fn work_off(context: &Context, claim: &Claim, event: Box<GatewayEvent>) -> Findings {
    let check = look_into(context, &event).await;
    Findings { claim: claim.clone(), event: *event, check }
}

/// Records what was learnt of one, with a connection of the few that events have.
pub async fn settle(context: &Context, findings: &Findings) -> Result<Recorded, BatchError> {
    let _turn = context.batches.events.acquire().await;
    let alarm = store::settle(&context.pool, findings).await.map_err(Arc::new)?;
    count(findings);
    Ok(Recorded { changed: false, alarm })
}

fn count(findings: &Findings) {
    let outcome = match findings.check {
        EventCheck::Forged => "forged",
        EventCheck::Genuine(_) => "genuine",
        EventCheck::Unknown(_) => "unknown",
    };
    metrics::counter!("gateway_events_total",
        "gateway" => findings.event.gateway.as_str(), "outcome" => outcome)
    .increment(1);
}

/// Asks the gateway whether the event is its own, and for what it names, if that is not ours to look up by itself: a
/// dispute, a second charge, or a refund that somebody else has made.
async fn look_into(context: &Context, event: &GatewayEvent) -> EventCheck {
    let gateway = context.gateways.get(event.gateway, event.sender.map(|sender| sender.account)).await;
    let gateway = &*gateway;
    if let Some(received) = &event.unverified {
        match gateway.verify_event(received).await {
            Verdict::Genuine => {}
            Verdict::Forged => return EventCheck::Forged,
            Verdict::Unknown(why) => return EventCheck::Unknown(why),
        }
    }
    let news = match &event.about {
        About::Dispute { dispute_ref } => find_dispute(gateway, dispute_ref).await,
        About::Payment { reference, gateway_ref: Some(named), refunded } => {
            match find_another_charge(context, gateway, event, (reference, named)).await {
                Ok(News::Hint) if refunded.is_some() => {
                    find_refunds(gateway, RefundsAsked::OfPayment(named)).await
                }
                found => found,
            }
        }
        About::GatewayRefund { refund_ref } => find_refunds(gateway, RefundsAsked::Named(refund_ref)).await,
        About::Payment { gateway_ref: None, .. } | About::Refund { .. } | About::Nothing => Ok(News::Hint),
    };
    news.map_or_else(EventCheck::Unknown, EventCheck::Genuine)
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
    adapter: &dyn Gateway,
    event: &GatewayEvent,
    (reference, named): (&str, &str),
) -> Result<News, String> {
    let gateway = event.gateway;
    let Ok(id) = reference.parse() else { return Ok(News::Hint) };
    let payment = find_any(&context.pool, id).await.map_err(|error| error.to_string())?;
    let is_theirs = |merchant| event.sender.is_none_or(|sender| sender.merchant == merchant);
    let is_beside = |payment: &Payment| payment.is_beside(gateway, named) && is_theirs(payment.merchant_id);
    let Some(payment) = payment.filter(is_beside) else {
        return Ok(News::Hint);
    };
    let question = LookUp { gateway_ref: Some(named.into()), ..payment.look_up(None) };
    match adapter.look_up(&question).await.report {
        Ok(ChargeOutcome::Succeeded(charge))
            if payment.route.gateway != gateway || is_another(&payment, &charge) =>
        {
            Ok(News::Duplicate(Box::new(duplicate::Found::of(&payment, gateway, charge))))
        }
        Err(InDoubt::Unknown { why, .. } | InDoubt::NotSent { why, .. } | InDoubt::Deferred { why, .. }) => {
            Err(why)
        }
        Ok(_) | Err(InDoubt::Refused { .. } | InDoubt::NotFound) => Ok(News::Hint),
    }
}
