//! Operations on payments: one call under a key each.

use std::time::Instant;

use crate::gateway::{
    Answer, CancelRequest, CaptureRequest, ChargeOutcome, ChargeRequest, Fault, GatewayKey, InDoubt,
    RefundOutcome, RefundRequest, Sending, sending::TooLate,
};

use super::{
    Stripe, answer, http,
    request::{self, Fields, Unspeakable},
    response::{self, Object, Operation},
};

impl Stripe {
    pub(super) async fn charge(&self, request: &ChargeRequest) -> Answer<ChargeOutcome> {
        let form = request::charge(request);
        self.operate(Operation::Charge, &["payment_intents"], &request.key, form, &request.sending).await
    }

    pub(super) async fn capture(&self, request: &CaptureRequest) -> Answer<ChargeOutcome> {
        let path = ["payment_intents", &request.gateway_ref, "capture"];
        let form = request::capture(request);
        self.operate(Operation::Capture, &path, &request.key, form, &request.sending).await
    }

    pub(super) async fn cancel(&self, request: &CancelRequest) -> Answer<ChargeOutcome> {
        let path = ["payment_intents", &request.gateway_ref, "cancel"];
        let form = Ok(request::cancel());
        self.operate(Operation::Cancel, &path, &request.key, form, &request.sending).await
    }

    pub(super) async fn refund(&self, request: &RefundRequest) -> Answer<RefundOutcome> {
        let form = request::refund(request);
        self.operate(Operation::Refund, &["refunds"], &request.key, form, &request.sending).await
    }

    /// One call under a key. What cannot be put into Stripe's words is not sent.
    async fn operate<T: Object>(
        &self,
        operation: Operation,
        path: &[&str],
        key: &GatewayKey,
        form: Result<Fields, Unspeakable>,
        sending: &Sending,
    ) -> Answer<T> {
        let form = match form {
            Ok(form) => form,
            Err(unspeakable) => {
                let (code, message) = (unspeakable.code().into(), unspeakable.to_string());
                return Answer::without_a_call(Err(InDoubt::Refused {
                    code,
                    message,
                    fault: Fault::Request,
                }));
            }
        };
        // The body looks at the clock once more when it is written; a cancellation has none.
        if sending.is_too_late() {
            return Answer::without_a_call(Err(http::held_back(TooLate.to_string())));
        }
        let started = Instant::now();
        let received = self.http.post(path, key, &form, sending).await;
        let report = match &received {
            Ok(received) => response::read(operation, received),
            Err(error) => Err(http::not_answered(error)),
        };
        answer(operation.as_str(), started.elapsed(), report, received.as_ref().ok())
    }
}
