//! `POST /payments/{id}/capture` and `POST /payments/{id}/cancel`: what a merchant asks of a payment that
//! was accepted. Both are one command at most, so neither needs a key: asked again, they answer the same.

use axum::{extract::State, response::Response};
use common::{
    billing::settlement,
    clock::Timestamp,
    id::PaymentId,
    payment::{
        Payment,
        state::{self, Decision, Refusal},
        store::{self, CommandResult},
    },
};
use rust_decimal::Decimal;

use crate::{
    App,
    auth::{Caller, PaymentsWrite},
    docs::ChangeProblems,
    error::{ApiError, Problem},
    extract::{Faults, NoBody, OptionalBody, PathId, PositiveAmount, Prefer, Trace, body},
};

use super::{PaymentView, accepted};

body! {
    /// What is to be taken of what was reserved.
    #[example({ "amount": "29.90" })]
    pub struct CapturePayment {
        /// A decimal string in major units, and not a number; without it all that was reserved. The rest is released.
        #[example = "29.90"]
        amount: Option<PositiveAmount>,
    }
}

/// Capture a payment
///
/// Takes what an authorized payment has reserved, or a part of it; the rest is released. Once: the same
/// request again answers the same.
#[utoipa::path(
    post, path = "/payments/{id}/capture", operation_id = "capturePayment", tag = "Payments", request_body = Option<CapturePayment>,
    params(
        PathId<PaymentId>,
        Prefer,
    ),
    responses(
        (status = 202, body = PaymentView, description = "It is being captured: `processing`, then `succeeded`.",
            headers(("Idempotent-Replayed" = String))),
        (status = 409, body = Problem, description = "Nothing is reserved, or a cancellation came first.",
            example = json!({ "code": "payment-not-authorized", "detail": "A payment that is succeeded has nothing to capture; only an authorized one has." })),
        ChangeProblems,
    ),
)]
pub async fn capture(
    State(app): State<App>,
    caller: Caller<PaymentsWrite>,
    PathId(id): PathId<PaymentId>,
    prefer: Prefer,
    Trace(traceparent): Trace,
    OptionalBody(CapturePayment { amount }): OptionalBody<CapturePayment>,
) -> Result<Response, ApiError> {
    let current = store::find(&app.pool, caller.merchant, id).await?.ok_or(ApiError::NotFound)?;
    check_amount(&current, amount)?;
    let decide = |payment: &mut Payment, now| state::capture(payment, amount, now);
    ask(&app, &caller, id, prefer, &traceparent, decide).await
}

/// Cancel a payment
///
/// Calls off what has not moved yet: a payment that waits, one whose payer is at work, or one that is
/// authorized, whose reservation is released. What has succeeded is refunded instead.
#[utoipa::path(
    post, path = "/payments/{id}/cancel", operation_id = "cancelPayment", tag = "Payments",
    params(
        PathId<PaymentId>,
        Prefer,
    ),
    responses(
        (status = 202, body = PaymentView, description = "`canceled`, or `processing` while the gateway is asked.",
            headers(("Idempotent-Replayed" = String))),
        (status = 409, body = Problem, description = "It is at the gateway at this moment, or it has ended: the answer says which.",
            example = json!({ "code": "payment-under-way", "detail": "The payment is at the gateway at this moment; its outcome decides." })),
        ChangeProblems,
    ),
)]
pub async fn cancel(
    State(app): State<App>,
    caller: Caller<PaymentsWrite>,
    PathId(id): PathId<PaymentId>,
    prefer: Prefer,
    Trace(traceparent): Trace,
    _: NoBody,
) -> Result<Response, ApiError> {
    ask(&app, &caller, id, prefer, &traceparent, state::cancel).await
}

/// Decides the command under the payment's lock, and waits for its outcome if that is preferred.
async fn ask(
    app: &App,
    caller: &Caller<PaymentsWrite>,
    id: PaymentId,
    prefer: Prefer,
    traceparent: &str,
    decide: impl FnOnce(&mut Payment, Timestamp) -> Decision,
) -> Result<Response, ApiError> {
    let mut transaction = app.pool.begin().await?;
    let answered = settlement::execute(&mut transaction, caller.merchant, id, traceparent, decide).await?;
    transaction.commit().await?;
    let CommandResult { payment, decision, job } = answered.ok_or(ApiError::NotFound)?;
    let job = job.map(|(job, kind)| (kind, job));
    match decision {
        Decision::Accepted(_) | Decision::Repeated => {
            let payment = app.follow(prefer, payment, job).await;
            Ok(accepted(app, caller.livemode, payment, prefer, decision == Decision::Repeated))
        }
        Decision::Refused(refusal) => Err(refused(&refusal)),
    }
}

fn refused(refusal: &Refusal) -> ApiError {
    let code = match refusal {
        Refusal::UnderWay => "payment-under-way",
        Refusal::TooLate(_) => "payment-decided-otherwise",
        Refusal::NothingReserved(_) => "payment-not-authorized",
        Refusal::Ended(..) => "payment-ended",
        Refusal::InReview => "payment-in-review",
        Refusal::TooMuch { .. } => "capture-exceeds-authorization",
    };
    ApiError::refused(code, refusal)
}

/// Whether the payment's currency and gateway have such an amount.
fn check_amount(payment: &Payment, amount: Option<Decimal>) -> Result<(), ApiError> {
    let Some(amount) = amount else { return Ok(()) };
    let money = common::money::Money::new(amount, payment.request.money.currency).map_err(|e| e.to_string());
    let checked = money.and_then(|money| payment.route.gateway.check_amount(&money));
    checked.map_err(|detail| Faults::one("/amount", detail))
}
