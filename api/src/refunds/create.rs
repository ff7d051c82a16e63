//! `POST /refund-payment`: accepts a refund; the gateway is asked by a worker.

use axum::{extract::State, response::Response};
use common::{
    gateway::RefundReason,
    id::{MerchantId, PaymentId, RefundId},
    job::Kind,
    merchant::{caps::OverCap, store::spending},
    metadata::Metadata,
    refund::{
        NewRefund, Refund, RefundParams,
        state::Refusal,
        store::{self, Accepted as Stored},
    },
};
use sha2::{Digest as _, Sha256};

use crate::{
    App, answer,
    auth::{Caller, RefundsWrite},
    docs::CreateProblems,
    error::{ApiError, Problem},
    extract::{Body, Faults, IdempotencyKey, NONE_OF_YOURS, PositiveAmount, Prefer, Trace, body},
};

use super::RefundView;

body! {
    /// A refund to be made.
    #[example({
        "payment": "pay_0193a3f1c2d87b51a9f0c4d2e8b7a601",
        "amount": "20.00",
        "reason": "requested_by_customer"
    })]
    pub struct RefundPayment {
        /// The payment: it must have succeeded.
        payment: PaymentId,
        /// A decimal string in major units of the payment's currency, and not a number; without it all that is left.
        #[example = "20.00"]
        amount: Option<PositiveAmount>,
        /// Why.
        #[example = "requested_by_customer"]
        reason: Option<RefundReason>,
        /// Up to 50 keys (40 characters) with values (500 characters) of your own.
        metadata: Option<Metadata>,
    }
    read(at, reader) -> RefundParams {
        Some(RefundParams {
            payment_id: payment?,
            amount: amount?.map(|amount| amount.normalize()),
            reason: reason?,
            metadata: metadata?.unwrap_or_default(),
        })
    }
}

/// Refund a payment
///
/// Gives back what a payment has taken, whole or in parts. However many refunds are asked for at once, they
/// never exceed what was taken.
#[utoipa::path(
    post, path = "/refund-payment", operation_id = "createRefund", tag = "Refunds", request_body = RefundPayment,
    params(
        IdempotencyKey,
        Prefer,
    ),
    responses(
        (status = 202, body = RefundView, description = "Accepted. `Location` names the status URL; `Idempotent-Replayed: true` tells a repetition.",
            example = json!({ "status": "pending", "gateway_reference": null })),
        (status = 409, body = Problem, description = "The payment has not succeeded, or less is left than was asked for.",
            example = json!({ "code": "payment-not-succeeded", "detail": "A payment that is pending has nothing to refund; only a succeeded one has." })),
        CreateProblems,
    ),
)]
pub async fn create(
    State(app): State<App>,
    caller: Caller<RefundsWrite>,
    IdempotencyKey(key): IdempotencyKey,
    prefer: Prefer,
    Trace(traceparent): Trace,
    Body(params): Body<RefundPayment>,
) -> Result<Response, ApiError> {
    let new = new_refund(caller.merchant, key, params);
    let mut transaction = app.pool.begin().await?;
    let caps = &caller.key.rights.caps;
    if caps.own_payments_only
        && !spending::is_own(&mut *transaction, caller.key.first_key_id, new.params.payment_id).await?
    {
        return Err(ApiError::forbidden(OverCap::NotItsOwn.code(), &OverCap::NotItsOwn));
    }
    let stored = store::accept(&mut transaction, &new, &traceparent).await?;
    transaction.commit().await?;
    match stored {
        Stored::New(refund, job) => {
            let refund = app.follow(prefer, *refund, [(Kind::RefundPayment, job)]).await;
            Ok(accepted(&app, caller.livemode, refund, prefer, false))
        }
        Stored::Repeated(refund) => {
            let refund = app.follow(prefer, *refund, []).await;
            Ok(accepted(&app, caller.livemode, refund, prefer, true))
        }
        Stored::KeyReused => Err(ApiError::IdempotencyKeyReused),
        Stored::NoPayment => Err(Faults::one("/payment", NONE_OF_YOURS)),
        Stored::Refused(refusal) => Err(refused(&refusal)),
    }
}

fn accepted(app: &App, livemode: bool, refund: Refund, prefer: Prefer, replayed: bool) -> Response {
    let (path, is_final) = (format!("/refunds/{}", refund.id), refund.status.is_final());
    answer::accepted(&path, is_final, prefer, replayed, &RefundView::new(app, livemode, refund))
}

fn new_refund(merchant_id: MerchantId, idempotency_key: String, params: RefundParams) -> NewRefund {
    // Over what was understood, not over its bytes: spaces and the order of fields do not matter.
    let understood = serde_json::to_vec(&params).unwrap_or_default();
    let request_hash = Sha256::digest(understood).into();
    NewRefund { id: RefundId::new(), merchant_id, idempotency_key, request_hash, params }
}

fn refused(refusal: &Refusal) -> ApiError {
    let code = match refusal {
        Refusal::NotSettled(_) => "payment-not-succeeded",
        Refusal::NothingLeft { .. } => "payment-fully-refunded",
        Refusal::TooMuch { .. } => "refund-exceeds-payment",
        Refusal::GivenOtherwise { .. } => "payment-credited",
        Refusal::NotAnAmount(detail) => return Faults::one("/amount", detail),
    };
    ApiError::refused(code, refusal)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{extract::part, gateway_routing::GatewayRouting};

    /// Stored for ever with each refund: another hash for the same request would refuse its repetition
    /// after an upgrade.
    #[test]
    fn the_hash_of_a_request_is_pinned() {
        let hash = |body| {
            let params = part::read::<RefundPayment>(Value::into(body), &GatewayRouting::default());
            let new = new_refund(MerchantId::new(), "k".into(), params.expect("a valid body"));
            new.request_hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        let payment = "pay_0193a3f1c2d87b51a9f0c4d2e8b7a601";
        let least = hash(json!({ "payment": payment }));
        assert_eq!(least, hash(json!({ "payment": payment, "amount": null, "metadata": {} })));
        let most = json!({
            "payment": payment, "amount": "5.00", "reason": "duplicate", "metadata": { "b": "2", "a": "1" },
        });
        assert_eq!(
            hash(most.clone()),
            hash(json!({
                "metadata": { "a": "1", "b": "2" }, "reason": "duplicate", "amount": "5", "payment": payment,
            }))
        );
        assert_eq!((&least[..16], &hash(most)[..16]), ("4afb130e18b74afb", "d7caf4f5d7a97cd0"));
    }
}
