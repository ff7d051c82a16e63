//! What a gateway is to the suite: an adapter, the sandbox that it is pointed at, the names of what the
//! sandbox can do; and operations that are ready to be sent.

use common::{
    clock::Timestamp,
    gateway::{
        CancelRequest, Capture, CaptureRequest, Charge, ChargeRequest, DeclineClass, EventTrust, GatewayKey,
        GatewayName, GatewayRef, Line, LookUp, MethodType, RefundLookUp, RefundRequest, SaveRequest,
        SavedMethod, Sending,
    },
    id::PaymentId,
    money::{Currency, Money},
};
use serde_json::{Value, json};
use tests::Deployment;
use uuid::Uuid;

use crate::contract::vocabulary::{Adapter, Answer, Report};

/// Parts of a settlement report, at most.
const PARTS_MAX: usize = 1000;

/// An adapter, and the gateway that it is pointed at.
pub struct GatewayFixture {
    pub deployment: Deployment,
    pub name: GatewayName,
    pub gateway: Adapter,
    /// The same adapter, with credentials that the gateway does not know.
    pub stranger: Adapter,
    /// The same adapter, pointed where nobody listens.
    pub unreachable: Adapter,
    /// The same adapter, pointed elsewhere.
    pub at: fn(&str) -> Adapter,
    pub method: MethodType,
    pub tokens: Tokens,
    /// What the sandbox is told, so that events are sent to a URL.
    pub webhooks: fn(&str) -> Value,
    /// By what its events are known.
    pub trust: EventTrust,
}

/// Payment methods of the gateway's sandbox.
pub struct Tokens {
    /// Always pays.
    pub good: &'static str,
    /// Is not known.
    pub unknown: &'static str,
    /// What precedes the name of a fault, and of the operation that it strikes.
    pub misbehaving: &'static str,
    /// Those that decline, and what may change that.
    pub declines: &'static [(&'static str, DeclineClass)],
    /// Those that can be saved and decline, and what may change that.
    pub saved_declines: &'static [(&'static str, DeclineClass)],
    /// Needs the payer.
    pub asks_the_payer: &'static str,
    /// Its refunds are pending until they are settled.
    pub pending_refund: &'static str,
    /// Its refunds succeed, and fail when they are settled.
    pub failing_refund: &'static str,
}

/// What is asked for under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Charge,
    Capture,
    Cancel,
    Refund,
}

/// An operation that is ready to be sent: whatever it needs is there.
#[derive(Debug, Clone)]
pub enum Ready {
    Charge(ChargeRequest),
    Capture(CaptureRequest),
    Cancel(CancelRequest),
    Refund(RefundRequest),
}

impl Operation {
    pub const ALL: [Self; 4] = [Self::Charge, Self::Capture, Self::Cancel, Self::Refund];

    /// Whether it is done, and money has moved where it should.
    pub fn is_done(self, report: &Report) -> bool {
        match self {
            Self::Charge | Self::Capture | Self::Refund => matches!(report, Report::Succeeded(_)),
            Self::Cancel => matches!(report, Report::Canceled { .. }),
        }
    }

    /// What a look-up tells while it has not been done.
    pub fn is_not_begun(self, report: &Report) -> bool {
        match self {
            Self::Charge | Self::Refund => *report == Report::NotFound,
            Self::Capture | Self::Cancel => matches!(report, Report::Authorized(_)),
        }
    }
}

pub fn money(amount: &str, currency: &str) -> Money {
    Money::parse_positive(amount, Currency::from_code(currency).unwrap()).unwrap()
}

/// A name for something, ours.
pub fn new_name(prefix: &str) -> String {
    format!("{prefix}_{}", Uuid::now_v7().simple())
}

/// A time, so many seconds from now.
pub fn from_now(seconds: i64) -> Timestamp {
    let now = Uuid::now_v7().get_timestamp().unwrap().to_unix().0;
    Timestamp::from_timestamp(i64::try_from(now).unwrap() + seconds, 0).unwrap()
}

/// What was taken, reserved, or given back.
pub fn charge_of(report: &Report) -> &Charge {
    match report {
        Report::Succeeded(charge) | Report::Authorized(charge) => charge,
        other => panic!("nothing has moved: {other:?}"),
    }
}

impl GatewayFixture {
    pub fn charge_request(&self, token: &str) -> ChargeRequest {
        let reference = PaymentId::new().to_string();
        ChargeRequest {
            key: GatewayKey(reference.clone()),
            reference,
            money: money("49.90", "EUR"),
            method: self.method,
            token: Some(token.into()),
            saved: None,
            off_session: false,
            capture: Capture::Automatic,
            description: Some("a thing".into()),
            return_url: None,
            approved: None,
            sending: Sending::default(),
        }
    }

    pub fn save_request(&self, token: &str) -> SaveRequest {
        SaveRequest {
            reference: new_name("cus"),
            key: new_name("save").into(),
            customer_ref: None,
            email: Some("ada@shop.example".into()),
            name: Some("Ada".into()),
            token: token.into(),
            sending: Sending::default(),
        }
    }

    pub async fn saved(&self, token: &str) -> SavedMethod {
        match self.gateway.save_method(&self.save_request(token)).await.report {
            Report::Saved { method, .. } => method,
            other => panic!("{token} is not saved: {other:?}"),
        }
    }

    /// A charge of what is saved, in the absence of its payer.
    pub fn renewal(&self, saved: &SavedMethod) -> ChargeRequest {
        let saved = Some(saved.clone());
        ChargeRequest { token: None, saved, off_session: true, ..self.charge_request("") }
    }

    /// Charges, and says what was asked and answered.
    pub async fn charged(&self, request: ChargeRequest) -> (ChargeRequest, Report) {
        let report = self.gateway.charge(&request).await.report;
        (request, report)
    }

    pub async fn paid(&self, token: &str) -> (ChargeRequest, Report) {
        self.charged(self.charge_request(token)).await
    }

    pub async fn reserved(&self, token: &str) -> (ChargeRequest, Report) {
        self.charged(ChargeRequest { capture: Capture::Manual, ..self.charge_request(token) }).await
    }

    pub fn capture_request(&self, (request, reserved): &(ChargeRequest, Report)) -> CaptureRequest {
        let charge = charge_of(reserved);
        CaptureRequest {
            reference: request.reference.clone(),
            key: new_name("capture").into(),
            gateway_ref: charge.gateway_ref.clone(),
            charge_ref: charge.charge_ref.clone(),
            money: request.money,
            sending: Sending::default(),
        }
    }

    pub fn cancel_request(&self, (request, reserved): &(ChargeRequest, Report)) -> CancelRequest {
        let (gateway_ref, charge_ref) = match reserved {
            Report::RequiresAction { gateway_ref, .. } => (gateway_ref.clone(), None),
            reserved => (charge_of(reserved).gateway_ref.clone(), charge_of(reserved).charge_ref.clone()),
        };
        CancelRequest {
            reference: request.reference.clone(),
            key: new_name("cancel").into(),
            gateway_ref,
            charge_ref,
            sending: Sending::default(),
        }
    }

    pub fn refund_request(&self, (request, paid): &(ChargeRequest, Report), amount: &str) -> RefundRequest {
        let charge = charge_of(paid);
        let reference = new_name("re");
        RefundRequest {
            key: GatewayKey(reference.clone()),
            reference,
            payment_reference: request.reference.clone(),
            payment_ref: charge.gateway_ref.clone(),
            charge_ref: charge.charge_ref.clone(),
            money: money(amount, request.money.currency.code()),
            reason: None,
            sending: Sending::default(),
        }
    }

    /// An operation on a payment with this token; what must come before it has been done.
    pub async fn ready(&self, operation: Operation, token: &str) -> Ready {
        match operation {
            Operation::Charge => Ready::Charge(self.charge_request(token)),
            Operation::Capture => Ready::Capture(self.capture_request(&self.reserved(token).await)),
            Operation::Cancel => Ready::Cancel(self.cancel_request(&self.reserved(token).await)),
            Operation::Refund => Ready::Refund(self.refund_request(&self.paid(token).await, "49.90")),
        }
    }

    /// The same, on a payment for which the operation will go wrong as the fault's name says.
    pub async fn misbehaving(&self, operation: Operation, fault: &str) -> Ready {
        let prefix = self.tokens.misbehaving;
        let token = match operation {
            Operation::Charge => format!("{prefix}{fault}"),
            Operation::Capture => format!("{prefix}capture_{fault}"),
            Operation::Cancel => format!("{prefix}cancel_{fault}"),
            Operation::Refund => format!("{prefix}refund_{fault}"),
        };
        self.ready(operation, &token).await
    }

    pub async fn send(&self, ready: &Ready) -> Answer {
        send(&self.gateway, ready).await
    }

    /// What a look-up tells that knows all that we know before the answer.
    pub async fn found(&self, ready: &Ready) -> Report {
        look_up(&self.gateway, ready).await.report
    }

    /// What a look-up tells of a charge, by our name for it alone.
    pub async fn found_charge(&self, request: &ChargeRequest) -> Report {
        self.found(&Ready::Charge(request.clone())).await
    }

    /// How often the gateway's books say that it was done.
    pub async fn times_done(&self, ready: &Ready) -> usize {
        let count = |lines: &Value, done: &dyn Fn(&Value) -> bool| {
            lines.as_array().unwrap().iter().filter(|line| done(line)).count()
        };
        let books = self.books(ready.reference()).await;
        match ready {
            Ready::Charge(_) => count(&books["charges"], &|_| true),
            Ready::Capture(_) => count(&books["charges"], &|charge| charge["status"] == "captured"),
            Ready::Cancel(_) => count(&books["charges"], &|charge| charge["status"] == "released"),
            Ready::Refund(_) => count(&books["refunds"], &|refund| refund["status"] == "succeeded"),
        }
    }

    /// What the gateway's books say about a payment or a refund.
    pub async fn books(&self, reference: &str) -> Value {
        self.deployment.sandbox("GET", &format!("/books?reference={reference}"), &Value::Null).await
    }

    /// The gateway's settlement report of the time since so many seconds ago, in however many parts it comes.
    pub async fn settlement_report(&self, seconds: i64) -> Vec<Line> {
        let between = (from_now(-seconds), from_now(60));
        let (mut lines, mut cursor) = (Vec::new(), None);
        for _ in 0..PARTS_MAX {
            let part = self.gateway.settlement_report(between, cursor.as_deref()).await.unwrap();
            lines.extend(part.lines);
            cursor = part.next;
            if cursor.is_none() {
                return lines;
            }
        }
        panic!("a settlement report without an end")
    }

    pub async fn control(&self, what: &str, body: Value) {
        self.deployment.sandbox("POST", &format!("/control/{what}"), &body).await;
    }

    /// Ends what is pending, as its token says or as told.
    pub async fn settle(&self, reference: &str, outcome: Option<&str>) {
        let mut body = json!({ "reference": reference });
        if let Some(outcome) = outcome {
            body["outcome"] = outcome.into();
        }
        self.control("settle", body).await;
    }
}

impl Ready {
    fn reference(&self) -> &str {
        match self {
            Self::Charge(request) => &request.reference,
            Self::Capture(request) => &request.reference,
            Self::Cancel(request) => &request.reference,
            Self::Refund(request) => &request.reference,
        }
    }
}

pub async fn send(gateway: &Adapter, ready: &Ready) -> Answer {
    match ready {
        Ready::Charge(request) => gateway.charge(request).await,
        Ready::Capture(request) => gateway.capture(request).await,
        Ready::Cancel(request) => gateway.cancel(request).await,
        Ready::Refund(request) => gateway.refund(request).await,
    }
}

pub async fn look_up(gateway: &Adapter, ready: &Ready) -> Answer {
    let payment = |reference: &str, gateway_ref: Option<&GatewayRef>| LookUp {
        reference: reference.to_owned(),
        gateway_ref: gateway_ref.cloned(),
        made_between: (from_now(-60), from_now(0)),
        cursor: None,
        traceparent: None,
    };
    match ready {
        Ready::Charge(request) => gateway.look_up(&payment(&request.reference, None)).await,
        Ready::Capture(request) => {
            gateway.look_up(&payment(&request.reference, Some(&request.gateway_ref))).await
        }
        Ready::Cancel(request) => {
            gateway.look_up(&payment(&request.reference, Some(&request.gateway_ref))).await
        }
        Ready::Refund(request) => gateway.look_up_refund(&refund_question(request, None)).await,
    }
}

pub fn refund_question(request: &RefundRequest, gateway_ref: Option<GatewayRef>) -> RefundLookUp {
    RefundLookUp {
        reference: request.reference.clone(),
        gateway_ref,
        payment_ref: request.payment_ref.clone(),
        charge_ref: request.charge_ref.clone(),
        traceparent: None,
    }
}
