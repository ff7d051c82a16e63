//! What follows a charge: capturing what was reserved, calling it off, giving back what was taken.

use crate::gateway::{
    Answer, CancelRequest, CaptureRequest, Fault, Obstacle, RefundRequest, Report, Resolution,
};

use super::{
    Paypal,
    charging::{adopt, fetch},
    http::Talk,
    issue::{AUTHORIZATION_EXPIRED, CAPTURE_FULLY_REFUNDED, Meaning, Refusal, refund_decline},
    not_chargeable, request,
    response::{self, Answered, Order, Payment, Refund, sort},
    unresolved,
};

impl Paypal {
    pub(super) async fn capture_authorization(&self, request: &CaptureRequest) -> Answer {
        let mut talk = Talk::operate(self, "capture", &request.sending);
        let report = capture(&mut talk, request).await;
        talk.answer(report)
    }

    pub(super) async fn void_authorization(&self, request: &CancelRequest) -> Answer {
        // An order that nobody completes moves no money: there is nothing to void.
        let Some(authorization) = request.charge_ref.as_deref() else {
            return Answer::without_a_call(Report::Canceled { gateway_ref: request.gateway_ref.clone() });
        };
        let mut talk = Talk::operate(self, "cancel", &request.sending);
        let report = void(&mut talk, request, authorization).await;
        talk.answer(report)
    }

    pub(super) async fn refund_capture(&self, request: &RefundRequest) -> Answer {
        let mut talk = Talk::operate(self, "refund", &request.sending);
        let report = refund(&mut talk, request).await;
        talk.answer(report)
    }
}

async fn capture(talk: &mut Talk<'_>, request: &CaptureRequest) -> Report {
    let Some(authorization) = request.charge_ref.as_deref() else {
        return refused("no_authorization", "there is no authorization that could be captured");
    };
    let body = match request::capture(request) {
        Ok(body) => body,
        Err(error) => return not_chargeable(&error),
    };
    let path = ["v2", "payments", "authorizations", authorization, "capture"];
    let received = match talk.post(&path, &request.key, body).await {
        Ok(received) => received,
        Err(silence) => return silence.report(),
    };
    match sort(&received) {
        Answered::Object(body) => match response::object::<Payment>(&body) {
            Ok(capture) if capture.id.is_some() => {
                capture.capture_report(&request.gateway_ref, Resolution::Replay)
            }
            Ok(_) => replay("an answer without an id".into()),
            Err(why) => replay(why),
        },
        Answered::Refused(refusal) => refused_on_order(talk, &request.gateway_ref, &refusal).await,
        Answered::Report(report) => report,
    }
}

async fn void(talk: &mut Talk<'_>, request: &CancelRequest, authorization: &str) -> Report {
    let path = ["v2", "payments", "authorizations", authorization, "void"];
    let received = match talk.post(&path, &request.key, String::new()).await {
        Ok(received) => received,
        Err(silence) => return silence.report(),
    };
    match sort(&received) {
        Answered::Object(_) if received.status == 204 => {
            Report::Canceled { gateway_ref: request.gateway_ref.clone() }
        }
        Answered::Object(body) => match response::object::<Payment>(&body) {
            Ok(voided) => voided.authorization_report(&request.gateway_ref, Resolution::Replay),
            Err(why) => replay(why),
        },
        Answered::Refused(refusal) => refused_on_order(talk, &request.gateway_ref, &refusal).await,
        Answered::Report(report) => report,
    }
}

/// Where it was done already, the order knows how it ended.
async fn refused_on_order(talk: &mut Talk<'_>, order: &str, refusal: &Refusal) -> Report {
    match refusal.meaning {
        Meaning::DoneAlready => match adopt(talk, order, refusal).await {
            Report::Authorized(_) if refusal.issue == AUTHORIZATION_EXPIRED => {
                Report::Canceled { gateway_ref: order.to_owned() }
            }
            // The reservation still stands: neither was it captured nor called off.
            Report::Authorized(_) => unresolved(&refusal.issue),
            report => report,
        },
        _ => refusal.report(Some(order.to_owned())),
    }
}

async fn refund(talk: &mut Talk<'_>, request: &RefundRequest) -> Report {
    let body = match request::refund(request) {
        Ok(body) => body,
        Err(error) => return not_chargeable(&error),
    };
    let capture = match &request.charge_ref {
        Some(capture) => capture.clone(),
        None => match fetch(talk, &request.payment_ref).await {
            Ok(order) => match order.capture_id() {
                Some(capture) => capture.to_owned(),
                None => return refused("no_capture", "there is no capture that could be refunded"),
            },
            // Only a question was asked.
            Err(why) => return Report::NotSent { why, retry_after: None, obstacle: Obstacle::Unreachable },
        },
    };
    let path = ["v2", "payments", "captures", capture.as_str(), "refund"];
    let received = match talk.post(&path, &request.key, body).await {
        Ok(received) => received,
        Err(silence) => return silence.report(),
    };
    match sort(&received) {
        Answered::Object(body) => match response::object::<Refund>(&body) {
            Ok(refund) => refund.report(Resolution::Replay),
            Err(why) => replay(why),
        },
        Answered::Refused(refusal) => match refusal.meaning {
            Meaning::DoneAlready => adopt_refund(talk, request, &refusal).await,
            // These are about payers, and here nobody pays.
            Meaning::PayerMustAct | Meaning::OtherFunding | Meaning::Payer => refusal.refused(),
            Meaning::Hard => Report::Declined(refund_decline(&refusal.issue, None)),
            _ => refusal.report(None),
        },
        Answered::Report(report) => report,
    }
}

/// Something was given back before: ours, or by somebody else.
async fn adopt_refund(talk: &mut Talk<'_>, request: &RefundRequest, refusal: &Refusal) -> Report {
    let order: Order = match fetch(talk, &request.payment_ref).await {
        Ok(order) => order,
        Err(_) => return unresolved(&refusal.issue),
    };
    match order.refund(&request.reference) {
        Some(refund) => refund.report(Resolution::LookUp),
        None if refusal.issue == CAPTURE_FULLY_REFUNDED && order.id.is_some() => {
            Report::Declined(refund_decline(&refusal.issue, None))
        }
        None => unresolved(&refusal.issue),
    }
}

fn refused(code: &str, message: &str) -> Report {
    Report::Refused { code: code.to_owned(), message: message.to_owned(), fault: Fault::Request }
}

fn replay(why: String) -> Report {
    Report::Unknown { why, resolution: Resolution::Replay }
}
