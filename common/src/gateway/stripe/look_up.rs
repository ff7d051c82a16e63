//! Questions: what became of a payment, a refund or a dispute, by Stripe's name for it or by ours.

use std::time::{Duration, Instant};

use crate::gateway::{
    Answer, ChargeOutcome, Dispute, Found, GatewayRefund, InDoubt, LookUp, RefundLookUp, RefundOutcome,
    RefundsAsked, Report,
};

use super::{
    answer,
    http::{Http, root_cause},
    request::{self, Fields},
    response::{self, Object, Received, list::Page},
    search::Place,
    unresolved,
    wire::List,
};

/// One question, and the last answer on the way to its end.
pub struct Asking<'a> {
    http: &'a Http,
    traceparent: Option<&'a str>,
    last: Option<Received>,
    /// Where it goes on if it comes to no end.
    cursor: Option<String>,
}

impl<'a> Asking<'a> {
    fn new(http: &'a Http, traceparent: Option<&'a str>, cursor: Option<String>) -> Self {
        Self { http, traceparent, last: None, cursor }
    }

    /// What became of a payment.
    pub async fn for_payment(
        http: &'a Http,
        question: &'a LookUp,
        timeout: Duration,
    ) -> Answer<ChargeOutcome> {
        let mut asking = Self::new(http, question.traceparent.as_deref(), question.cursor.clone());
        let started = Instant::now();
        let report = bounded(timeout, async {
            match &question.gateway_ref {
                Some(id) => {
                    let query = request::expanding("latest_charge.balance_transaction");
                    asking.by_id(&["payment_intents", id], &query).await
                }
                None => asking.among_payments(Place::of(question), &question.reference).await,
            }
        });
        let report = report.await;
        let answer = answer("look_up", started.elapsed(), report, asking.last.as_ref());
        Answer { cursor: asking.cursor, ..answer }
    }

    /// What became of a refund.
    pub async fn for_refund(
        http: &'a Http,
        question: &'a RefundLookUp,
        timeout: Duration,
    ) -> Answer<RefundOutcome> {
        let mut asking = Self::new(http, question.traceparent.as_deref(), None);
        let started = Instant::now();
        let report = bounded(timeout, async {
            match &question.gateway_ref {
                Some(id) => {
                    let query = request::expanding("balance_transaction");
                    asking.by_id(&["refunds", id], &query).await
                }
                None => asking.among_refunds(&question.payment_ref, &question.reference).await,
            }
        });
        let report = report.await;
        answer("look_up_refund", started.elapsed(), report, asking.last.as_ref())
    }

    async fn by_id<T: Object>(&mut self, path: &[&str], query: &Fields) -> Report<T> {
        match self.http.get(path, query, self.traceparent).await {
            Ok(received) => response::read_look_up(self.last.insert(received)),
            Err(error) => Err(unresolved(&root_cause(&error))),
        }
    }

    /// Reads the list of payments until ours turns up, from where an earlier look-up has stopped.
    async fn among_payments(&mut self, mut place: Place, reference: &str) -> Report<ChargeOutcome> {
        while let Some((created, after)) = place.page() {
            let query = request::payments_made(created, after);
            match self.page("payment_intents", &query, reference).await {
                Ok(Page::Found(report)) => {
                    self.cursor = None;
                    return report;
                }
                Ok(Page::More { last_id }) => place.go_on(last_id),
                Ok(Page::Last) if place.next_part() => {}
                Ok(Page::Last) => break,
                Ok(Page::Unreadable(why)) => {
                    // What is refused now is refused again: it begins anew.
                    let is_refused = self.last.as_ref().is_some_and(|last| matches!(last.status, 400 | 404));
                    self.cursor = self.cursor.take().filter(|_| !is_refused);
                    return Err(unresolved(&why));
                }
                Err(why) => return Err(unresolved(&why)),
            }
            self.cursor = place.cursor();
        }
        self.cursor = None;
        Err(InDoubt::NotFound)
    }

    /// Reads the list of a payment's refunds, which is short, newest first.
    async fn among_refunds(&mut self, payment_ref: &str, reference: &str) -> Report<RefundOutcome> {
        let mut after = None;
        loop {
            let query = request::refunds_of(payment_ref, after.as_deref());
            match self.page("refunds", &query, reference).await {
                Ok(Page::Found(report)) => return report,
                Ok(Page::Last) => return Err(InDoubt::NotFound),
                Ok(Page::More { last_id }) => after = Some(last_id),
                Ok(Page::Unreadable(why)) | Err(why) => return Err(unresolved(&why)),
            }
        }
    }

    async fn page<T: Object>(
        &mut self,
        list: &str,
        query: &Fields,
        reference: &str,
    ) -> Result<Page<T>, String> {
        let received = self.http.get(&[list], query, self.traceparent).await;
        let received = received.map_err(|error| root_cause(&error))?;
        Ok(response::list::find(self.last.insert(received), reference))
    }
}

/// Refunds as Stripe knows them, whoever made them.
pub async fn find_refunds(
    http: &Http,
    asked: RefundsAsked<'_>,
    timeout: Duration,
) -> Result<Vec<GatewayRefund>, String> {
    let asking = async {
        match asked {
            RefundsAsked::Named(id) => {
                let received = http.get(&["refunds", id], &request::refund_found(), None).await;
                let found = response::refund::find(&received.map_err(|error| root_cause(&error))?)?;
                Ok(found.into_iter().collect())
            }
            RefundsAsked::OfPayment(payment_ref) => all_refunds(http, payment_ref).await,
        }
    };
    let in_time = tokio::time::timeout(timeout, asking).await;
    in_time.unwrap_or_else(|_| Err("the gateway's list could not be read in time".into()))
}

async fn all_refunds(http: &Http, payment_ref: &str) -> Result<Vec<GatewayRefund>, String> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let query = request::refunds_found(payment_ref, after.as_deref());
        let received = http.get(&["refunds"], &query, None).await.map_err(|error| root_cause(&error))?;
        let list = List::read(&received)?;
        found.extend(response::refund::find_in(&list)?);
        after = list.next()?;
        if after.is_none() {
            return Ok(found);
        }
    }
}

/// A dispute as it stands.
pub async fn find_dispute(http: &Http, dispute_ref: &str) -> Found<Dispute> {
    let query = request::expanding("payment_intent");
    match http.get(&["disputes", dispute_ref], &query, None).await {
        Ok(received) => response::dispute::read(&received),
        Err(error) => Found::Unknown(root_cause(&error)),
    }
}

/// However many pages it takes, a look-up is bounded as one call is: a lease outlives it. What is left is for the
/// next one.
async fn bounded<T>(timeout: Duration, looking: impl Future<Output = Report<T>>) -> Report<T> {
    let in_time = tokio::time::timeout(timeout, looking).await;
    in_time.unwrap_or_else(|_| Err(unresolved("the gateway's list could not be read in time")))
}
