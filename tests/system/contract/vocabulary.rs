//! All that an adapter can answer, in one list: what it is asked decides the type of its answer, and the suite asks
//! whatever an operation is.

use std::ops::Deref;

use common::gateway::{
    self, Call, CancelRequest, CaptureRequest, Card, Charge, ChargeOutcome, ChargeRequest, Decline, Fault,
    Gateway, GatewayRef, InDoubt, LookUp, Obstacle, RefundLookUp, RefundOutcome, RefundRequest, Resolution,
    SaveOutcome, SaveRequest, SavedMethod,
};

/// What became of an operation, whichever it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    Succeeded(Charge),
    Authorized(Charge),
    Saved { method: SavedMethod, card: Option<Card> },
    Processing { gateway_ref: GatewayRef },
    RequiresAction { gateway_ref: GatewayRef, url: Option<String> },
    Approved { gateway_ref: GatewayRef },
    Declined(Decline),
    Canceled { gateway_ref: GatewayRef },
    NotSent { why: String, obstacle: Obstacle },
    Deferred { why: String },
    Unknown { why: String, resolution: Resolution },
    Refused { code: String, message: String, fault: Fault },
    NotFound,
}

impl Report {
    /// One word for tables.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Succeeded(_) => "succeeded",
            Self::Authorized(_) => "authorized",
            Self::Saved { .. } => "saved",
            Self::Processing { .. } => "processing",
            Self::RequiresAction { .. } => "requires_action",
            Self::Approved { .. } => "approved",
            Self::Declined(_) => "declined",
            Self::Canceled { .. } => "canceled",
            Self::NotSent { .. } => "not_sent",
            Self::Deferred { .. } => "deferred",
            Self::Unknown { .. } => "unknown",
            Self::Refused { .. } => "refused",
            Self::NotFound => "not_found",
        }
    }
}

/// A report, and the call that it came from.
#[derive(Debug, Clone)]
pub struct Answer {
    pub report: Report,
    pub call: Call,
    pub cursor: Option<String>,
}

impl<T: Into<Report>> From<Result<T, InDoubt>> for Report {
    fn from(report: Result<T, InDoubt>) -> Self {
        report.map_or_else(Self::from, Into::into)
    }
}

impl From<ChargeOutcome> for Report {
    fn from(outcome: ChargeOutcome) -> Self {
        match outcome {
            ChargeOutcome::Succeeded(charge) => Self::Succeeded(charge),
            ChargeOutcome::Authorized(charge) => Self::Authorized(charge),
            ChargeOutcome::Processing { gateway_ref } => Self::Processing { gateway_ref },
            ChargeOutcome::RequiresAction { gateway_ref, url } => Self::RequiresAction { gateway_ref, url },
            ChargeOutcome::Approved { gateway_ref } => Self::Approved { gateway_ref },
            ChargeOutcome::Declined(decline) => Self::Declined(decline),
            ChargeOutcome::Canceled { gateway_ref } => Self::Canceled { gateway_ref },
        }
    }
}

impl From<RefundOutcome> for Report {
    fn from(outcome: RefundOutcome) -> Self {
        match outcome {
            RefundOutcome::Succeeded(charge) => Self::Succeeded(charge),
            RefundOutcome::Processing { gateway_ref } => Self::Processing { gateway_ref },
            RefundOutcome::Declined(decline) => Self::Declined(decline),
            RefundOutcome::Canceled { gateway_ref } => Self::Canceled { gateway_ref },
        }
    }
}

impl From<SaveOutcome> for Report {
    fn from(outcome: SaveOutcome) -> Self {
        match outcome {
            SaveOutcome::Saved { method, card } => Self::Saved { method, card },
            SaveOutcome::Declined(decline) => Self::Declined(decline),
        }
    }
}

impl From<InDoubt> for Report {
    fn from(in_doubt: InDoubt) -> Self {
        match in_doubt {
            InDoubt::NotSent { why, obstacle, .. } => Self::NotSent { why, obstacle },
            InDoubt::Deferred { why, .. } => Self::Deferred { why },
            InDoubt::Unknown { why, resolution } => Self::Unknown { why, resolution },
            InDoubt::Refused { code, message, fault } => Self::Refused { code, message, fault },
            InDoubt::NotFound => Self::NotFound,
        }
    }
}

impl<T: Into<Report>> From<gateway::Answer<T>> for Answer {
    fn from(answer: gateway::Answer<T>) -> Self {
        Self { report: answer.report.into(), call: answer.call, cursor: answer.cursor }
    }
}

/// An adapter whose answers are in that list.
pub struct Adapter(pub Box<dyn Gateway>);

impl Adapter {
    pub fn new(gateway: impl Gateway + 'static) -> Self {
        Self(Box::new(gateway))
    }

    pub async fn charge(&self, request: &ChargeRequest) -> Answer {
        self.0.charge(request).await.into()
    }

    pub async fn save_method(&self, request: &SaveRequest) -> Answer {
        self.0.save_method(request).await.into()
    }

    pub async fn look_up(&self, question: &LookUp) -> Answer {
        self.0.look_up(question).await.into()
    }

    pub async fn capture(&self, request: &CaptureRequest) -> Answer {
        self.0.capture(request).await.into()
    }

    pub async fn cancel(&self, request: &CancelRequest) -> Answer {
        self.0.cancel(request).await.into()
    }

    pub async fn refund(&self, request: &RefundRequest) -> Answer {
        self.0.refund(request).await.into()
    }

    pub async fn look_up_refund(&self, question: &RefundLookUp) -> Answer {
        self.0.look_up_refund(question).await.into()
    }
}

/// Its other questions have answers of their own.
impl Deref for Adapter {
    type Target = dyn Gateway;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}
