//! What follows a charge: capturing what was reserved, calling it off, giving back what was taken.

use crate::gateway::{
    Answer, CancelRequest, CaptureRequest, ChargeOutcome, ChargeRef, Fault, GatewayRef, InDoubt, Obstacle,
    RefundOutcome, RefundRequest, Report, Resolution,
};

use super::{
    Paypal,
    charging::{adopt, fetch},
    http::Talk,
    not_chargeable,
    refusal::{AUTHORIZATION_EXPIRED, CAPTURE_FULLY_REFUNDED, Meaning, Refusal, refund_decline},
    request,
    response::{self, Answered, Order, Payment, Refund, sort},
    unresolved,
};

impl Paypal {
    pub(super) async fn capture_authorization(&self, request: &CaptureRequest) -> Answer<ChargeOutcome> {
        let mut talk = Talk::operate(self, "capture", &request.sending);
        let report = capture(&mut talk, request).await;
        talk.answer(report)
    }

    pub(super) async fn void_authorization(&self, request: &CancelRequest) -> Answer<ChargeOutcome> {
        // An order that nobody completes moves no money: there is nothing to void.
        let Some(authorization) = &request.charge_ref else {
            let gateway_ref = request.gateway_ref.clone();
            return Answer::without_a_call(Ok(ChargeOutcome::Canceled { gateway_ref }));
        };
        let mut talk = Talk::operate(self, "cancel", &request.sending);
        let report = void(&mut talk, request, authorization).await;
        talk.answer(report)
    }

    pub(super) async fn refund_capture(&self, request: &RefundRequest) -> Answer<RefundOutcome> {
        let mut talk = Talk::operate(self, "refund", &request.sending);
        let report = refund(&mut talk, request).await;
        talk.answer(report)
    }
}

async fn capture(talk: &mut Talk<'_>, request: &CaptureRequest) -> Report<ChargeOutcome> {
    let Some(authorization) = &request.charge_ref else {
        return Err(refused("no_authorization", "there is no authorization that could be captured"));
    };
    let body = match request::capture(request) {
        Ok(body) => body,
        Err(error) => return Err(not_chargeable(&error)),
    };
    let path = ["v2", "payments", "authorizations", authorization, "capture"];
    let received = match talk.post(&path, &request.key, body).await {
        Ok(received) => received,
        Err(silence) => return Err(silence.in_doubt()),
    };
    match sort(&received) {
        Answered::Object(body) => match response::object::<Payment>(&body) {
            Ok(capture) if capture.id.is_some() => {
                capture.capture_report(&request.gateway_ref, Resolution::Replay)
            }
            Ok(_) => Err(replay("an answer without an id".into())),
            Err(why) => Err(replay(why)),
        },
        Answered::Refused(refusal) => refused_on_order(talk, &request.gateway_ref, &refusal).await,
        Answered::InDoubt(doubt) => Err(doubt),
    }
}

async fn void(
    talk: &mut Talk<'_>,
    request: &CancelRequest,
    authorization: &ChargeRef,
) -> Report<ChargeOutcome> {
    let path = ["v2", "payments", "authorizations", authorization, "void"];
    let received = match talk.post(&path, &request.key, String::new()).await {
        Ok(received) => received,
        Err(silence) => return Err(silence.in_doubt()),
    };
    match sort(&received) {
        Answered::Object(_) if received.status == 204 => {
            Ok(ChargeOutcome::Canceled { gateway_ref: request.gateway_ref.clone() })
        }
        Answered::Object(body) => match response::object::<Payment>(&body) {
            Ok(voided) => voided.authorization_report(&request.gateway_ref, Resolution::Replay),
            Err(why) => Err(replay(why)),
        },
        Answered::Refused(refusal) => refused_on_order(talk, &request.gateway_ref, &refusal).await,
        Answered::InDoubt(doubt) => Err(doubt),
    }
}

/// Where it was done already, the order knows how it ended.
async fn refused_on_order(
    talk: &mut Talk<'_>,
    order: &GatewayRef,
    refusal: &Refusal,
) -> Report<ChargeOutcome> {
    match refusal.meaning {
        Meaning::DoneAlready => match adopt(talk, order, refusal).await {
            Ok(ChargeOutcome::Authorized(_)) if refusal.issue == AUTHORIZATION_EXPIRED => {
                Ok(ChargeOutcome::Canceled { gateway_ref: order.clone() })
            }
            // The reservation still stands: neither was it captured nor called off.
            Ok(ChargeOutcome::Authorized(_)) => Err(unresolved(&refusal.issue)),
            report => report,
        },
        _ => refusal.report(Some(order.clone())),
    }
}

async fn refund(talk: &mut Talk<'_>, request: &RefundRequest) -> Report<RefundOutcome> {
    let body = match request::refund(request) {
        Ok(body) => body,
        Err(error) => return Err(not_chargeable(&error)),
    };
    let capture = match &request.charge_ref {
        Some(capture) => capture.clone(),
        None => match fetch(talk, &request.payment_ref).await {
            Ok(order) => match order.capture_id() {
                Some(capture) => ChargeRef::from(capture),
                None => return Err(refused("no_capture", "there is no capture that could be refunded")),
            },
            // Only a question was asked.
            Err(why) => {
                return Err(InDoubt::NotSent { why, retry_after: None, obstacle: Obstacle::Unreachable });
            }
        },
    };
    let path = ["v2", "payments", "captures", &capture, "refund"];
    let received = match talk.post(&path, &request.key, body).await {
        Ok(received) => received,
        Err(silence) => return Err(silence.in_doubt()),
    };
    match sort(&received) {
        Answered::Object(body) => match response::object::<Refund>(&body) {
            Ok(refund) => refund.report(Resolution::Replay),
            Err(why) => Err(replay(why)),
        },
        Answered::Refused(refusal) => match refusal.meaning {
            Meaning::DoneAlready => adopt_refund(talk, request, &refusal).await,
            // These are about payers, and here nobody pays.
            Meaning::PayerMustAct | Meaning::OtherFunding | Meaning::Payer => Err(refusal.refused()),
            Meaning::Hard => Ok(RefundOutcome::Declined(refund_decline(&refusal.issue, None))),
            _ => refusal.report(None),
        },
        Answered::InDoubt(doubt) => Err(doubt),
    }
}

/// Something was given back before: ours, or by somebody else.
async fn adopt_refund(
    talk: &mut Talk<'_>,
    request: &RefundRequest,
    refusal: &Refusal,
) -> Report<RefundOutcome> {
    let order: Order = match fetch(talk, &request.payment_ref).await {
        Ok(order) => order,
        Err(_) => return Err(unresolved(&refusal.issue)),
    };
    match order.refund(&request.reference) {
        Some(refund) => refund.report(Resolution::LookUp),
        None if refusal.issue == CAPTURE_FULLY_REFUNDED && order.id.is_some() => {
            Ok(RefundOutcome::Declined(refund_decline(&refusal.issue, None)))
        }
        None => Err(unresolved(&refusal.issue)),
    }
}

fn refused(code: &str, message: &str) -> InDoubt {
    InDoubt::Refused { code: code.to_owned(), message: message.to_owned(), fault: Fault::Request }
}

fn replay(why: String) -> InDoubt {
    InDoubt::Unknown { why, resolution: Resolution::Replay }
}
