//! The rows of `gateway_events`. An event is stored once, with the job that will work it off, and leads to
//! the same look-up that a worker in doubt would make.

pub mod certificates;

use std::time::Duration;

use sqlx::{PgConnection, PgPool, types::Json};
use uuid::Uuid;

use crate::{
    alarm::Alarm,
    db::{self, unreadable},
    dispute,
    gateway::{About, Event, GatewayName, GatewayRef, Received},
    id::{GatewayAccountId, GatewayEventId, JobId, MerchantId, PaymentId, RefundId},
    job::{self, Kind},
    payment::{Status, store as payments},
    refund::{self, state::adoption::Missing, store::Adopted},
};

use super::{EventCheck, Findings, GatewayEvent, News, Sender};

/// Events of one gateway that wait to be verified, at most: anybody may send one, and each costs a question to the
/// gateway.
const UNVERIFIED_MAX: i64 = 1000;

/// What became of an event that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It was stored, and this job will work it off.
    New(Kind, JobId),
    /// It came before, or tells what is known: nothing is to be done.
    Known,
    /// Too many wait to be verified: nothing was stored, and the gateway should send it again.
    TooMany,
}

/// Stores an event with its job. `unverified` is what the gateway must be asked to verify.
///
/// Fails when the database fails; then the gateway should send it again.
pub async fn accept(
    pool: &PgPool,
    (gateway, sender): (GatewayName, Option<Sender>),
    event: &Event,
    unverified: Option<&Received>,
) -> sqlx::Result<Accepted> {
    let mut transaction = pool.begin().await?;
    if !is_theirs(&mut transaction, sender, &event.about).await?
        || !is_news(&mut transaction, gateway, &event.about).await?
    {
        return Ok(Accepted::Known);
    }
    if unverified.is_some() && !has_room(&mut transaction, gateway).await? {
        return Ok(Accepted::TooMany);
    }
    let id = GatewayEventId::new();
    let stored = sqlx::query!(
        "INSERT INTO gateway_events (id, gateway, event_id, kind, about, verified, headers, body,
             gateway_account_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (gateway, event_id) WHERE verified DO NOTHING",
        id.0,
        gateway.as_str(),
        name(sender, &event.id),
        event.kind,
        Json(&event.about) as _,
        unverified.is_none(),
        unverified.map(|received| Json(&received.headers)) as _,
        unverified.map(|received| received.body.as_slice()),
        sender.map(|sender| sender.account.0),
    )
    .execute(&mut *transaction)
    .await?;
    if stored.rows_affected() == 0 {
        return Ok(Accepted::Known);
    }
    let (kind, after) =
        (if unverified.is_some() { Kind::VerifyEvent } else { Kind::HandleEvent }, Duration::ZERO);
    let job = job::store::enqueue(&mut *transaction, kind, id.0, after, None).await?;
    transaction.commit().await?;
    Ok(Accepted::New(kind, job))
}

/// By what an event is known again. Names are each account's own: nobody's event is kept out by one that another
/// merchant has made up.
fn name(sender: Option<Sender>, event_id: &str) -> String {
    match sender {
        Some(Sender { account, .. }) => format!("{account}:{event_id}"),
        None => event_id.to_owned(),
    }
}

/// Whether what it is about may be told of by its sender. Of a dispute, and of a refund that somebody else has made, the
/// account's own answer says what payment it is about: that is looked at when it is recorded.
async fn is_theirs(db: &mut PgConnection, sender: Option<Sender>, about: &About) -> sqlx::Result<bool> {
    let Some(sender) = sender else { return Ok(true) };
    match about {
        About::Payment { reference, .. } => is_payment_of(db, sender, Some(reference)).await,
        About::Refund { reference } => {
            let Ok(RefundId(id)) = reference.parse() else { return Ok(false) };
            sqlx::query_scalar!(
                r#"SELECT EXISTS (SELECT FROM refunds WHERE id = $1 AND merchant_id = $2) AS "is_theirs!""#,
                id,
                sender.merchant.0,
            )
            .fetch_one(db)
            .await
        }
        About::GatewayRefund { .. } | About::Dispute { .. } | About::Nothing => Ok(true),
    }
}

/// Whether this is our name of a payment of the sender's.
async fn is_payment_of(db: &mut PgConnection, sender: Sender, reference: Option<&str>) -> sqlx::Result<bool> {
    let Some(Ok(PaymentId(id))) = reference.map(str::parse) else { return Ok(false) };
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM payments WHERE id = $1 AND merchant_id = $2) AS "is_theirs!""#,
        id,
        sender.merchant.0,
    )
    .fetch_one(db)
    .await
}

/// Whether one more of the gateway's may wait to be verified. Whoever asks holds the others off until its end, so
/// that no two take the last place; and counts no further than matters.
async fn has_room(db: &mut PgConnection, gateway: GatewayName) -> sqlx::Result<bool> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('gateway_events'), hashtext($1))", gateway.as_str(),)
        .execute(&mut *db)
        .await?;
    let waiting = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!"
           FROM (SELECT FROM gateway_events WHERE NOT verified AND gateway = $1 LIMIT $2) waiting"#,
        gateway.as_str(),
        UNVERIFIED_MAX,
    )
    .fetch_one(db)
    .await?;
    Ok(waiting < UNVERIFIED_MAX)
}

/// Most events tell what the answer to our own call has told before. They are not kept: what nobody works
/// off would keep its body, and with it a payer's name, for ever.
async fn is_news(db: &mut PgConnection, gateway: GatewayName, about: &About) -> sqlx::Result<bool> {
    Ok(match about {
        About::Payment { reference, gateway_ref, refunded } => match reference.parse() {
            Ok(id) => payments::find_any(&mut *db, id).await?.is_some_and(|payment| {
                let is_another = |named: &GatewayRef| payment.is_beside(gateway, named);
                // What is only held may be another refund than the one that is told of.
                let is_more = refunded.is_some_and(|refunded| refunded > payment.amount_refunded);
                payment.status != Status::Succeeded || gateway_ref.as_ref().is_some_and(is_another) || is_more
            }),
            Err(_) => false,
        },
        About::Refund { reference } => reference.parse::<RefundId>().is_ok(),
        About::GatewayRefund { .. } | About::Dispute { .. } => true,
        About::Nothing => false,
    })
}

/// A worker is about to work these off.
pub async fn begin(db: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<GatewayEvent>> {
    let rows = sqlx::query!(
        r#"SELECT e.id, e.gateway, kind, about AS "about: Json<About>",
                  headers AS "headers: Json<std::collections::BTreeMap<String, String>>", body,
                  a.id AS "account?", a.merchant_id AS "merchant?"
           FROM gateway_events e LEFT JOIN gateway_accounts a ON a.id = e.gateway_account_id
           WHERE e.id = ANY($1) AND handled_at IS NULL"#,
        ids,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let headers = row.headers.map(|json| json.0).unwrap_or_default();
            Ok(GatewayEvent {
                id: GatewayEventId(row.id),
                gateway: row.gateway.parse().map_err(unreadable)?,
                sender: row.account.zip(row.merchant).map(|(account, merchant)| Sender {
                    account: GatewayAccountId(account),
                    merchant: MerchantId(merchant),
                }),
                kind: row.kind,
                about: row.about.0,
                unverified: row.body.map(|body| Received { headers, body }),
            })
        })
        .collect()
}

/// Acts on what was learnt, and ends the job, in one transaction. Answers what an operator should be woken
/// for.
///
/// Fails when the database fails; then nothing was done, and the same may be done again.
pub async fn settle(pool: &PgPool, findings: &Findings) -> db::Result<Option<Alarm>> {
    let Findings { claim, event, check } = findings;
    let mut transaction = pool.begin().await?;
    let db = &mut *transaction;
    let mut alarm = None;
    match check {
        EventCheck::Unknown(why) if !given_up(&mut *db, event).await? => {
            let wait = claim.kind.retry_policy().delay(claim.tries);
            job::store::retry(&mut *db, claim, wait, why).await?;
            transaction.commit().await?;
            return Ok(None);
        }
        EventCheck::Unknown(_) => alarm = Some(Alarm::EventGivenUp),
        EventCheck::Forged => {
            sqlx::query!("DELETE FROM gateway_events WHERE id = $1", event.id.0).execute(&mut *db).await?;
        }
        EventCheck::Genuine(news) => {
            if handled(&mut *db, event).await? {
                // Payments are locked before jobs, as everywhere.
                let recorded = record(&mut *db, event, news).await?;
                follow(&mut *db, event.gateway, &event.about).await?;
                if let Some(missing) = recorded.missing
                    && is_waited_for(&mut *db, event).await?
                {
                    let wait = claim.kind.retry_policy().delay(claim.tries);
                    job::store::retry(&mut *db, claim, wait, &missing.to_string()).await?;
                    transaction.commit().await?;
                    return Ok(None);
                }
                alarm = recorded.alarm.or(recorded.missing.map(|_| Alarm::EventGivenUp));
            }
        }
    }
    job::store::finish(&mut *db, &[claim.id.0], &[claim.attempt]).await?;
    transaction.commit().await?;
    Ok(alarm)
}

/// What came of what the gateway says.
#[derive(Default)]
struct Recorded {
    /// What an operator should be woken for.
    alarm: Option<Alarm>,
    /// Something that must be known before all of it can be written down.
    missing: Option<Missing>,
}

/// Writes down what the gateway says.
async fn record(db: &mut PgConnection, event: &GatewayEvent, news: &News) -> db::Result<Recorded> {
    let mut recorded = Recorded::default();
    let gateway = event.gateway;
    match news {
        News::Hint => {}
        News::Dispute(dispute) if !may_tell(&mut *db, event, dispute.reference.as_deref()).await? => {}
        News::Dispute(dispute) => match dispute::store::record(&mut *db, gateway, dispute).await? {
            dispute::store::Recorded::Ours { alarm } => recorded.alarm = alarm,
            dispute::store::Recorded::NotOurs => {}
        },
        News::Duplicate(found) => {
            let now = crate::db::now(&mut *db).await?;
            let is_new = payments::record_duplicate(&mut *db, found, now).await?;
            recorded.alarm = is_new.then_some(Alarm::MovedTwice);
        }
        News::Refunds(refunds) => {
            for made in refunds {
                if !may_tell(&mut *db, event, made.payment_reference.as_deref()).await? {
                    continue;
                }
                if let Adopted::NotYet(missing) = refund::store::adopt(&mut *db, gateway, made).await? {
                    recorded.missing = Some(missing);
                }
            }
        }
    }
    Ok(recorded)
}

/// Whether the event's sender may tell of the payment that the gateway names: an account's owner writes there what they
/// like.
async fn may_tell(
    db: &mut PgConnection,
    event: &GatewayEvent,
    reference: Option<&str>,
) -> sqlx::Result<bool> {
    match event.sender {
        Some(sender) => is_payment_of(db, sender, reference).await,
        None => Ok(true),
    }
}

/// An event that cannot be worked off to its end yet waits, for three days at most: then it is left to the
/// reconciliation.
async fn is_waited_for(db: &mut PgConnection, event: &GatewayEvent) -> sqlx::Result<bool> {
    let waits = sqlx::query!(
        "UPDATE gateway_events SET handled_at = NULL
         WHERE id = $1 AND received_at >= remit_now() - interval '3 days'",
        event.id.0,
    )
    .execute(db)
    .await?;
    Ok(waits.rows_affected() == 1)
}

/// Drops an event that could not be looked into for three days: what it is about is looked up all the same,
/// and reconciled.
async fn given_up(db: &mut PgConnection, event: &GatewayEvent) -> sqlx::Result<bool> {
    let dropped = sqlx::query!(
        "DELETE FROM gateway_events WHERE id = $1 AND received_at < remit_now() - interval '3 days'",
        event.id.0,
    )
    .execute(db)
    .await?;
    Ok(dropped.rows_affected() == 1)
}

/// Marks it as verified and worked off; `false`: another copy of it was. Of copies that are verified at once the
/// first holds all of them, so that the others see what has become of it.
async fn handled(db: &mut PgConnection, event: &GatewayEvent) -> sqlx::Result<bool> {
    sqlx::query!(
        "SELECT FROM gateway_events
         WHERE NOT verified AND (gateway, event_id) = (SELECT gateway, event_id FROM gateway_events WHERE id = $1)
         ORDER BY id FOR UPDATE",
        event.id.0,
    )
    .execute(&mut *db)
    .await?;
    let marked = sqlx::query!(
        "UPDATE gateway_events e SET verified = true, headers = NULL, body = NULL, handled_at = remit_now()
         WHERE id = $1 AND handled_at IS NULL AND NOT EXISTS (
             SELECT FROM gateway_events o
             WHERE o.gateway = e.gateway AND o.event_id = e.event_id AND o.verified AND o.id <> e.id)",
        event.id.0,
    )
    .execute(&mut *db)
    .await?;
    if marked.rows_affected() == 1 {
        return Ok(true);
    }
    sqlx::query!("DELETE FROM gateway_events WHERE id = $1 AND NOT verified", event.id.0).execute(db).await?;
    Ok(false)
}

/// Calls for the look-up that a hint suggests.
async fn follow(db: &mut PgConnection, gateway: GatewayName, about: &About) -> sqlx::Result<()> {
    match about {
        About::Payment { reference, gateway_ref, .. } => {
            let Ok(PaymentId(id)) = reference.parse() else { return Ok(()) };
            payments::learn_gateway_ref(&mut *db, gateway, PaymentId(id), gateway_ref.as_deref()).await?;
            look_up(db, Kind::ResolvePayment, id).await
        }
        About::Refund { reference } => {
            let Ok(RefundId(id)) = reference.parse() else { return Ok(()) };
            look_up(db, Kind::ResolveRefund, id).await
        }
        About::GatewayRefund { .. } | About::Dispute { .. } | About::Nothing => Ok(()),
    }
}

async fn look_up(db: &mut PgConnection, kind: Kind, subject: Uuid) -> sqlx::Result<()> {
    job::store::enqueue(db, kind, subject, Duration::ZERO, None).await.map(drop)
}
