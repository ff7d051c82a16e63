//! Tells an endpoint of an event. It may be told twice: a worker that dies between the sending and its record does not know
//! that it was heard.

use std::{sync::Arc, time::Duration};

use common::{
    batch::BatchError,
    clock, db,
    id::MerchantId,
    job::{self, Claim, Kind},
    webhook::{
        Endpoint,
        secret::signatures,
        sender::Signed,
        state::{DICE_MAX, Next},
        store::{
            attempts::Attempted,
            deliveries::{self, ToSend},
        },
    },
};
use rand::Rng as _;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    bulkhead::Bulkhead,
    context::Context,
    job::{Job, Names, Recorded, Subjects},
};

/// When it is looked at again that our own keys do not open an endpoint's secret: somebody sets that right.
const SECRET_AGAIN: Duration = Duration::from_secs(60);

/// Tells an endpoint of an event.
pub struct DeliverWebhook;

/// What came of it.
pub enum Finding {
    /// It was sent.
    Attempted(Arc<Attempted>),
    /// It could not be signed.
    Unsigned(Claim, String),
}

impl Job for DeliverWebhook {
    const KIND: Kind = Kind::DeliverWebhook;
    const BULKHEAD: Bulkhead = Bulkhead::Webhooks;
    type Subject = Box<ToSend>;
    type Finding = Finding;

    async fn begin(db: &mut PgConnection, ids: &[Uuid]) -> db::Result<Subjects<Box<ToSend>>> {
        let taken = deliveries::begin(db, ids).await?.into_iter();
        Ok(taken.map(|delivery| (delivery.id.0, Box::new(delivery))).collect())
    }

    /// What is pending and was not taken waits for an earlier event.
    async fn defer(db: &mut PgConnection, jobs: &[Uuid]) -> db::Result<Vec<Uuid>> {
        Ok(deliveries::put_off(db, jobs).await?)
    }

    async fn run(context: &Context, claim: &Claim, delivery: Box<ToSend>) -> Finding {
        match sign(context, &delivery) {
            Ok(signed) => {
                let sent = context.webhooks.sender.send(&delivery.url, signed).await;
                let (claim, delivery) = (claim.clone(), *delivery);
                Finding::Attempted(Arc::new(Attempted { claim, delivery, sent, dice: throw() }))
            }
            Err(why) => {
                tracing::error!(why, delivery_id = %delivery.id, "a webhook could not be signed");
                Finding::Unsigned(claim.clone(), why)
            }
        }
    }

    async fn record(context: &Context, finding: &Finding) -> Result<Recorded, BatchError> {
        match finding {
            Finding::Attempted(attempted) => {
                let next = context.batches.attempted(attempted).await?;
                tell(attempted, next);
            }
            Finding::Unsigned(claim, why) => {
                let again = job::store::snooze(&context.pool, claim, SECRET_AGAIN, why).await;
                again.map_err(|error| Arc::new(db::Error::from(error)))?;
            }
        }
        Ok(Recorded::default())
    }

    async fn bury(db: &mut PgConnection, claim: &Claim) -> db::Result<()> {
        Ok(deliveries::bury(db, claim.subject).await?)
    }

    fn names(delivery: &Box<ToSend>) -> Names {
        let merchant: MerchantId = delivery.merchant_id;
        Names { merchant: Some(merchant), ..Names::default() }
    }
}

/// Signs it for this moment: the world's, for a receiver looks at it.
fn sign(context: &Context, delivery: &ToSend) -> Result<Signed, String> {
    let place = Endpoint::sealed_for(delivery.endpoint_id);
    let open = |sealed| context.webhooks.keyring.open(&place, sealed).map_err(|why| why.to_string());
    let secrets = delivery.secrets.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let (id, timestamp) = (delivery.event_id.to_string(), clock::outside().timestamp());
    let signatures = signatures(&secrets, &id, timestamp, &delivery.body).map_err(|why| why.to_string())?;
    Ok(Signed { id, timestamp, signatures, body: delivery.body.clone() })
}

#[expect(clippy::disallowed_methods, reason = "where randomness enters: it is a parameter from here on")]
fn throw() -> u32 {
    rand::rng().random_range(0..=DICE_MAX)
}

fn tell(attempted: &Attempted, next: Option<Next>) {
    let outcome = match next {
        Some(Next::Delivered) => "delivered",
        Some(Next::Again(_)) | None => "failed",
        Some(Next::GivenUp) => "given_up",
        Some(Next::Skipped) => "disabled",
    };
    let Attempted { delivery, sent, .. } = attempted;
    metrics::counter!("webhook_deliveries_total", "outcome" => outcome).increment(1);
    metrics::histogram!("webhook_request_duration_seconds", "outcome" => outcome).record(sent.duration);
    tracing::info!(
        delivery_id = %delivery.id,
        endpoint_id = %delivery.endpoint_id,
        event_id = %delivery.event_id,
        outcome,
        status = sent.outcome.status(),
        error = sent.error,
        "told an endpoint"
    );
}
