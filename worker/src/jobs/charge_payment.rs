//! Charges a payment under its own key. Safe to run twice: the gateway answers the second time what it
//! answered the first, for as long as it knows the key. After that only a look-up is safe.
//!
//! A payment of an invoice charges a method that its gateway has saved. Until it is, it is saved first.

use common::{
    customer,
    gateway::{Answer, Report},
    job::Claim,
    payment::{Payment, state, store},
};

use crate::Context;

/// Asks the payment's gateway for the money.
pub async fn run(context: &Context, claim: &Claim, payment: &Payment) -> Answer {
    if !state::may_send(payment, claim.at) {
        return super::look_up(super::KEY_FORGOTTEN);
    }
    let trace = claim.traceparent.as_deref();
    let mut request = payment.charge_request(trace);
    if payment.billing.is_some() && request.saved.is_none() {
        match save(context, claim, payment).await {
            Ok(saved) => request.saved = saved,
            Err(answer) => return answer,
        }
    }
    context.gateways.get(payment.order.gateway).charge(&request).await
}

/// Saves the payment's method, and remembers it before it is charged: the same key always carries the same
/// request. Where that fails nothing was charged, so the whole may be tried again.
async fn save(
    context: &Context,
    claim: &Claim,
    payment: &Payment,
) -> Result<Option<common::gateway::SavedMethod>, Answer> {
    let not_sent = |why: String| Report::NotSent { why, retry_after: None };
    let asked = customer::store::save_request(&context.pool, payment, claim.traceparent.as_deref()).await;
    let request = match asked {
        Ok(Some(request)) => request,
        Ok(None) => return Ok(None),
        Err(error) => return Err(Answer::without_a_call(not_sent(error.to_string()))),
    };
    let answer = context.gateways.get(payment.order.gateway).save_method(&request).await;
    match answer.report {
        Report::Saved { method, .. } => match store::remember_saved(&context.pool, payment.id, &method).await
        {
            Ok(method) => Ok(Some(method)),
            Err(error) => Err(Answer::without_a_call(not_sent(error.to_string()))),
        },
        // Whether it was saved is not known, but that it was not charged is.
        Report::Unknown { why, .. } => Err(Answer { report: not_sent(why), ..answer }),
        _ => Err(answer),
    }
}
