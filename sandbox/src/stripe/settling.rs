//! What happens by itself: debits settle, authorizations expire, refunds end, disputes come and go.

use super::charging::{self, Attempt};
use super::money_objects::DisputeStatus;
use super::objects::{Intent, IntentStatus, referred};
use super::store::{Change, Due, Store, StripeChange};
use super::test_cards::{self, Behaviour, Settlement};
use super::{disputes, payment_intents, refunds};
use crate::clock::Moment;
use crate::engine::Setting;
use crate::engine::settling::{Ending, Selection};

/// Why a payment is canceled whose authorization nobody captured in time.
pub(crate) const EXPIRED: &str = "expired";

/// The changes that are due at this moment, for the object for which they have been due longest.
pub(crate) fn next_due(store: &Store, setting: &Setting<'_>) -> Option<Vec<Change>> {
    let now = setting.now;
    let due = store.first_due(now.0)?;
    let changes = match due {
        Due::Intent(place) => match store.intents.at(place) {
            intent if intent.status == IntentStatus::RequiresCapture => Some(expire(store, intent, now)),
            intent => settle(store, intent, Ending::ByToken, setting),
        },
        Due::Charge(place) => disputes::open(store, store.charges.at(place), now),
        Due::Refund(place) => refunds::settle(store, store.refunds.at(place), Ending::ByToken, now),
        Due::Dispute(place) => {
            let dispute = store.disputes.at(place);
            let won = dispute.verdict.is_some_and(|(verdict, _)| verdict == DisputeStatus::Won);
            disputes::end(store, dispute, won, now)
        }
    };
    // Nothing left to happen: take it off the list, or it would be due for ever.
    Some(changes.unwrap_or_else(|| vec![Change::Own(no_longer_due(store, due))]))
}

fn no_longer_due(store: &Store, due: Due) -> StripeChange {
    match due {
        Due::Intent(place) => {
            let intent = store.intents.at(place).clone();
            StripeChange::Intent(Box::new(Intent { due_ms: None, ..intent }))
        }
        Due::Charge(place) => {
            let mut charge = store.charges.at(place).clone();
            charge.dispute_due_ms = None;
            StripeChange::Charge(Box::new(charge))
        }
        Due::Refund(place) => {
            let mut refund = store.refunds.at(place).clone();
            refund.due_ms = None;
            StripeChange::Refund(Box::new(refund))
        }
        Due::Dispute(place) => {
            let mut dispute = store.disputes.at(place).clone();
            dispute.verdict = None;
            StripeChange::Dispute(Box::new(dispute))
        }
    }
}

/// The debits and refunds that a test wants to end.
pub(crate) fn selected(store: &Store, selection: &Selection) -> Vec<Due> {
    if selection.all {
        let intents = (0..store.intents.len()).map(Due::Intent);
        return intents.chain((0..store.refunds.len()).map(Due::Refund)).collect();
    }
    let reference = selection.reference.as_deref().map(referred);
    let by_id = selection.payment_intent.as_deref().and_then(|id| store.intents.place(id));
    let by_reference = reference.iter().flat_map(|group| store.intents.places_of(group)).copied();
    let intents: Vec<usize> = by_id.into_iter().chain(by_reference).collect();
    let of_intents = intents.iter().flat_map(|&place| store.refunds.places_of(&store.intents.at(place).id));
    let of_reference = reference.iter().flat_map(|group| store.refunds.places_of(group));
    let refunds: Vec<Due> = of_intents.chain(of_reference).map(|&place| Due::Refund(place)).collect();
    intents.into_iter().map(Due::Intent).chain(refunds).collect()
}

/// Ends one of them, unless it is final.
pub(crate) fn end(store: &Store, wanted: Due, ending: Ending, setting: &Setting<'_>) -> Option<Vec<Change>> {
    match wanted {
        Due::Intent(place) => settle(store, store.intents.at(place), ending, setting),
        Due::Refund(place) => refunds::settle(store, store.refunds.at(place), ending, setting.now),
        Due::Charge(_) | Due::Dispute(_) => None,
    }
}

/// Ends a debit that is processing; anything else is left alone.
fn settle(store: &Store, intent: &Intent, ending: Ending, setting: &Setting<'_>) -> Option<Vec<Change>> {
    if intent.status != IntentStatus::Processing {
        return None;
    }
    let method = store.method(intent.payment_method.as_deref()?)?;
    let charge = store.charges.get(intent.latest_charge.as_deref()?)?;
    let returned = ("debit_not_authorized", "The debit was returned by the customer's bank.");
    let failure = match (ending, test_cards::of(method).behaviour) {
        (Ending::Succeeded, _) => None,
        (Ending::Failed | Ending::ByToken, Behaviour::Settles(Settlement::Fails(code, message))) => {
            Some((code, message))
        }
        (Ending::Failed, _) => Some(returned),
        (Ending::ByToken, Behaviour::Settles(Settlement::Succeeds)) => None,
        (Ending::ByToken | Ending::Canceled | Ending::RequiresAction, _) => return None,
    };
    let settled: Attempt =
        charging::finish_debit(intent.clone(), method.clone(), charge.clone(), failure, setting);
    Some(settled.into_changes())
}

fn expire(store: &Store, intent: &Intent, now: Moment) -> Vec<Change> {
    let (intent, released) = payment_intents::canceled(store, intent.clone(), Some(EXPIRED), now);
    let intent = Change::Own(StripeChange::Intent(Box::new(intent)));
    released.into_iter().chain([intent]).collect()
}
