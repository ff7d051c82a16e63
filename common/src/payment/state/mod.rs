//! The rules of a payment: what a gateway's report changes. Pure, and the only place where a status is
//! decided. A worker's answer, a replay after a crash, a gateway's event and the reconciler all come
//! through [`apply`]; what a merchant asks for besides comes through [`capture`] and [`cancel`].
//!
//! - A fact (money moved, a definite no) is believed whenever it comes.
//! - `succeeded` is never left.
//! - An unknown outcome is found out or shown to a person ([`crate::gateway::doubt`]). It never becomes
//!   `failed`.

mod command;
mod finish;

use std::time::Duration;

use rust_decimal::Decimal;

use crate::{
    alarm::Alarm,
    clock::Timestamp,
    gateway::{
        Capture, Card, Charge, ChargeOutcome, ChargeRef, Decline, DeclineClass, GatewayRef, InDoubt,
        Obstacle, Report,
        doubt::{AssessmentContext, SLOW_OUTCOME_POLL, SLOW_OUTCOME_WINDOW, assess},
        report::Worded as _,
    },
    job::{
        Kind,
        work::{self, Work},
    },
};

use super::{Failure, Payment, Stage, Status};

pub use command::{Decision, Refusal, cancel, capture};

/// How long a payer may take to act.
pub const ACTION_WINDOW: Duration = Duration::from_secs(7 * 24 * 3600);

/// The context of a report.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// Now, by the database's clock.
    pub now: Timestamp,
    /// The job that brought the report.
    pub kind: Kind,
}

/// What a report changes.
pub type Change = work::Change<Outcome>;

/// A status, and what must be known with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The outcome is still being found out.
    Processing,
    /// The payer has approved: a new stage completes the charge.
    Approved,
    /// It goes on at its other gateway, in a new stage.
    Rerouted,
    /// The payer must go there.
    RequiresAction {
        /// Where to.
        url: Option<String>,
    },
    /// The payer has not acted: a new stage calls it off at the gateway.
    CalledOff,
    /// Money is reserved.
    Authorized {
        /// The gateway's name for the reservation.
        charge_ref: Option<ChargeRef>,
        /// What may be kept of the card.
        card: Option<Card>,
        /// Why a capture or a cancellation of it did not happen.
        failure: Option<Failure>,
    },
    /// Money has moved.
    Succeeded {
        /// How much.
        captured: Decimal,
        /// The gateway's name for the movement.
        charge_ref: Option<ChargeRef>,
        /// What may be kept of the card.
        card: Option<Card>,
    },
    /// It will not happen.
    Failed(Failure),
    /// Called off.
    Canceled,
    /// A person must look.
    NeedsReview {
        /// At what.
        reason: String,
    },
}

/// Decides what `report` changes.
#[must_use]
pub fn apply(payment: &Payment, report: &Report<ChargeOutcome>, context: Context) -> Change {
    match (payment.status, report) {
        (Status::Succeeded, Ok(ChargeOutcome::Succeeded(charge))) if is_another(payment, charge) => {
            Change::beside(charge)
        }
        (Status::Succeeded, _) => Change::nothing_left(),
        (_, Ok(ChargeOutcome::Succeeded(charge))) => succeeded(payment, charge),
        // A capture or a cancellation under way: what was reserved before is no news.
        (Status::Processing | Status::NeedsReview, _) if payment.stage.is_finish() => {
            finish::apply(payment, report, context)
        }
        (_, Ok(ChargeOutcome::Authorized(charge))) => authorized(payment, charge),
        // From here on nothing has moved: an end that we have told stands.
        (Status::Failed | Status::Canceled, _) => Change::nothing_left(),
        (_, Ok(ChargeOutcome::Canceled { gateway_ref })) => canceled(gateway_ref),
        (Status::Authorized, _) => Change::nothing_left(),
        (Status::Processing, _) if falls_back(payment, report, context) => rerouted(report),
        (_, Ok(ChargeOutcome::Declined(decline))) => declined(decline),
        // A person has it: only a definite answer takes it back.
        (Status::NeedsReview, _) => Change::nothing_left(),
        (_, Ok(ChargeOutcome::Approved { gateway_ref })) => approved(gateway_ref),
        (_, Ok(ChargeOutcome::Processing { gateway_ref })) => slow(payment, gateway_ref, context),
        (_, Ok(ChargeOutcome::RequiresAction { gateway_ref, url })) => {
            payer_acts(payment, url.as_deref(), gateway_ref, context)
        }
        (Status::RequiresAction, Err(InDoubt::NotFound)) if is_forgotten(payment, context) => {
            declined(&payer_did_not_act())
        }
        (Status::Pending | Status::Processing | Status::RequiresAction, Err(doubt)) => {
            in_doubt(payment, doubt, context, |failure| Change::becomes(Outcome::Failed(failure), Work::Done))
        }
    }
}

/// Decides what a fact changes that comes from an earlier hold on the payment: somebody else has taken it in hand
/// since, and it may have gone on. `seen` is the payment as the bringer of the report knew it. What is no fact is
/// lost: whoever has the payment now finds it out.
#[must_use]
pub fn apply_late(
    payment: &Payment,
    seen: &Payment,
    report: &Report<ChargeOutcome>,
    context: Context,
) -> Change {
    match report {
        // It went on at its other gateway because this one had provably taken nothing.
        Ok(ChargeOutcome::Succeeded(charge)) if payment.route.gateway != seen.route.gateway => {
            Change::beside(charge)
        }
        Ok(ChargeOutcome::Succeeded(_)) => {
            // Of an operation before the present one: what was taken is what was asked for then.
            let of_then = Payment { stage: seen.stage, stage_amount: seen.stage_amount, ..payment.clone() };
            apply(&of_then, report, context)
        }
        // It was not taken, but it is held until somebody lets go of it at that gateway.
        Ok(ChargeOutcome::Authorized(_)) if payment.route.gateway != seen.route.gateway => {
            Change { alarm: Some(Alarm::ReservedElsewhere), ..Change::nothing_left() }
        }
        Ok(ChargeOutcome::Authorized(_)) if !payment.stage.is_finish() => apply(payment, report, context),
        // What was reserved is no news to a payment that was taken further since. The others are no facts.
        Ok(
            ChargeOutcome::Authorized(_)
            | ChargeOutcome::Processing { .. }
            | ChargeOutcome::RequiresAction { .. }
            | ChargeOutcome::Approved { .. }
            | ChargeOutcome::Declined(_)
            | ChargeOutcome::Canceled { .. },
        )
        | Err(_) => Change::nothing_left(),
    }
}

/// Whether this is another movement of money than the one that the payment stands for.
#[must_use]
pub fn is_another(payment: &Payment, charge: &Charge) -> bool {
    let is_known_movement = charge.charge_ref.is_some() && charge.charge_ref == payment.charge_ref;
    payment.gateway_ref.as_ref().is_some_and(|known| *known != charge.gateway_ref) && !is_known_movement
}

/// Whether the payment goes on at its other gateway: the first cannot be reached and provably did not get any
/// request of it, or said a soft no and the merchant wants that. Never while an outcome is unknown, and never
/// because of a bound of our own.
fn falls_back(payment: &Payment, report: &Report<ChargeOutcome>, context: Context) -> bool {
    let Some(fallback) = &payment.route.fallback else { return false };
    let is_charge = payment.stage == Stage::Charge && context.kind == Kind::ChargePayment;
    is_charge
        && match report {
            // A gateway that makes us wait will take it; only one that is not there is gone round.
            Err(InDoubt::NotSent { obstacle, .. } | InDoubt::Deferred { obstacle, .. }) => {
                *obstacle == Obstacle::Unreachable && payment.call_log.is_first_that_could_run()
            }
            Ok(ChargeOutcome::Declined(decline)) => {
                fallback.on_soft_decline && decline.class == DeclineClass::Soft
            }
            Ok(
                ChargeOutcome::Succeeded(_)
                | ChargeOutcome::Authorized(_)
                | ChargeOutcome::Processing { .. }
                | ChargeOutcome::RequiresAction { .. }
                | ChargeOutcome::Approved { .. }
                | ChargeOutcome::Canceled { .. },
            )
            | Err(InDoubt::Unknown { .. } | InDoubt::Refused { .. } | InDoubt::NotFound) => false,
        }
}

fn rerouted(report: &Report<ChargeOutcome>) -> Change {
    let work = Work::Snooze { why: format!("the first gateway: {}", report.word()), wait: Duration::ZERO };
    Change::becomes(Outcome::Rerouted, work)
}

fn needs_review(reason: impl Into<String>, alarm: Alarm) -> Change {
    let outcome = Outcome::NeedsReview { reason: reason.into() };
    Change { alarm: Some(alarm), ..Change::becomes(outcome, Work::Done) }
}

fn succeeded(payment: &Payment, charge: &Charge) -> Change {
    let Some(captured) = captured_amount(payment, charge) else {
        return other_amount(payment, asked_amount(payment), charge);
    };
    let outcome =
        Outcome::Succeeded { captured, charge_ref: charge.charge_ref.clone(), card: charge.card.clone() };
    Change {
        alarm: told_otherwise(payment.status).then_some(Alarm::ChargedAfterTheEnd),
        ..Change::becomes(outcome, Work::Done).named(&charge.gateway_ref)
    }
}

/// What we have asked to be taken; `None` where nothing in particular: a reservation that somebody
/// captured elsewhere.
fn asked_amount(payment: &Payment) -> Option<Decimal> {
    match (payment.stage, payment.request.capture) {
        (Stage::Capture, _) => payment.stage_amount,
        (_, Capture::Automatic) => Some(payment.request.money.amount),
        (_, Capture::Manual) => None,
    }
}

/// How much was taken: what we asked for, or, where we asked for nothing in particular, what the gateway
/// states, up to what was reserved. `None`: it states something else.
fn captured_amount(payment: &Payment, charge: &Charge) -> Option<Decimal> {
    let (ordered, asked) = (payment.request.money, asked_amount(payment));
    let Some(stated) = charge.money else { return Some(asked.unwrap_or(ordered.amount)) };
    let is_ours = stated.currency == ordered.currency
        && asked.map_or(stated.amount <= ordered.amount, |asked| stated.amount == asked);
    is_ours.then_some(stated.amount)
}

/// A success over another amount than the one asked for is nobody's to guess at.
fn other_amount(payment: &Payment, asked: Option<Decimal>, charge: &Charge) -> Change {
    let stated = charge.money.map_or_else(String::new, |stated| stated.to_string());
    let asked = crate::money::Money {
        amount: asked.unwrap_or(payment.request.money.amount),
        ..payment.request.money
    };
    Change {
        gateway_ref: Some(charge.gateway_ref.clone()),
        ..needs_review(format!("the gateway states {stated}, we asked for {asked}"), Alarm::OtherAmount)
    }
}

fn authorized(payment: &Payment, charge: &Charge) -> Change {
    if payment.status == Status::Authorized {
        return Change::nothing_left();
    }
    if charge.money.is_some_and(|stated| stated != payment.request.money) {
        return other_amount(payment, None, charge);
    }
    let (charge_ref, card) = (charge.charge_ref.clone(), charge.card.clone());
    Change {
        gateway_ref: Some(charge.gateway_ref.clone()),
        alarm: told_otherwise(payment.status).then_some(Alarm::ReservedAfterTheEnd),
        ..Change::becomes(Outcome::Authorized { charge_ref, card, failure: None }, Work::Done)
    }
}

fn told_otherwise(status: Status) -> bool {
    matches!(status, Status::Failed | Status::Canceled)
}

fn canceled(gateway_ref: &GatewayRef) -> Change {
    Change::becomes(Outcome::Canceled, Work::Done).named(gateway_ref)
}

fn declined(decline: &Decline) -> Change {
    let outcome = Outcome::Failed(failure_of(decline));
    Change { gateway_ref: decline.gateway_ref.clone(), ..Change::becomes(outcome, Work::Done) }
}

fn failure_of(decline: &Decline) -> Failure {
    Failure {
        code: decline.code.clone(),
        message: decline.message.clone(),
        decline_class: Some(decline.class),
    }
}

/// Whether the gateway has given up waiting for the payer. Only a call of ours would have moved money, and
/// none was made.
fn is_forgotten(payment: &Payment, context: Context) -> bool {
    let remembered = payment.route.gateway.guarantees().unapproved_window;
    remembered.is_some_and(|window| !payment.call_log.within(payment.created_at, context.now, window))
}

fn payer_did_not_act() -> Decline {
    Decline {
        class: DeclineClass::Customer,
        code: "payer_did_not_act".into(),
        message: "The payer has not approved the payment in time.".into(),
        gateway_ref: None,
    }
}

fn approved(gateway_ref: &GatewayRef) -> Change {
    let work = Work::Next { kind: Kind::ChargePayment, after: Duration::ZERO };
    Change::becomes(Outcome::Approved, work).named(gateway_ref)
}

/// Money that takes its time: the gateway has it, so it is asked for now and then. What takes longer than anybody's
/// patience is shown to a person; should it still come, it is recorded.
fn slow(payment: &Payment, gateway_ref: &GatewayRef, context: Context) -> Change {
    if !payment.call_log.within(payment.created_at, context.now, SLOW_OUTCOME_WINDOW) {
        let reason = "the gateway has not settled it in a month";
        return needs_review(reason, Alarm::OutcomeOverdue).named(gateway_ref);
    }
    let known = payment.status == Status::Processing && payment.gateway_ref.is_some();
    asked_again((!known).then_some(Outcome::Processing), gateway_ref, context)
}

/// The payer is asked to act, and the gateway whether they have. They are not waited for longer than a week.
fn payer_acts(payment: &Payment, url: Option<&str>, gateway_ref: &GatewayRef, context: Context) -> Change {
    if !payment.call_log.within(payment.created_at, context.now, ACTION_WINDOW) {
        let work = Work::Next { kind: Kind::CancelPayment, after: Duration::ZERO };
        return Change::becomes(Outcome::CalledOff, work).named(gateway_ref);
    }
    let known = payment.status == Status::RequiresAction && payment.next_action_url.as_deref() == url;
    let outcome = Outcome::RequiresAction { url: url.map(str::to_owned) };
    asked_again((!known).then_some(outcome), gateway_ref, context)
}

fn asked_again(to: Option<Outcome>, gateway_ref: &GatewayRef, context: Context) -> Change {
    let work = if context.kind == Kind::ResolvePayment {
        Work::Retry { why: "not settled yet".into(), at_least: SLOW_OUTCOME_POLL }
    } else {
        Work::Next { kind: Kind::ResolvePayment, after: SLOW_OUTCOME_POLL }
    };
    Change { to, ..Change::stays(work) }.named(gateway_ref)
}

/// Nothing is known yet. Where no request of ours can have run, `never_ran` says what that means.
fn in_doubt(
    payment: &Payment,
    doubt: &InDoubt,
    context: Context,
    never_ran: impl FnOnce(Failure) -> Change,
) -> Change {
    let assessed = AssessmentContext {
        call_log: &payment.call_log,
        asked_at: payment.created_at,
        guarantees: payment.route.gateway.guarantees(),
        is_question: context.kind == Kind::ResolvePayment,
        is_known: payment.gateway_ref.is_some(),
        now: context.now,
    };
    let never_ran = |code, message| never_ran(Failure { code, message, decline_class: None });
    Change::recovering(assess(doubt, assessed), Kind::ResolvePayment, never_ran, needs_review)
}

/// Whether a call begun at `now` may be sent.
#[must_use]
pub fn may_send(payment: &Payment, now: Timestamp) -> bool {
    payment.call_log.may_send(payment.created_at, now, payment.route.gateway.guarantees())
}

/// Brings a payment into the state of an outcome.
pub fn enter(payment: &mut Payment, outcome: Outcome, now: Timestamp) {
    payment.failure = None;
    payment.next_action_url = None;
    // Only a review ends here: a reason without one is that of a duplicate, and stays.
    if payment.status == Status::NeedsReview {
        payment.review_reason = None;
    }
    let keep = |new: Option<ChargeRef>, old: &mut Option<ChargeRef>| *old = new.or(old.take());
    payment.status = match outcome {
        Outcome::Processing => Status::Processing,
        Outcome::Approved => {
            begin_stage(payment, Stage::Complete, None);
            Status::Processing
        }
        Outcome::CalledOff => {
            begin_stage(payment, Stage::Cancel, None);
            Status::Processing
        }
        Outcome::Rerouted => {
            if let Some(fallback) = payment.route.fallback.take() {
                payment.route.gateway = fallback.gateway;
                payment.route.method = fallback.method;
                payment.route.token = Some(fallback.token);
            }
            (payment.gateway_ref, payment.charge_ref, payment.card) = (None, None, None);
            begin_stage(payment, Stage::Charge, None);
            Status::Processing
        }
        Outcome::RequiresAction { url } => {
            payment.next_action_url = url;
            // A cancellation that did not happen is over.
            if payment.stage.is_finish() {
                payment.stage = Stage::Charge;
            }
            Status::RequiresAction
        }
        Outcome::Authorized { charge_ref, card, failure } => {
            keep(charge_ref, &mut payment.charge_ref);
            payment.card = card.or(payment.card.take());
            payment.failure = failure;
            Status::Authorized
        }
        Outcome::Succeeded { captured, charge_ref, card } => {
            payment.amount_captured = captured;
            keep(charge_ref, &mut payment.charge_ref);
            payment.card = card.or(payment.card.take());
            Status::Succeeded
        }
        Outcome::Failed(failure) => {
            payment.failure = Some(failure);
            Status::Failed
        }
        Outcome::Canceled => Status::Canceled,
        Outcome::NeedsReview { reason } => {
            payment.review_reason = Some(reason);
            Status::NeedsReview
        }
    };
    payment.settled_at = payment.status.is_final().then_some(now);
}

/// A new operation begins: under a key of its own, with nothing set in motion yet.
fn begin_stage(payment: &mut Payment, stage: Stage, amount: Option<Decimal>) {
    payment.stage = stage;
    payment.stage_number += 1;
    payment.stage_amount = amount;
    payment.call_log = crate::gateway::doubt::CallLog::default();
}

impl Stage {
    /// Whether it ends what an earlier stage has begun.
    #[must_use]
    pub fn is_finish(self) -> bool {
        matches!(self, Self::Capture | Self::Cancel)
    }
}

#[cfg(test)]
pub mod tests;
