//! Questions: what became of a payment or a refund, by Stripe's name for it or by ours.

use std::time::{Duration, Instant};

use crate::gateway::{Answer, LookUp, RefundLookUp, Report};

use super::{
    answer,
    http::{Http, root_cause},
    request::{self, Fields, PAYMENT, REFUND},
    response::{self, Received, Subject, list::Page},
    unresolved,
};

/// How far the gateway's clock may be from ours, in seconds.
const CLOCKS_APART_SECONDS: i64 = 120;

/// One question, and the last answer on the way to its end.
pub struct Asking<'a> {
    http: &'a Http,
    traceparent: Option<&'a str>,
    last: Option<Received>,
}

impl<'a> Asking<'a> {
    /// What became of a payment.
    pub async fn for_payment(http: &'a Http, question: &'a LookUp, timeout: Duration) -> Answer {
        let (from, to) = question.made_between;
        let created = (from.timestamp() - CLOCKS_APART_SECONDS, to.timestamp() + CLOCKS_APART_SECONDS);
        let mut asking = Self { http, traceparent: question.traceparent.as_deref(), last: None };
        let started = Instant::now();
        let report = bounded(timeout, async {
            match &question.gateway_ref {
                Some(id) => {
                    let query = request::expanding("latest_charge.balance_transaction");
                    asking.by_id(Subject::Intent, &["payment_intents", id], &query).await
                }
                None => {
                    let query = |after: Option<&str>| request::payments_made(created, after);
                    asking.in_list(Subject::Intent, "payment_intents", query, &question.reference).await
                }
            }
        });
        let report = report.await;
        answer("look_up", started.elapsed(), report, asking.last.as_ref())
    }

    /// What became of a refund.
    pub async fn for_refund(http: &'a Http, question: &'a RefundLookUp, timeout: Duration) -> Answer {
        let mut asking = Self { http, traceparent: question.traceparent.as_deref(), last: None };
        let started = Instant::now();
        let report = bounded(timeout, async {
            match &question.gateway_ref {
                Some(id) => {
                    let query = request::expanding("balance_transaction");
                    asking.by_id(Subject::Refund, &["refunds", id], &query).await
                }
                None => {
                    let query = |after: Option<&str>| request::refunds_of(&question.payment_ref, after);
                    asking.in_list(Subject::Refund, "refunds", query, &question.reference).await
                }
            }
        });
        let report = report.await;
        answer("look_up_refund", started.elapsed(), report, asking.last.as_ref())
    }

    async fn by_id(&mut self, subject: Subject, path: &[&str], query: &Fields) -> Report {
        match self.http.get(path, query, self.traceparent).await {
            Ok(received) => response::read_look_up(subject, self.last.insert(received)),
            Err(error) => unresolved(&root_cause(&error)),
        }
    }

    /// Reads the list, newest first, until our reference turns up. Search is not used: it lags.
    async fn in_list(
        &mut self,
        subject: Subject,
        list: &str,
        query: impl Fn(Option<&str>) -> Fields,
        reference: &str,
    ) -> Report {
        let key = match subject {
            Subject::Intent => PAYMENT,
            Subject::Refund => REFUND,
        };
        let mut starting_after = None;
        loop {
            let received = self.http.get(&[list], &query(starting_after.as_deref()), self.traceparent).await;
            let received = match received {
                Ok(received) => self.last.insert(received),
                Err(error) => return unresolved(&root_cause(&error)),
            };
            match response::list::find(received, subject, key, reference) {
                Page::Found(report) => return report,
                Page::Last => return Report::NotFound,
                Page::More { last_id } => starting_after = Some(last_id),
                Page::Unreadable(why) => return unresolved(&why),
            }
        }
    }
}

/// However many pages it takes, a look-up is bounded as one call is: a lease outlives it.
async fn bounded(timeout: Duration, looking: impl Future<Output = Report>) -> Report {
    let in_time = tokio::time::timeout(timeout, looking).await;
    in_time.unwrap_or_else(|_| unresolved("the gateway's list could not be read in time"))
}
