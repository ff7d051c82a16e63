//! The one vocabulary in which every gateway answers, typed by what it was asked. The difference that matters most is
//! between "it did not happen", "it happened" and "nobody knows yet": a time-out is the third, never the first. The
//! first two are outcomes, the third is [`InDoubt`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{alarm::Alarm, money::Money};

use super::{ChargeRef, GatewayRef, SavedMethod};

/// What a gateway has reported: an outcome of what was asked, or that there is none to tell.
pub type Report<T> = Result<T, InDoubt>;

/// What has become of a payment. A charge, a capture, a cancellation and a look-up are all answered with the payment
/// as it is: who calls off what was taken a moment before is told that it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeOutcome {
    /// The money has moved.
    Succeeded(Charge),
    /// The money is reserved and waits for a capture.
    Authorized(Charge),
    /// Accepted; the outcome comes later (a bank debit: days).
    Processing {
        /// The gateway's name for it.
        gateway_ref: GatewayRef,
    },
    /// The payer must do something first.
    RequiresAction {
        /// The gateway's name for it.
        gateway_ref: GatewayRef,
        /// Where the payer does it.
        url: Option<String>,
    },
    /// The payer has approved, and the gateway waits for us to complete it: nothing has moved yet.
    Approved {
        /// The gateway's name for it.
        gateway_ref: GatewayRef,
    },
    /// A definite no from the gateway, the bank or the payer. Final for this key.
    Declined(Decline),
    /// Called off at the gateway before any money moved.
    Canceled {
        /// The gateway's name for it.
        gateway_ref: GatewayRef,
    },
}

/// What has become of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundOutcome {
    /// The money was given back.
    Succeeded(Charge),
    /// Accepted; the outcome comes later.
    Processing {
        /// The gateway's name for it.
        gateway_ref: GatewayRef,
    },
    /// A definite no: the money is where it was, or has come back.
    Declined(Decline),
    /// Called off at the gateway before any money moved.
    Canceled {
        /// The gateway's name for it.
        gateway_ref: GatewayRef,
    },
}

/// What has become of a payment method that was to be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaveOutcome {
    /// It is saved.
    Saved {
        /// What can be charged from now on.
        method: SavedMethod,
        /// What may be kept of the card.
        card: Option<Card>,
    },
    /// A definite no from the gateway, the bank or the payer. Final for this key.
    Declined(Decline),
}

/// Why no outcome can be told. [`super::doubt`] says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InDoubt {
    /// The gateway provably did not run *this request*. An earlier one with the same key may have run.
    NotSent {
        /// What went wrong, for operators.
        why: String,
        /// How long the gateway asked us to wait.
        retry_after: Option<Duration>,
        /// What stood in its way.
        obstacle: Obstacle,
    },
    /// No request was made: the gateway is given a rest, or we are at the limit that it sets us.
    Deferred {
        /// Why, for operators.
        why: String,
        /// How long to wait.
        wait: Duration,
        /// What stood in its way.
        obstacle: Obstacle,
    },
    /// The request may have run. Only the gateway knows.
    Unknown {
        /// What went wrong, for operators.
        why: String,
        /// How the truth can be learnt.
        resolution: Resolution,
    },
    /// The gateway refused the request itself: sending it again cannot help.
    Refused {
        /// The gateway's error code.
        code: String,
        /// The gateway's words, for operators.
        message: String,
        /// Who can do something about it.
        fault: Fault,
    },
    /// A look-up found no trace of the operation.
    NotFound,
}

/// At whom a refusal points: who can do something about it, and who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// At this one request. Whoever made it is told why, and nobody is woken.
    Request,
    /// At the account that the money goes to: it is restricted, closed, or not set up for this. Its owner must see to
    /// it at the gateway; every other request will fare alike.
    Account,
    /// At our credentials: the gateway does not know them, or they may not do this. The operator must see to it.
    Credentials,
}

impl Fault {
    /// What somebody is woken for.
    #[must_use]
    pub fn alarm(self) -> Option<Alarm> {
        match self {
            Self::Request => None,
            Self::Account => Some(Alarm::AccountUnusable),
            Self::Credentials => Some(Alarm::CredentialsRefused),
        }
    }
}

/// What stood in the way of a request that was not run: whether another gateway may do better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The gateway cannot be reached, or is given a rest because it does not answer.
    Unreachable,
    /// It is there, and we have to wait: at the bounds that we set ourselves, at its limit for us, or because the
    /// job is not ours any more.
    Busy,
}

/// How an unknown outcome can be learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// Send the same request with the same key again.
    Replay,
    /// A replay would only repeat the unhelpful answer: ask for the operation by our reference.
    LookUp,
}

/// Money taken or reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The gateway's name for the operation.
    pub gateway_ref: GatewayRef,
    /// The gateway's name for the movement of money, where it has one of its own.
    pub charge_ref: Option<ChargeRef>,
    /// What may be kept of the card.
    pub card: Option<Card>,
    /// What the gateway says it took, reserved, or gave back; `None` where it did not say.
    pub money: Option<Money>,
    /// What the gateway keeps of it (negative: gives back), possibly in another currency; `None` where it
    /// does not say yet.
    pub fee: Option<Money>,
}

/// All that is kept of a card: nothing with which one could pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// `visa`, `mastercard` …
    pub brand: Option<String>,
    /// The last four digits.
    pub last4: Option<String>,
    /// Month of expiry, 1 to 12.
    pub exp_month: Option<u8>,
    /// Year of expiry, four digits.
    pub exp_year: Option<u16>,
}

/// A definite no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decline {
    /// What may change the answer.
    pub class: DeclineClass,
    /// The gateway's code, safe to show to a payer.
    pub code: String,
    /// A sentence, safe to show to a payer.
    pub message: String,
    /// The gateway's name for the operation, where it made one.
    pub gateway_ref: Option<GatewayRef>,
}

/// What may change a decline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclineClass {
    /// Time: another attempt later may succeed.
    Soft,
    /// The payer: other data or an authentication.
    Customer,
    /// Nothing: this method will not work.
    Hard,
}

/// A report of what was asked, and the call that it came from.
#[derive(Debug, Clone)]
pub struct Answer<T> {
    /// What became of the operation.
    pub report: Report<T>,
    /// The call, for the record.
    pub call: Call,
    /// Where a look-up that has come to no end goes on, as [`super::LookUp::cursor`]; `None`: at the beginning.
    pub cursor: Option<String>,
}

/// The record of one call to a gateway. Never a body.
#[derive(Debug, Clone)]
pub struct Call {
    /// `charge`, `look_up`, `capture` …
    pub operation: &'static str,
    /// The status of the answer, if one came.
    pub http_status: Option<u16>,
    /// The gateway's own id for the request.
    pub request_id: Option<String>,
    /// From the first byte sent to the last received.
    pub duration: Duration,
}

/// The operation of a call that was not made.
const NO_CALL: &str = "none";

impl Call {
    /// Whether anybody was asked at all.
    #[must_use]
    pub fn was_made(&self) -> bool {
        self.operation != NO_CALL
    }
}

impl<T> Answer<T> {
    /// What can be said without asking.
    #[must_use]
    pub fn without_a_call(report: Report<T>) -> Self {
        let call = Call { operation: NO_CALL, http_status: None, request_id: None, duration: Duration::ZERO };
        Self { report, call, cursor: None }
    }

    /// The same call, and what its report means for what was to follow it.
    #[must_use]
    pub fn map<U>(self, meaning: impl FnOnce(Report<T>) -> Report<U>) -> Answer<U> {
        Answer { report: meaning(self.report), call: self.call, cursor: self.cursor }
    }
}

impl<T: Outcome> Answer<T> {
    /// One word for logs, metrics and the record of calls.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.report.word()
    }

    /// More than the word, for people who look into one payment.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match &self.report {
            Ok(outcome) => outcome.declined().map(|decline| decline.code.clone()),
            Err(doubt) => doubt.detail(),
        }
    }
}

/// What has a word for logs, metrics and the record of calls. It is stored, so it never changes.
pub trait Worded {
    /// The word.
    fn word(&self) -> &'static str;
}

impl<T: Outcome> Worded for Report<T> {
    fn word(&self) -> &'static str {
        match self {
            Ok(outcome) => outcome.word(),
            Err(doubt) => doubt.word(),
        }
    }
}

/// What every outcome has: a word, and that it may be a definite no.
pub trait Outcome: From<Decline> + Worded {
    /// The decline, if it is one.
    fn declined(&self) -> Option<&Decline>;
}

impl Worded for ChargeOutcome {
    fn word(&self) -> &'static str {
        match self {
            Self::Succeeded(_) => "succeeded",
            Self::Authorized(_) => "authorized",
            Self::Processing { .. } => "processing",
            Self::RequiresAction { .. } => "requires_action",
            Self::Approved { .. } => "approved",
            Self::Declined(_) => "declined",
            Self::Canceled { .. } => "canceled",
        }
    }
}

impl Outcome for ChargeOutcome {
    fn declined(&self) -> Option<&Decline> {
        if let Self::Declined(decline) = self { Some(decline) } else { None }
    }
}

impl Worded for RefundOutcome {
    fn word(&self) -> &'static str {
        match self {
            Self::Succeeded(_) => "succeeded",
            Self::Processing { .. } => "processing",
            Self::Declined(_) => "declined",
            Self::Canceled { .. } => "canceled",
        }
    }
}

impl Outcome for RefundOutcome {
    fn declined(&self) -> Option<&Decline> {
        if let Self::Declined(decline) = self { Some(decline) } else { None }
    }
}

impl Worded for SaveOutcome {
    fn word(&self) -> &'static str {
        match self {
            Self::Saved { .. } => "saved",
            Self::Declined(_) => "declined",
        }
    }
}

impl Outcome for SaveOutcome {
    fn declined(&self) -> Option<&Decline> {
        if let Self::Declined(decline) = self { Some(decline) } else { None }
    }
}

impl From<Decline> for ChargeOutcome {
    fn from(decline: Decline) -> Self {
        Self::Declined(decline)
    }
}

impl From<Decline> for RefundOutcome {
    fn from(decline: Decline) -> Self {
        Self::Declined(decline)
    }
}

impl From<Decline> for SaveOutcome {
    fn from(decline: Decline) -> Self {
        Self::Declined(decline)
    }
}

impl Worded for InDoubt {
    fn word(&self) -> &'static str {
        match self {
            Self::NotSent { .. } => "not_sent",
            Self::Deferred { .. } => "deferred",
            Self::Unknown { .. } => "unknown",
            Self::Refused { .. } => "refused",
            Self::NotFound => "not_found",
        }
    }
}

impl InDoubt {
    fn detail(&self) -> Option<String> {
        match self {
            Self::NotSent { why, .. } | Self::Deferred { why, .. } | Self::Unknown { why, .. } => {
                Some(why.clone())
            }
            Self::Refused { code, message, .. } => Some(format!("{code}: {message}")),
            Self::NotFound => None,
        }
    }
}
