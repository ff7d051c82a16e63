//! Payments by a key whose day is capped. Each is accepted in a transaction of its own, which counts it: whoever has no
//! such cap waits for nobody who has.

use common::{
    id::ApiKeyId,
    job::Kind,
    merchant::{caps::OverCap, store::spending},
    money::Money,
    payment::store::{self, Accepted},
};

use crate::{App, error::ApiError, intake::Request};

/// Accepts a payment, if the day of its key has room for it. Otherwise nothing is stored.
pub async fn accept(app: &App, key: ApiKeyId, cap: Money, request: Request) -> Result<Accepted, ApiError> {
    let Request { new, traceparent, reply_to } = request;
    let money = new.request.money;
    let mut transaction = app.pool.begin().await?;
    let merchant = new.merchant_id;
    let has_room = app.flows.take(Kind::ChargePayment, merchant, 1);
    let full = (!has_room).then_some(merchant.0);
    let mut accepted = store::accept(&mut transaction, &[(new, Some(traceparent))], full.as_slice()).await?;
    let accepted = accepted.pop().ok_or(ApiError::Internal)?;
    if let Accepted::New(..) = accepted
        && !spending::count(&mut transaction, key, money, cap).await?
    {
        return Err(over(&OverCap::Day(cap)));
    }
    transaction.commit().await?;
    if let Accepted::New(_, job) = accepted
        && has_room
    {
        app.publisher.offer(Kind::ChargePayment, [job], reply_to.as_deref());
    }
    Ok(accepted)
}

/// The key is capped.
pub fn over(cap: &OverCap) -> ApiError {
    ApiError::forbidden(cap.code(), cap)
}
