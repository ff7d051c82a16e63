//! What is written about payments: their rows, the calls made for them, the events that merchants are
//! told, the entries in the books. Many in one statement.

use std::collections::{HashMap, HashSet};

use serde_json::json;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    db::column,
    event::{Event, EventType},
    gateway::{Answer, Charge, ChargeOutcome, InDoubt, Outcome, Report},
    job::Claim,
    ledger::{Kind, Posting, Subject},
    money::Money,
    payment::{Payment, Status},
};

/// A payment that is to be written has changed at this moment: it is the next version of the one that was read. Whoever
/// waited for its lock began before, and did not change it before.
pub(super) fn touch(payment: &mut Payment, now: Timestamp) {
    payment.version += 1;
    payment.updated_at = now.max(payment.updated_at);
}

/// Writes payments, each over the version before it and no other, and answers which.
pub async fn update<'a>(
    db: &mut PgConnection,
    changed: impl Iterator<Item = &'a Payment>,
) -> sqlx::Result<HashSet<Uuid>> {
    // Two results for one payment in one batch: the first is in time, the second is late. In the order
    // of their ids, so that two batches cannot wait for each other.
    let mut first = HashMap::new();
    for payment in changed {
        first.entry(payment.id).or_insert(payment);
    }
    let mut payments: Vec<&Payment> = first.into_values().collect();
    payments.sort_by_key(|payment| payment.id);
    let written = sqlx::query_scalar!(
        "UPDATE payments p
         SET status = n.status, stage = n.stage, stage_number = n.stage_number, stage_amount = n.stage_amount,
             amount_captured = n.captured, failure_code = n.failure_code,
             failure_message = n.failure_message, decline_class = n.decline_class,
             next_action_url = n.next_action_url,
             review_reason = coalesce(n.review_reason, CASE WHEN p.status <> 'needs_review' THEN p.review_reason END),
             version = n.version, updated_at = n.updated_at, settled_at = n.settled_at, gateway_ref = coalesce(n.gateway_ref, p.gateway_ref),
             charge_ref = n.charge_ref, card = n.card, calls_begun = n.calls_begun,
             calls_not_sent = n.calls_not_sent, first_call_at = n.first_call_at, last_call_at = n.last_call_at
         FROM unnest($1::uuid[], $2::text[], $3::numeric[], $4::text[], $5::text[], $6::text[], $7::text[],
                     $8::text[], $9::timestamptz[], $10::timestamptz[], $11::text[], $12::text[],
                     $13::jsonb[], $14::integer[], $15::bigint[], $16::text[], $17::integer[],
                     $18::numeric[], $19::integer[], $20::timestamptz[], $21::timestamptz[])
              AS n (id, status, captured, failure_code, failure_message, decline_class, next_action_url,
                    review_reason, updated_at, settled_at, gateway_ref, charge_ref, card, calls_not_sent, version,
                    stage, stage_number, stage_amount, calls_begun, first_call_at, last_call_at)
         WHERE p.id = n.id AND p.version = n.version - 1
         RETURNING p.id",
        &column(&payments, |p| p.id.0),
        &column(&payments, |p| p.status.as_str().to_owned()),
        &column(&payments, |p| p.amount_captured),
        &column(&payments, |p| p.failure.as_ref().map(|f| f.code.clone())) as _,
        &column(&payments, |p| p.failure.as_ref().map(|f| f.message.clone())) as _,
        &column(&payments, |p| p.failure.as_ref().and_then(|f| f.decline_class).map(|c| c.as_str().to_owned())) as _,
        &column(&payments, |p| p.next_action_url.clone()) as _,
        &column(&payments, |p| p.review_reason.clone()) as _,
        &column(&payments, |p| p.updated_at),
        &column(&payments, |p| p.settled_at) as _,
        &column(&payments, |p| p.gateway_ref.as_deref()) as _,
        &column(&payments, |p| p.charge_ref.as_deref()) as _,
        &column(&payments, |p| p.card.clone().map(Json)) as _,
        &column(&payments, |p| p.call_log.calls_not_sent),
        &column(&payments, |p| p.version),
        &column(&payments, |p| p.stage.as_str().to_owned()),
        &column(&payments, |p| p.stage_number),
        &column(&payments, |p| p.stage_amount) as _,
        &column(&payments, |p| p.call_log.calls_begun),
        &column(&payments, |p| p.call_log.first_call_at) as _,
        &column(&payments, |p| p.call_log.last_call_at) as _,
    )
    .fetch_all(db)
    .await?;
    Ok(written.into_iter().collect())
}

/// Writes a payment that goes on at its other gateway, where it has no names yet.
pub async fn reroute(db: &mut PgConnection, payment: &Payment) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE payments SET gateway = $2, method_type = $3, method_token = $4, fallback = NULL,
             gateway_account_id = NULL, gateway_ref = NULL, charge_ref = NULL, card = NULL WHERE id = $1",
        payment.id.0,
        payment.route.gateway.as_str(),
        payment.route.method.as_str(),
        payment.route.token,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes down the calls to a gateway that were made for payments.
pub(crate) async fn insert_calls<'a, T: Outcome + 'a>(
    db: &mut PgConnection,
    calls: impl Iterator<Item = (Uuid, &'a Claim, &'a Answer<T>)>,
    now: Timestamp,
) -> sqlx::Result<()> {
    // What was snoozed was no call.
    let calls: Vec<_> =
        calls.filter(|(_, _, answer)| !matches!(answer.report, Err(InDoubt::Deferred { .. }))).collect();
    sqlx::query!(
        "INSERT INTO gateway_calls (payment_id, job_id, attempt, operation, outcome, detail, http_status,
             request_id, duration_ms, at)
         SELECT *, $10::timestamptz FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[],
             $5::text[], $6::text[], $7::integer[], $8::text[], $9::integer[])
         ON CONFLICT DO NOTHING",
        &column(&calls, |(payment, _, _)| *payment),
        &column(&calls, |(_, claim, _)| claim.id.0),
        &column(&calls, |(_, claim, _)| claim.attempt),
        &column(&calls, |(_, _, answer)| answer.call.operation.to_owned()),
        &column(&calls, |(_, _, answer)| answer.word().to_owned()),
        &column(&calls, |(_, _, answer)| answer.detail()) as _,
        &column(&calls, |(_, _, answer)| answer.call.http_status.map(i32::from)) as _,
        &column(&calls, |(_, _, answer)| answer.call.request_id.clone()) as _,
        &column(&calls, |(_, _, answer)| i32::try_from(answer.call.duration.as_millis()).unwrap_or(i32::MAX)),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A payment has come into its present status.
pub(super) fn status_event(payment: &Payment) -> Event {
    Event {
        merchant_id: payment.merchant_id,
        subject: payment.id.0,
        r#type: match payment.status {
            Status::Pending => EventType::PaymentPending,
            Status::Processing => EventType::PaymentProcessing,
            Status::RequiresAction => EventType::PaymentRequiresAction,
            Status::Authorized => EventType::PaymentAuthorized,
            Status::Succeeded => EventType::PaymentSucceeded,
            Status::Failed => EventType::PaymentFailed,
            Status::Canceled => EventType::PaymentCanceled,
            Status::NeedsReview => EventType::PaymentNeedsReview,
        },
        data: json!({
            "id": payment.id,
            "object": "payment",
            "status": payment.status,
            "amount": payment.request.money.display_amount(),
            "currency": payment.request.money.currency,
            "order_id": payment.request.order_id,
            "metadata": payment.request.metadata,
            "invoice": payment.billing.as_ref().map(|billing| billing.invoice),
            "failure": payment.failure,
        }),
    }
}

/// What the books say of a payment that has come into its present status: money that moved, and its fee
/// where the gateway has told it.
pub(crate) fn postings(payment: &Payment, report: &Report<ChargeOutcome>) -> Vec<Posting> {
    let Ok(ChargeOutcome::Succeeded(Charge { fee, .. })) = report else { return Vec::new() };
    if payment.status != Status::Succeeded {
        return Vec::new();
    }
    let subject =
        Subject { merchant_id: payment.merchant_id, gateway: payment.route.gateway, id: payment.id.0 };
    let money = Money { amount: payment.amount_captured, ..payment.request.money };
    let captured = subject.posting(Kind::PaymentCaptured, money);
    let fee = fee.and_then(|fee| subject.posting(Kind::PaymentFee, fee));
    captured.into_iter().chain(fee).collect()
}
