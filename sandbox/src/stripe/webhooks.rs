//! How Stripe's events are signed, and what somebody would send who only pretends to be Stripe.

use std::collections::BTreeMap;

use serde_json::Value;

use super::expand::{Expand, Shelf};
use super::money_objects::{Dispute, DisputeStatus};
use super::objects::{Intent, IntentStatus};
use super::store::Store;
use super::{events, render};
use crate::clock::Moment;
use crate::hmac::hmac;
use crate::ids::new_id;
use crate::webhooks::outbox::Targets;
use crate::webhooks::{Event, Header};

/// What a forger signs with, not knowing the secret.
const WRONG_SECRET: &str = "whsec_guessed";

/// `Stripe-Signature`, made with the endpoint's whole secret, prefix included.
pub(crate) fn sign(targets: &Targets, body: &str, forged: bool, now: Moment) -> Vec<Header> {
    let right = targets.stripe.as_ref().map_or("", |target| target.secret.as_str());
    let secret = if forged { WRONG_SECRET } else { right };
    vec![("stripe-signature", signature(secret, body, now.seconds()))]
}

/// The header's value for a body sent at this second.
pub(crate) fn signature(secret: &str, body: &str, time: i64) -> String {
    let digest = hmac(secret.as_bytes(), format!("{time}.{body}").as_bytes());
    format!("t={time},v1={}", hex::encode(digest))
}

/// An event that claims what is not so: that a payment succeeded which did not, or that one is
/// disputed which nobody disputes.
pub(crate) fn forge(store: &Store, event: &Event, now: Moment) -> Option<String> {
    let intent = store.intents.get(&event.about)?;
    let (kind, object) = if intent.status == IntentStatus::Succeeded {
        ("charge.dispute.created", invented_dispute(store, intent, now))
    } else {
        ("payment_intent.succeeded", invented_success(store, intent))
    };
    Some(events::envelope(&new_id("evt"), kind, object, None, now).to_string())
}

fn invented_success(store: &Store, intent: &Intent) -> Value {
    let mut intent = intent.clone();
    intent.status = IntentStatus::Succeeded;
    intent.amount_received = intent.amount;
    intent.amount_capturable = 0;
    intent.last_payment_error = None;
    render::intent(&intent, Shelf::stored(store), &Expand::default())
}

fn invented_dispute(store: &Store, intent: &Intent, now: Moment) -> Value {
    let dispute = Dispute {
        id: new_id("du"),
        created: now.seconds(),
        amount: intent.amount,
        currency: intent.currency.clone(),
        charge: intent.latest_charge.clone().unwrap_or_default(),
        payment_intent: intent.id.clone(),
        status: DisputeStatus::NeedsResponse,
        metadata: BTreeMap::new(),
        evidence: BTreeMap::new(),
        submission_count: 0,
        balance_transactions: Vec::new(),
        verdict: None,
    };
    render::dispute(&dispute, Shelf::stored(store), &Expand::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_stripes() {
        let signed = signature("whsec_test", r#"{"id":"evt_1","object":"event"}"#, 1_700_000_000);
        let digest = "4c15fb2a43f93ef61eaa3e0893866d57cad9cad4223242cfb96f362480cb4021";
        assert_eq!(signed, format!("t=1700000000,v1={digest}"));
    }
}
