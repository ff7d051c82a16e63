//! `/v1/disputes`: a payer's bank takes the money back, the merchant may answer, the bank decides.

use std::collections::BTreeMap;

use super::balance;
use super::effect::Effect;
use super::errors::StripeError;
use super::expand::{self, Expand, Shelf};
use super::form::Params;
use super::listing;
use super::money_objects::{Dispute, DisputeStatus};
use super::objects::Charge;
use super::render::{self, EVIDENCE};
use super::store::{Change, Store, StripeChange};
use crate::clock::Moment;
use crate::engine::Setting;
use crate::ids::new_id;

/// The text that wins, as at Stripe.
const WINNING: &str = "winning_evidence";
/// The text that loses.
const LOSING: &str = "losing_evidence";

/// Opens a dispute about what is left of a captured charge.
pub(crate) fn open(store: &Store, charge: &Charge, now: Moment) -> Option<Vec<Change>> {
    let intent = store.intents.get(&charge.payment_intent)?;
    let disputed_before = !store.disputes.places_of(&charge.id).is_empty();
    if !charge.captured || charge.refundable() == 0 || disputed_before {
        return None;
    }
    let mut dispute = Dispute {
        id: new_id("du"),
        created: now.seconds(),
        amount: charge.refundable(),
        currency: charge.currency.clone(),
        charge: charge.id.clone(),
        payment_intent: intent.id.clone(),
        status: DisputeStatus::NeedsResponse,
        metadata: BTreeMap::new(),
        evidence: BTreeMap::new(),
        submission_count: 0,
        balance_transactions: Vec::new(),
        verdict: None,
    };
    let withdrawn = balance::withdraw(&mut dispute, now);
    let mut charge = charge.clone();
    charge.disputed = true;
    charge.dispute_due_ms = None;
    Some(vec![
        withdrawn,
        balance::booked_dispute(intent, &dispute),
        Change::Own(StripeChange::Charge(Box::new(charge))),
        Change::Own(StripeChange::Dispute(Box::new(dispute))),
    ])
}

/// Ends a dispute that is open.
pub(crate) fn end(store: &Store, dispute: &Dispute, won: bool, now: Moment) -> Option<Vec<Change>> {
    let intent = store.intents.get(&dispute.payment_intent)?;
    if dispute.status.is_closed() {
        return None;
    }
    let mut dispute = dispute.clone();
    dispute.status = if won { DisputeStatus::Won } else { DisputeStatus::Lost };
    dispute.verdict = None;
    let reinstated = won.then(|| balance::reinstate(&mut dispute, now));
    let mut changes: Vec<Change> = reinstated.into_iter().collect();
    changes.push(balance::booked_dispute(intent, &dispute));
    changes.push(Change::Own(StripeChange::Dispute(Box::new(dispute))));
    Some(changes)
}

/// `POST /v1/disputes/{id}`: evidence, handed in at once unless `submit=false`.
pub(crate) fn update(
    store: &Store,
    id: &str,
    params: &Params,
    setting: &Setting<'_>,
) -> Result<Effect, StripeError> {
    let names: Vec<String> = EVIDENCE.iter().map(|name| format!("evidence[{name}]")).collect();
    let known: Vec<&str> =
        names.iter().map(String::as_str).chain(["expand[]", "metadata[*]", "submit"]).collect();
    params.only(&known)?;
    let expand = Expand::read(params, "", &expand::IN_DISPUTE)?;
    let submit = params.boolean("submit")?.unwrap_or(true);
    let metadata = params.metadata()?;
    let mut dispute = answerable(store, id)?.clone();
    dispute.metadata.extend(metadata);
    for (name, param) in EVIDENCE.iter().zip(&names) {
        if let Some(text) = params.text(param) {
            dispute.evidence.insert((*name).to_owned(), text.to_owned());
        }
    }
    if submit && params.has("evidence") {
        dispute.status = DisputeStatus::UnderReview;
        dispute.submission_count += 1;
        let verdict = match dispute.evidence.get("uncategorized_text").map(String::as_str) {
            Some(WINNING) => Some(DisputeStatus::Won),
            Some(LOSING) => Some(DisputeStatus::Lost),
            _ => None,
        };
        dispute.verdict = verdict.map(|verdict| (verdict, setting.now.0 + setting.settle_after_ms));
    }
    let effect = Effect::ok(render::dispute(&dispute, Shelf::stored(store), &expand));
    Ok(effect.with([Change::Own(StripeChange::Dispute(Box::new(dispute)))]))
}

/// `POST /v1/disputes/{id}/close`: the merchant gives in.
pub(crate) fn close(
    store: &Store,
    id: &str,
    params: &Params,
    setting: &Setting<'_>,
) -> Result<Effect, StripeError> {
    params.only(&["expand[]"])?;
    let expand = Expand::read(params, "", &expand::IN_DISPUTE)?;
    let dispute = answerable(store, id)?;
    let changes = end(store, dispute, false, setting.now).ok_or_else(StripeError::internal)?;
    let shelf = Shelf::after(store, &changes);
    let effect = Effect::ok(render::dispute(shelf.dispute(id).unwrap_or(dispute), shelf, &expand));
    Ok(effect.with(changes))
}

/// The dispute of this id, which must wait for the merchant's answer.
fn answerable<'a>(store: &'a Store, id: &str) -> Result<&'a Dispute, StripeError> {
    let dispute = listing::find(&store.disputes, id)?;
    if dispute.status != DisputeStatus::NeedsResponse {
        let message = format!("This dispute is {}: it cannot be changed any more.", dispute.status.name());
        return Err(StripeError::invalid(message).executed());
    }
    Ok(dispute)
}

/// Opens a dispute about a payment of this reference, unless one is open.
pub(crate) fn open_by_hand(store: &Store, reference: &str, now: Moment) -> Option<Vec<Change>> {
    if open_one(store, reference).is_some() {
        return None;
    }
    let mut charges = charges(store, reference);
    charges.find_map(|charge| open(store, charge, now))
}

/// Ends the open dispute about a payment of this reference.
pub(crate) fn end_by_hand(store: &Store, reference: &str, won: bool, now: Moment) -> Option<Vec<Change>> {
    end(store, open_one(store, reference)?, won, now)
}

fn open_one<'a>(store: &'a Store, reference: &str) -> Option<&'a Dispute> {
    let mut disputes = charges(store, reference).flat_map(|charge| store.disputes.of(&charge.id));
    disputes.find(|dispute| !dispute.status.is_closed())
}

fn charges<'a>(store: &'a Store, reference: &str) -> impl Iterator<Item = &'a Charge> + use<'a> {
    store.intents_of_reference(reference).flat_map(|intent| store.charges.of(&intent.id))
}
