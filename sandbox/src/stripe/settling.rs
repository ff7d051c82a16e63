//! What happens by itself: debits settle, authorizations expire.

use super::charging::{self, Attempt};
use super::objects::{Intent, IntentStatus};
use super::payment_intents;
use super::render;
use super::store::{Change as StripeChange, Store};
use super::test_cards::{Behaviour, Settlement};
use crate::clock::Moment;
use crate::state::Change;

/// How a debit is made to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// As its token says; one that never settles stays as it is.
    ByToken,
    /// The bank pays.
    Succeeded,
    /// The bank refuses.
    Failed,
}

/// The changes that are due at this moment, for the intent for which they have been due longest.
pub(crate) fn next_due(store: &Store, now: Moment) -> Option<Vec<Change>> {
    let intent = store.due_until(now.0).next()?;
    if intent.status == IntentStatus::RequiresCapture {
        return Some(expire(store, intent, now));
    }
    Some(settle(store, intent, Ending::ByToken).unwrap_or_else(|| {
        // Nothing left to happen: take it off the list, or it would be due for ever.
        let mut intent = intent.clone();
        intent.due_ms = None;
        vec![Change::Stripe(StripeChange::Intent(Box::new(intent)))]
    }))
}

/// Ends a debit that is processing; anything else is left alone.
pub(crate) fn settle(store: &Store, intent: &Intent, ending: Ending) -> Option<Vec<Change>> {
    if intent.status != IntentStatus::Processing {
        return None;
    }
    let method = store.method(intent.payment_method.as_deref()?)?;
    let charge = store.charge(intent.latest_charge.as_deref()?)?;
    let returned = ("debit_not_authorized", "The debit was returned by the customer's bank.");
    let failure = match (ending, render::test_method(method).behaviour) {
        (Ending::Succeeded, _) => None,
        (Ending::Failed | Ending::ByToken, Behaviour::Settles(Settlement::Fails(code, message))) => {
            Some((code, message))
        }
        (Ending::Failed, _) => Some(returned),
        (Ending::ByToken, Behaviour::Settles(Settlement::Succeeds)) => None,
        (Ending::ByToken, _) => return None,
    };
    let settled: Attempt = charging::finish_debit(intent.clone(), method.clone(), charge.clone(), failure);
    Some(settled.into_changes())
}

fn expire(store: &Store, intent: &Intent, now: Moment) -> Vec<Change> {
    let (intent, released) = payment_intents::canceled(store, intent.clone(), Some("automatic"), now);
    let intent = Change::Stripe(StripeChange::Intent(Box::new(intent)));
    released.map(Change::Books).into_iter().chain([intent]).collect()
}
