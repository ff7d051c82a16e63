//! PayPal's tables, the changes that fill them, and the indexes that keep every request quick.
//!
//! Endpoints only read the store and answer with the changes they want; applying a change is the same
//! whether it has just been decided or is read back from the journal.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::bearer::{Bearer, Bearers};
use super::idempotency::{Kept, RequestIds};
use super::objects::{
    Authorization, AuthorizationStatus, Capture, Dispute, Object, Order, Refund, RefundStatus,
};
use crate::engine::state::{self, Recorded};

/// One change of PayPal's state, as the journal keeps it: the whole object as it is afterwards.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PayPalChange {
    Order(Box<Order>),
    Authorization(Box<Authorization>),
    Capture(Box<Capture>),
    Refund(Box<Refund>),
    Dispute(Box<Dispute>),
    /// What a request id made, to be shown when it comes again.
    Kept(Kept),
    /// A token's fault has struck the first request of this name and lets the later ones pass.
    FaultSpent(String),
    /// An access token was issued.
    Bearer(Bearer),
    /// All access tokens were forgotten.
    BearersForgotten,
    /// How long transactions take until reports show them, in milliseconds.
    ReportingDelay(i64),
}

/// A change of PayPal's state or of what it shares with the others.
pub(crate) type Change = state::Change<PayPalChange>;

impl Recorded for PayPalChange {
    const NAME: &'static str = "paypal";
}

impl From<PayPalChange> for Change {
    fn from(change: PayPalChange) -> Self {
        Self::Own(change)
    }
}

/// All of PayPal's state.
#[derive(Default)]
pub(crate) struct Store {
    orders: HashMap<String, Order>,
    authorizations: HashMap<String, Authorization>,
    captures: HashMap<String, Capture>,
    refunds: HashMap<String, Refund>,
    disputes: HashMap<String, Dispute>,
    captures_by_reference: HashMap<String, Vec<String>>,
    captures_by_invoice: HashMap<String, Vec<String>>,
    authorizations_by_invoice: HashMap<String, Vec<String>>,
    captures_by_authorization: HashMap<String, Vec<String>>,
    refunds_by_invoice: HashMap<String, Vec<String>>,
    refunds_by_capture: HashMap<String, Vec<String>>,
    disputes_by_capture: HashMap<String, Vec<String>>,
    /// Captures, refunds and disputes in the order of their creation.
    ledger: BTreeSet<(i64, Object)>,
    due: BTreeSet<(i64, Object)>,
    spent_faults: HashSet<String>,
    /// Whether its certificates cannot be fetched. In memory only.
    pub(crate) certificates_are_away: bool,
    /// If it is not the usual one.
    pub(crate) reporting_delay_ms: Option<i64>,
    pub(crate) request_ids: RequestIds,
    pub(crate) bearers: Bearers,
}

impl Store {
    /// Makes a change happen.
    pub(crate) fn apply(&mut self, change: PayPalChange) {
        match change {
            PayPalChange::Order(order) => {
                self.orders.insert(order.id.clone(), *order);
            }
            PayPalChange::Authorization(authorization) => self.put_authorization(*authorization),
            PayPalChange::Capture(capture) => self.put_capture(*capture),
            PayPalChange::Refund(refund) => self.put_refund(*refund),
            PayPalChange::Dispute(dispute) => self.put_dispute(*dispute),
            PayPalChange::Kept(kept) => self.request_ids.keep(kept),
            PayPalChange::FaultSpent(scope) => {
                self.spent_faults.insert(scope);
            }
            PayPalChange::Bearer(bearer) => self.bearers.add(bearer),
            PayPalChange::BearersForgotten => self.bearers.forget(),
            PayPalChange::ReportingDelay(delay_ms) => self.reporting_delay_ms = Some(delay_ms),
        }
    }

    fn put_authorization(&mut self, authorization: Authorization) {
        let id = &authorization.id;
        let old = self.authorizations.get(id);
        let name = Object::Authorization(id.clone());
        reschedule(&mut self.due, name, old.and_then(|old| old.due_ms), authorization.due_ms);
        if old.is_none() {
            index(&mut self.authorizations_by_invoice, authorization.invoice_id.as_ref(), id);
        }
        self.authorizations.insert(id.clone(), authorization);
    }

    fn put_capture(&mut self, capture: Capture) {
        let id = &capture.id;
        let old = self.captures.get(id);
        let name = Object::Capture(id.clone());
        reschedule(&mut self.due, name, old.and_then(|old| old.due_ms), capture.due_ms);
        if old.is_none() {
            self.ledger.insert((capture.created_ms, Object::Capture(id.clone())));
            index(&mut self.captures_by_reference, capture.custom_id.as_ref(), id);
            index(&mut self.captures_by_invoice, capture.invoice_id.as_ref(), id);
            index(&mut self.captures_by_authorization, capture.authorization.as_ref(), id);
        }
        self.captures.insert(id.clone(), capture);
    }

    fn put_refund(&mut self, refund: Refund) {
        let id = &refund.id;
        let old = self.refunds.get(id);
        let name = Object::Refund(id.clone());
        reschedule(&mut self.due, name, old.and_then(|old| old.due_ms), refund.due_ms);
        if old.is_none() {
            self.ledger.insert((refund.created_ms, Object::Refund(id.clone())));
            index(&mut self.refunds_by_invoice, refund.invoice_id.as_ref(), id);
            index(&mut self.refunds_by_capture, Some(&refund.capture), id);
        }
        self.refunds.insert(id.clone(), refund);
    }

    fn put_dispute(&mut self, dispute: Dispute) {
        let id = &dispute.id;
        let old = self.disputes.get(id);
        let name = Object::Dispute(id.clone());
        reschedule(&mut self.due, name.clone(), old.and_then(|old| old.due_ms), dispute.due_ms);
        if old.is_none() {
            self.ledger.insert((dispute.created_ms, name));
            index(&mut self.disputes_by_capture, Some(&dispute.capture), id);
        }
        self.disputes.insert(id.clone(), dispute);
    }

    /// The order with this id.
    pub(crate) fn order(&self, id: &str) -> Option<&Order> {
        self.orders.get(id)
    }

    /// The authorization with this id.
    pub(crate) fn authorization(&self, id: &str) -> Option<&Authorization> {
        self.authorizations.get(id)
    }

    /// The capture with this id.
    pub(crate) fn capture(&self, id: &str) -> Option<&Capture> {
        self.captures.get(id)
    }

    /// The refund with this id.
    pub(crate) fn refund(&self, id: &str) -> Option<&Refund> {
        self.refunds.get(id)
    }

    /// The dispute with this id.
    pub(crate) fn dispute(&self, id: &str) -> Option<&Dispute> {
        self.disputes.get(id)
    }

    /// The captures of payments with this reference, oldest first.
    pub(crate) fn captures_of_reference(&self, reference: &str) -> impl Iterator<Item = &Capture> {
        found(&self.captures_by_reference, &self.captures, reference)
    }

    /// A capture's disputes, oldest first.
    pub(crate) fn disputes_of(&self, capture: &str) -> impl Iterator<Item = &Dispute> {
        found(&self.disputes_by_capture, &self.disputes, capture)
    }

    /// Everything that moved money or was to move it, in the order of time.
    pub(crate) fn ledger(&self) -> impl DoubleEndedIterator<Item = (i64, &Object)> {
        self.ledger.iter().map(|(at_ms, object)| (*at_ms, object))
    }

    /// An authorization's captures, oldest first.
    pub(crate) fn captures_of(&self, authorization: &str) -> impl Iterator<Item = &Capture> {
        found(&self.captures_by_authorization, &self.captures, authorization)
    }

    /// A capture's refunds, oldest first.
    pub(crate) fn refunds_of(&self, capture: &str) -> impl Iterator<Item = &Refund> {
        found(&self.refunds_by_capture, &self.refunds, capture)
    }

    /// The order that an object belongs to.
    pub(crate) fn order_of(&self, object: &Object) -> Option<&Order> {
        let id = match object {
            Object::Order(id) => id,
            Object::Authorization(id) => &self.authorization(id)?.order,
            Object::Capture(id) => &self.capture(id)?.order,
            Object::Refund(id) => &self.capture(&self.refund(id)?.capture)?.order,
            Object::Dispute(id) => &self.capture(&self.dispute(id)?.capture)?.order,
        };
        self.order(id)
    }

    /// Whether an invoice was paid, or its money reserved, by another order than this one.
    pub(crate) fn invoice_taken(&self, invoice: &str, order: &str) -> bool {
        let captured = found(&self.captures_by_invoice, &self.captures, invoice)
            .any(|capture| capture.is_alive() && capture.order != order);
        captured
            || found(&self.authorizations_by_invoice, &self.authorizations, invoice).any(|authorization| {
                let alive = !matches!(
                    authorization.status,
                    AuthorizationStatus::Voided | AuthorizationStatus::Denied
                );
                alive && authorization.order != order
            })
    }

    /// Whether any capture at all has this invoice.
    pub(crate) fn invoice_captured(&self, invoice: &str) -> bool {
        found(&self.captures_by_invoice, &self.captures, invoice).any(Capture::is_alive)
    }

    /// Whether a refund that did not fail has this invoice.
    pub(crate) fn invoice_refunded(&self, invoice: &str) -> bool {
        found(&self.refunds_by_invoice, &self.refunds, invoice)
            .any(|refund| !matches!(refund.status, RefundStatus::Failed | RefundStatus::Cancelled))
    }

    /// The things that happen by themselves, soonest first, with their moments in milliseconds.
    pub(crate) fn due(&self) -> impl Iterator<Item = (i64, &Object)> {
        self.due.iter().map(|(due_ms, object)| (*due_ms, object))
    }

    /// Whether a token's fault has struck this request already.
    pub(crate) fn fault_spent(&self, scope: &str) -> bool {
        self.spent_faults.contains(scope)
    }
}

fn index(places: &mut HashMap<String, Vec<String>>, key: Option<&String>, id: &str) {
    if let Some(key) = key {
        places.entry(key.clone()).or_default().push(id.to_owned());
    }
}

fn found<'a, T>(
    places: &'a HashMap<String, Vec<String>>,
    table: &'a HashMap<String, T>,
    key: &str,
) -> impl Iterator<Item = &'a T> {
    places.get(key).into_iter().flatten().filter_map(|id| table.get(id))
}

fn reschedule(due: &mut BTreeSet<(i64, Object)>, object: Object, old: Option<i64>, new: Option<i64>) {
    if let Some(old) = old {
        due.remove(&(old, object.clone()));
    }
    if let Some(new) = new {
        due.insert((new, object));
    }
}
