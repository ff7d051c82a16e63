//! Questions. They change nothing, and whatever goes wrong with one leaves everything as unknown as it
//! was.

use crate::gateway::{
    self, Answer, ChargeOutcome, Dispute, Found, GatewayRef, GatewayRefund, InDoubt, LookUp, RefundLookUp,
    RefundOutcome, RefundsAsked, Report, Resolution, Verdict,
};

use super::{
    Paypal, event,
    http::{Silence, Talk},
    response::{
        self, Received, dispute,
        settlement_report::{Records, Trace},
    },
    search::Search,
    settlement_report::page,
    unresolved,
    wire::{Order, Payment, Refund},
};

impl Paypal {
    pub(super) async fn ask_for_payment(&self, question: &LookUp) -> Answer<ChargeOutcome> {
        let mut talk = Talk::begin(self, "look_up", question.traceparent.as_deref());
        let Some(order) = &question.gateway_ref else {
            let mut search = Search::of(question);
            let found = find_payment(&mut talk, &mut search, &question.reference).await;
            let cursor = match found {
                Ok(_) => None,
                // Nothing new was read.
                Err(_) if search == Search::of(question) => question.cursor.clone(),
                Err(_) => search.cursor(),
            };
            let report = found.unwrap_or_else(|why| Err(unresolved(&why)));
            return Answer { cursor, ..talk.answer(report) };
        };
        let report = order_report(&mut talk, order).await;
        talk.answer(report)
    }

    pub(super) async fn ask_for_refund(&self, question: &RefundLookUp) -> Answer<RefundOutcome> {
        let mut talk = Talk::begin(self, "look_up_refund", question.traceparent.as_deref());
        let report = match &question.gateway_ref {
            Some(refund) => refund_report(&mut talk, refund).await,
            None => find_refund(&mut talk, question).await,
        };
        talk.answer(report)
    }

    pub(super) async fn ask_for_refunds(
        &self,
        asked: RefundsAsked<'_>,
    ) -> Result<Vec<GatewayRefund>, String> {
        let mut talk = Talk::begin(self, "find_refunds", None);
        match asked {
            RefundsAsked::Named(id) => Ok(refund_named(&mut talk, id).await?.into_iter().collect()),
            RefundsAsked::OfPayment(order) => found::<Order>(&mut talk, &["v2", "checkout", "orders", order])
                .await?
                .map_or_else(|| Ok(Vec::new()), |order| order.refunds()),
        }
    }

    pub(super) async fn ask_for_dispute(&self, dispute_ref: &str) -> Found<Dispute> {
        let mut talk = Talk::begin(self, "find_dispute", None);
        if dispute_ref.starts_with(dispute::PREFIX) {
            return dispute_by_id(&mut talk, dispute_ref).await;
        }
        let of_capture = [("disputed_transaction_id", dispute_ref.to_owned())];
        let listed = match talk.get(&["v1", "customer", "disputes"], &of_capture).await {
            Ok(received) => dispute::read_list(&received),
            Err(silence) => Found::Unknown(silence.why()),
        };
        match listed {
            Found::One(id) => dispute_by_id(&mut talk, &id).await,
            Found::None => Found::None,
            Found::Unknown(why) => Found::Unknown(why),
        }
    }

    pub(super) async fn ask_for_verdict(&self, received: &gateway::Received) -> Verdict {
        let Some(webhook_id) = self.config.webhook_id.as_deref().filter(|id| !id.is_empty()) else {
            return Verdict::Unknown("the id of our webhook at PayPal is not configured".into());
        };
        let Some(question) = event::verification(received, webhook_id) else {
            return Verdict::Forged;
        };
        let mut talk = Talk::begin(self, "verify_event", None);
        match talk.ask(&["v1", "notifications", "verify-webhook-signature"], question).await {
            Ok(received) => event::read_verdict(&received),
            Err(silence) => Verdict::Unknown(silence.why()),
        }
    }
}

/// A refund names nobody but its capture, and that its payment.
async fn refund_named(talk: &mut Talk<'_>, id: &str) -> Result<Option<GatewayRefund>, String> {
    let Some(refund) = found::<Refund>(talk, &["v2", "payments", "refunds", id]).await? else {
        return Ok(None);
    };
    let capture = match refund.capture_id() {
        Some(capture) => found::<Payment>(talk, &["v2", "payments", "captures", capture]).await?,
        None => None,
    };
    let owner = capture.as_ref().map(Payment::owner).unwrap_or_default();
    refund.found(&owner).map(Some)
}

/// An object, if PayPal has it.
async fn found<T: serde::de::DeserializeOwned>(
    talk: &mut Talk<'_>,
    path: &[&str],
) -> Result<Option<T>, String> {
    match talk.get(path, &[]).await {
        Ok(received) if received.status == 200 => response::object(&received.body).map(Some),
        Ok(received) if received.status == 404 => Ok(None),
        Ok(received) => Err(format!("the gateway answered {}", received.status)),
        Err(silence) => Err(silence.why()),
    }
}

async fn dispute_by_id(talk: &mut Talk<'_>, id: &str) -> Found<Dispute> {
    match talk.get(&["v1", "customer", "disputes", id], &[]).await {
        Ok(received) => dispute::read(&received),
        Err(silence) => Found::Unknown(silence.why()),
    }
}

async fn order_report(talk: &mut Talk<'_>, order: &GatewayRef) -> Report<ChargeOutcome> {
    let received = talk.get(&["v2", "checkout", "orders", order], &[]).await;
    read(received, |order: Order| order.report(Resolution::LookUp))
}

async fn refund_report(talk: &mut Talk<'_>, refund: &GatewayRef) -> Report<RefundOutcome> {
    let received = talk.get(&["v2", "payments", "refunds", refund], &[]).await;
    read(received, |refund: Refund| refund.report(Resolution::LookUp))
}

/// The order of the payment lists its refunds.
async fn find_refund(talk: &mut Talk<'_>, question: &RefundLookUp) -> Report<RefundOutcome> {
    let received = talk.get(&["v2", "checkout", "orders", &question.payment_ref], &[]).await;
    // Without its payment it cannot be said that a refund was not made.
    if matches!(&received, Ok(received) if received.status == 404) {
        return Err(unresolved("the gateway does not know the payment of this refund"));
    }
    read(received, |order: Order| match order.refund(&question.reference) {
        Some(refund) => refund.report(Resolution::LookUp),
        None if order.id.is_some() => Err(InDoubt::NotFound),
        None => Err(unresolved("an answer without an id")),
    })
}

/// Nothing can be asked for by our reference, but the report of transactions tells it.
async fn find_payment(
    talk: &mut Talk<'_>,
    search: &mut Search,
    reference: &str,
) -> Result<Report<ChargeOutcome>, String> {
    while let Some((place, until)) = search.page() {
        let (place, page) = page(talk, place, until, Records::All).await?;
        let traces = page.transactions.iter().filter_map(|one| one.trace(reference));
        search.read(traces.max(), place.next(until, &page));
    }
    let best = search.best();
    let (kind, id) = match best {
        None => return Ok(Err(InDoubt::NotFound)),
        Some(Trace::Taken(id) | Trace::Tried(id)) => ("captures", id),
        Some(Trace::Reserved(id)) => ("authorizations", id),
    };
    let payment: Payment = match talk.get(&["v2", "payments", kind, id], &[]).await {
        Ok(received) if received.status == 200 => response::object(&received.body)?,
        Ok(received) => return Err(format!("the gateway answered {}", received.status)),
        Err(silence) => return Err(silence.why()),
    };
    let order = &GatewayRef::from(payment.order_id().ok_or("a payment without its order")?);
    match best {
        Some(Trace::Taken(_)) => Ok(payment.capture_report(order, Resolution::LookUp)),
        // Something else may have been tried since, and the order knows.
        _ => Ok(known(order_report(talk, order).await)),
    }
}

/// What the report tells is there, even if it cannot be read.
fn known(report: Report<ChargeOutcome>) -> Report<ChargeOutcome> {
    match report {
        Err(InDoubt::NotFound) => Err(unresolved("the gateway reports a transaction that it does not find")),
        report => report,
    }
}

/// The answer to a GET. Whatever is not about the thing itself leaves it unknown.
fn read<T: serde::de::DeserializeOwned, O>(
    received: Result<Received, Silence>,
    report: impl FnOnce(T) -> Report<O>,
) -> Report<O> {
    match received {
        Ok(received) if received.status == 200 => match response::object(&received.body) {
            Ok(object) => report(object),
            Err(why) => Err(unresolved(&why)),
        },
        Ok(received) if received.status == 404 => Err(InDoubt::NotFound),
        Ok(received) => Err(unresolved(&format!("the gateway answered {}", received.status))),
        Err(silence) => Err(unresolved(&silence.why())),
    }
}
