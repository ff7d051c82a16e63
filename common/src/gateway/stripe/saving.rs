//! Saving a payment method: one call, as a rule. Where its answer leaves open whether the method is saved,
//! the method itself is asked: it belongs to one customer at most, and says to whom. So this needs no
//! look-up of its own, and no memory of keys.

use std::time::{Duration, Instant};

use crate::gateway::{Answer, Fault, GatewayKey, InDoubt, Report, Resolution, SaveOutcome, SaveRequest};

use super::{
    answer,
    http::{Http, not_answered, root_cause},
    request,
    response::{self, Operation, Received, saved},
};

/// One method to be saved, and the last answer on the way to it.
pub struct Saving<'a> {
    http: &'a Http,
    request: &'a SaveRequest,
    last: Option<Received>,
}

impl<'a> Saving<'a> {
    /// Saves it. However many calls that takes, they are bounded together as one call is.
    pub async fn of(http: &'a Http, request: &'a SaveRequest, timeout: Duration) -> Answer<SaveOutcome> {
        let mut saving = Self { http, request, last: None };
        let started = Instant::now();
        let in_time = tokio::time::timeout(timeout, saving.run()).await;
        let report = in_time.unwrap_or_else(|_| Err(unclear("time-out: the method was not saved in time")));
        answer(Operation::Save.as_str(), started.elapsed(), report, saving.last.as_ref())
    }

    async fn run(&mut self) -> Report<SaveOutcome> {
        let first = self.save("").await;
        // A failure that is kept under the key, or a no that may only say that it was done before.
        if !matches!(
            first,
            Err(InDoubt::Unknown { resolution: Resolution::LookUp, .. }
                | InDoubt::Refused { fault: Fault::Request, .. })
        ) {
            return first;
        }
        match self.find().await {
            Ok(Some(saved)) => Ok(saved),
            Ok(None) if matches!(first, Err(InDoubt::Refused { .. })) => first,
            // It is saved for nobody. Another key cannot do it twice: at worst there is another customer,
            // who has nothing and pays nothing.
            Ok(None) => match self.save("-again").await {
                // That the second was not sent says nothing of the first.
                Err(InDoubt::NotSent { why, .. } | InDoubt::Unknown { why, .. }) => Err(unclear(&why)),
                report => report,
            },
            Err(why) => Err(unclear(&why)),
        }
    }

    /// Whether the customer is known may have been learnt between two tries, which then are two requests
    /// with two keys.
    async fn save(&mut self, key_suffix: &str) -> Report<SaveOutcome> {
        let SaveRequest { key, token, customer_ref, .. } = self.request;
        let attaching = ["payment_methods", token.as_str(), "attach"];
        let (path, key, form) = match customer_ref {
            Some(customer) => (&attaching[..], format!("{key}-attach"), request::attachment(customer)),
            None => (&["customers"][..], format!("{key}-customer"), request::customer(self.request)),
        };
        let key = GatewayKey(format!("{key}{key_suffix}"));
        match self.http.post(path, &key, &form, &self.request.sending).await {
            Ok(received) => response::read(Operation::Save, self.last.insert(received)),
            Err(error) => Err(not_answered(&error)),
        }
    }

    /// Asks the method whose it is.
    async fn find(&mut self) -> Result<Option<SaveOutcome>, String> {
        let path = ["payment_methods", self.request.token.as_str()];
        let query = request::expanding("customer");
        match self.http.get(&path, &query, self.request.sending.traceparent.as_deref()).await {
            Ok(received) => saved::find(self.last.insert(received), self.request),
            Err(error) => Err(root_cause(&error)),
        }
    }
}

fn unclear(why: &str) -> InDoubt {
    InDoubt::Unknown { why: why.to_owned(), resolution: Resolution::Replay }
}
