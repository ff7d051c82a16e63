//! What happens by itself: captures and refunds that were pending end, authorizations expire.

use super::authorizations;
use super::charging;
use super::disputes;
use super::objects::{AuthorizationStatus, Capture, CaptureStatus, Object, Refund, RefundStatus};
use super::refunds;
use super::store::{Change, PayPalChange, Store};
use super::vault::{self, Charging, Refunding};
use crate::books;
use crate::clock::Moment;
use crate::engine::Setting;
use crate::engine::settling::{Ending, Selection};

/// The changes that are due at this moment, for the object for which they have been due longest.
pub(crate) fn next_due(store: &Store, setting: &Setting<'_>) -> Option<Vec<Change>> {
    let now = setting.now;
    let (due_ms, object) = store.due().next()?;
    if due_ms > now.0 {
        return None;
    }
    if let Object::Authorization(id) = object {
        return Some(authorizations::voided(store.authorization(id)?.clone(), now, true));
    }
    match object {
        Object::Dispute(id) => Some(disputes::asked_for_answer(store.dispute(id)?.clone(), now)),
        Object::Capture(id) if store.capture(id)?.status == CaptureStatus::Completed => {
            Some(disputed(store.capture(id)?, setting))
        }
        _ => settle(store, object, Ending::ByToken, now),
    }
}

/// The payer's bank takes the money back. Without anything left to take, nothing happens any more.
fn disputed(capture: &Capture, setting: &Setting<'_>) -> Vec<Change> {
    disputes::open(capture, setting).unwrap_or_else(|| {
        let mut capture = capture.clone();
        capture.due_ms = None;
        vec![PayPalChange::Capture(Box::new(capture)).into()]
    })
}

/// The pending captures and refunds that are meant.
pub(crate) fn selected(store: &Store, selection: &Selection) -> Vec<Object> {
    let reference = selection.reference.as_deref();
    let is_wanted = |object: &&Object| {
        let own = match object {
            Object::Capture(_) => None,
            Object::Refund(id) => store.refund(id).and_then(Refund::reference),
            _ => return false,
        };
        let of_order = store.order_of(object).and_then(|order| order.unit.custom_id.as_deref());
        selection.all || reference.is_some_and(|wanted| own == Some(wanted) || of_order == Some(wanted))
    };
    store.due().map(|(_, object)| object).filter(is_wanted).cloned().collect()
}

/// Ends a capture or refund that is pending; anything else is left alone.
pub(crate) fn settle(store: &Store, object: &Object, ending: Ending, now: Moment) -> Option<Vec<Change>> {
    match object {
        Object::Capture(id) => settle_capture(store, store.capture(id)?, ending, now),
        Object::Refund(id) => {
            let refund = store.refund(id).filter(|refund| refund.status == RefundStatus::Pending)?;
            let capture = store.capture(&refund.capture)?;
            let token = capture.instrument.as_deref().unwrap_or_default();
            let status = match ending {
                Ending::ByToken if vault::refunding(token) == (Refunding::Pends { fails: true }) => {
                    RefundStatus::Failed
                }
                Ending::ByToken | Ending::Succeeded => RefundStatus::Completed,
                Ending::Failed => RefundStatus::Failed,
                Ending::Canceled => RefundStatus::Cancelled,
                Ending::RequiresAction => return None,
            };
            Some(refunds::ended(refund.clone(), capture.clone(), status, now))
        }
        Object::Order(_) | Object::Authorization(_) | Object::Dispute(_) => None,
    }
}

fn settle_capture(store: &Store, capture: &Capture, ending: Ending, now: Moment) -> Option<Vec<Change>> {
    if capture.status != CaptureStatus::Pending {
        return None;
    }
    let token = capture.instrument.as_deref().unwrap_or_default();
    let declines = match ending {
        Ending::ByToken => vault::charging(token) == Charging::Pends { declines: true },
        Ending::Succeeded => false,
        Ending::Failed => true,
        Ending::Canceled | Ending::RequiresAction => return None,
    };
    let mut capture = capture.clone();
    capture.status = if declines { CaptureStatus::Declined } else { CaptureStatus::Completed };
    capture.due_ms = None;
    capture.updated_ms = now.0;
    let released = declines.then(|| released(store, &capture)).flatten();
    Some(released.into_iter().chain(charging::capture_changes(capture)).collect())
}

/// A denied capture that had used its authorization up leaves nothing reserved.
fn released(store: &Store, capture: &Capture) -> Option<Change> {
    let authorization = store.authorization(capture.authorization.as_deref()?)?;
    let used_up =
        authorization.status == AuthorizationStatus::Captured && capture.movement == authorization.id;
    used_up.then(|| Change::Books(charging::reservation(authorization, books::Status::Released)))
}
