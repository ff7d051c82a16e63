//! Charging: an order is made under the payment's key, and completed under a key of its own, in the same
//! call where the payer's approval is there already.

use crate::gateway::{
    Answer, ChargeOutcome, ChargeRequest, DeclineClass, GatewayKey, GatewayRef, InDoubt, Report, Resolution,
};

use super::{
    Paypal,
    http::Talk,
    refusal::{self, Meaning, Refusal},
    request::{self, completion, completion_key},
    response::{self, Answered, Order, sort},
    unresolved,
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
}

/// Nobody is there to act, and nobody is told of the page: without an approval the order takes nothing.
fn without_payer(report: Report<ChargeOutcome>) -> Report<ChargeOutcome> {
    match report {
        Ok(ChargeOutcome::RequiresAction { gateway_ref, .. }) => Ok(ChargeOutcome::Declined(
            refusal::decline(DeclineClass::Customer, refusal::PAYER_ACTION_REQUIRED, Some(gateway_ref)),
        )),
        report => report,
    }
}

/// Makes the order. With a saved payer that is all, as a rule.
async fn begin(talk: &mut Talk<'_>, request: &ChargeRequest) -> Report<ChargeOutcome> {
    let body = match request::order(request) {
        Ok(body) => body,
        Err(error) => return Err(super::not_chargeable(&error)),
    };
    let received = match talk.post(&["v2", "checkout", "orders"], &request.key, body).await {
        Ok(received) => received,
        Err(silence) => return Err(silence.in_doubt()),
    };
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
    let received = match talk.post(&path, key, "{}".into()).await {
        Ok(received) => received,
        Err(silence) => return Err(silence.in_doubt()),
    };
    match sort(&received) {
        Answered::Object(body) => match read_order(&body) {
            Ok(ChargeOutcome::Approved { .. }) => Err(InDoubt::Unknown {
                why: "the order was completed, and is still only approved".into(),
                resolution: Resolution::Replay,
            }),
            report => report,
        },
        Answered::Refused(refusal) => refused(talk, request, order, &refusal).await,
        Answered::InDoubt(doubt) => Err(doubt),
    }
}

async fn refused(
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
pub(super) async fn adopt(
    talk: &mut Talk<'_>,
    order: &GatewayRef,
    refusal: &Refusal,
) -> Report<ChargeOutcome> {
    match fetch(talk, order).await.map(|order| order.report(Resolution::LookUp)) {
        Ok(Ok(ChargeOutcome::Approved { .. } | ChargeOutcome::RequiresAction { .. })) | Err(_) => {
            Err(unresolved(&refusal.issue))
        }
        Ok(report) => report,
    }
}

/// Reads an order.
pub(super) async fn fetch(talk: &mut Talk<'_>, order: &GatewayRef) -> Result<Order, String> {
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
