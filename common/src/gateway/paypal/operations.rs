//! Operations: an order is made under the payment's key, and completed under a key of its own, in the same call where
//! the payer's approval is there already. What was reserved is captured or called off, what was taken is given back.

use crate::gateway::{
    Answer, CancelRequest, CaptureRequest, ChargeOutcome, ChargeRef, ChargeRequest, DeclineClass, Fault,
    GatewayKey, GatewayRef, InDoubt, Obstacle, RefundOutcome, RefundRequest, Report, Resolution,
};

use super::{
    Paypal,
    http::Talk,
    not_chargeable,
    refusal::{
        AUTHORIZATION_EXPIRED, CAPTURE_FULLY_REFUNDED, Meaning, PAYER_ACTION_REQUIRED, Refusal, decline,
        refund_decline,
    },
    request::{self, completion, completion_key},
    response::{self, Answered, sort},
    unresolved,
    wire::{Order, Payment, Refund},
};

impl Paypal {
    pub(super) async fn charge_order(&self, request: &ChargeRequest) -> Answer<ChargeOutcome> {
        let mut talk = Talk::operate(self, "charge", &request.sending);
        let report = match &request.approved {
            Some(order) => complete(&mut talk, request, order, &request.key).await,
            None => begin(&mut talk, request).await,
        };
        talk.answer(if request.off_session { without_payer(report) } else { report })
    }

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

/// Nobody is there to act, and nobody is told of the page: without an approval the order takes nothing.
fn without_payer(report: Report<ChargeOutcome>) -> Report<ChargeOutcome> {
    match report {
        Ok(ChargeOutcome::RequiresAction { gateway_ref, .. }) => Ok(ChargeOutcome::Declined(decline(
            DeclineClass::Customer,
            PAYER_ACTION_REQUIRED,
            Some(gateway_ref),
        ))),
        report => report,
    }
}

/// Makes the order. With a saved payer that is all, as a rule.
async fn begin(talk: &mut Talk<'_>, request: &ChargeRequest) -> Report<ChargeOutcome> {
    let body = request::order(request).map_err(|error| not_chargeable(&error))?;
    let received = talk.post(&["v2", "checkout", "orders"], &request.key, body).await?;
    match sort(&received) {
        Answered::Object(body) => match read_order(&body) {
            Ok(ChargeOutcome::Approved { gateway_ref }) => {
                let key = completion_key(&request.key);
                after_another(complete(talk, request, &gateway_ref, &key).await)
            }
            report => report,
        },
        Answered::Refused(refusal) => refusal.report(None),
        Answered::InDoubt(doubt) => Err(doubt),
    }
}

/// Completes an order that the payer has approved.
async fn complete(
    talk: &mut Talk<'_>,
    request: &ChargeRequest,
    order: &GatewayRef,
    key: &GatewayKey,
) -> Report<ChargeOutcome> {
    let path = ["v2", "checkout", "orders", order, completion(request.capture)];
    let received = talk.post(&path, key, "{}".into()).await?;
    match sort(&received) {
        Answered::Object(body) => match read_order(&body) {
            Ok(ChargeOutcome::Approved { .. }) => Err(InDoubt::Unknown {
                why: "the order was completed, and is still only approved".into(),
                resolution: Resolution::Replay,
            }),
            report => report,
        },
        Answered::Refused(refusal) => refused_completion(talk, request, order, &refusal).await,
        Answered::InDoubt(doubt) => Err(doubt),
    }
}

async fn refused_completion(
    talk: &mut Talk<'_>,
    request: &ChargeRequest,
    order: &GatewayRef,
    refusal: &Refusal,
) -> Report<ChargeOutcome> {
    let chooses_there = request.method_ref().is_none();
    match refusal.meaning {
        Meaning::DoneAlready => adopt(talk, order, refusal).await,
        Meaning::OtherFunding if !chooses_there => refusal.report(Some(order.clone())),
        Meaning::PayerMustAct | Meaning::OtherFunding => {
            let url = match &refusal.payer_url {
                Some(url) => Some(url.clone()),
                None => fetch(talk, order).await.ok().and_then(|order| order.payer_url()),
            };
            match url {
                // A saved payer who has nowhere to go will not act.
                None if !chooses_there => refusal.report(Some(order.clone())),
                url => Ok(ChargeOutcome::RequiresAction { gateway_ref: order.clone(), url }),
            }
        }
        _ => refusal.report(Some(order.clone())),
    }
}

/// It was done before: the order says what came of it.
async fn adopt(talk: &mut Talk<'_>, order: &GatewayRef, refusal: &Refusal) -> Report<ChargeOutcome> {
    match fetch(talk, order).await.map(|order| order.report(Resolution::LookUp)) {
        Ok(Ok(ChargeOutcome::Approved { .. } | ChargeOutcome::RequiresAction { .. })) | Err(_) => {
            Err(unresolved(&refusal.issue))
        }
        Ok(report) => report,
    }
}

/// Reads an order.
async fn fetch(talk: &mut Talk<'_>, order: &GatewayRef) -> Result<Order, String> {
    let received =
        talk.get(&["v2", "checkout", "orders", order], &[]).await.map_err(super::http::Silence::why)?;
    match received.status {
        200 => response::object(&received.body),
        status => Err(format!("the gateway answered {status}")),
    }
}

fn read_order(body: &[u8]) -> Report<ChargeOutcome> {
    match response::object::<Order>(body) {
        Ok(order) => order.report(Resolution::Replay),
        Err(why) => Err(InDoubt::Unknown { why, resolution: Resolution::Replay }),
    }
}

/// That a second call was not sent says nothing of the first.
fn after_another(report: Report<ChargeOutcome>) -> Report<ChargeOutcome> {
    match report {
        Err(InDoubt::NotSent { why, .. }) => Err(InDoubt::Unknown { why, resolution: Resolution::Replay }),
        report => report,
    }
}

async fn capture(talk: &mut Talk<'_>, request: &CaptureRequest) -> Report<ChargeOutcome> {
    let Some(authorization) = &request.charge_ref else {
        return Err(refused("no_authorization", "there is no authorization that could be captured"));
    };
    let body = request::capture(request).map_err(|error| not_chargeable(&error))?;
    let path = ["v2", "payments", "authorizations", authorization, "capture"];
    let received = talk.post(&path, &request.key, body).await?;
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
    let received = talk.post(&path, &request.key, String::new()).await?;
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
    let body = request::refund(request).map_err(|error| not_chargeable(&error))?;
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
    let received = talk.post(&path, &request.key, body).await?;
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
