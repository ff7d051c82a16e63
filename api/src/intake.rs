//! Accepting payments: requests that arrive together share a transaction, and their jobs share messages. Those of a
//! merchant of whom enough are out are held.
//! They are served merchant by merchant in turns. When many more wait than the database can take, or a merchant's have
//! waited for long, the next are refused before anything is stored.

use std::{collections::HashMap, time::Duration};

use common::{
    batch::{BatchError, Batcher, Bounds, Share},
    db,
    job::{Kind, broker::Publisher},
    payment::{
        NewPayment,
        store::{self, Accepted},
    },
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::flows::Flows;

const BOUNDS: Bounds = Bounds { lanes: 2, batch: 64, waiting: 2048 };

/// Of these a merchant has half, at most.
const SHARE: Share = Share { waiting: BOUNDS.waiting / 2, wait: Duration::from_secs(1) };

/// A payment to be accepted.
#[derive(Clone)]
pub struct Request {
    /// The payment.
    pub new: NewPayment,
    /// W3C trace context of the request.
    pub traceparent: String,
    /// Where a notice of its end is awaited, if anywhere.
    pub reply_to: Option<String>,
}

/// Where payments are accepted.
pub struct Intake {
    payments: Batcher<Request, Accepted>,
}

impl Intake {
    /// Opens the intake.
    pub fn start(pool: PgPool, publisher: Publisher, flows: Flows) -> Self {
        let payments = Batcher::start_fair(
            BOUNDS,
            SHARE,
            |request: &Request| request.new.merchant_id.0,
            move |requests| {
                let (pool, publisher, flows) = (pool.clone(), publisher.clone(), flows.clone());
                async move { accept(&pool, &publisher, &flows, requests).await }
            },
        );
        Self { payments }
    }

    /// Stores a payment and its job. After this returns `New`, the payment will reach an end, whatever
    /// dies.
    ///
    /// Fails with [`BatchError`]: the caller must not be told that it was accepted. It may have been all the same,
    /// if the connection was lost during the commit; the same key again tells.
    pub async fn accept(&self, request: Request) -> Result<Accepted, BatchError> {
        self.payments.try_submit(request).await
    }

    /// Whether whoever comes now is refused, whatever it asks for: then its body need not be read.
    pub fn is_full(&self) -> bool {
        self.payments.is_full()
    }
}

/// The jobs go out here and not in the handler, which ends early when its caller hangs up.
async fn accept(
    pool: &PgPool,
    publisher: &Publisher,
    flows: &Flows,
    requests: Vec<Request>,
) -> db::Result<Vec<Accepted>> {
    let mut reply_to = Vec::with_capacity(requests.len());
    let mut payments = Vec::with_capacity(requests.len());
    for request in requests {
        reply_to.push(request.reply_to);
        payments.push((request.new, Some(request.traceparent)));
    }
    let mut connection = pool.acquire().await?;
    let full = full(flows, &payments);
    let accepted = store::accept(&mut connection, &payments, &full).await?;
    for (accepted, reply_to) in accepted.iter().zip(reply_to) {
        if let Accepted::New(payment, job) = accepted
            && !full.contains(&payment.merchant_id.0)
        {
            publisher.offer(Kind::ChargePayment, [*job], reply_to.as_deref());
        }
    }
    Ok(accepted)
}

/// The merchants among these of whom enough jobs are out.
fn full(flows: &Flows, payments: &[(NewPayment, Option<String>)]) -> Vec<Uuid> {
    let mut asked = HashMap::<_, usize>::new();
    for (new, _) in payments {
        *asked.entry(new.merchant_id).or_default() += 1;
    }
    let has_no_room =
        |(merchant, jobs)| (!flows.take(Kind::ChargePayment, merchant, jobs)).then_some(merchant.0);
    asked.into_iter().filter_map(has_no_room).collect()
}
