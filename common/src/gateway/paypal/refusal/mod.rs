//! PayPal's refusals, by their `issue`: who can do something about it. The table in [`table`] is the measure; what is
//! not in it is a refusal of the request.

mod table;

use crate::gateway::{Decline, DeclineClass, Fault, GatewayRef, InDoubt, Report, Resolution};

use super::wire::{ErrorBody, ErrorDetail, Link};

/// What an issue means for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The same operation is running: ask again with the same key.
    InProgress,
    /// It happened before: fetch what came of it.
    DoneAlready,
    /// The payer has not approved, or must come back.
    PayerMustAct,
    /// The payer's money would not come from there: another source may do.
    OtherFunding,
    /// The payer can do something about it, and then pay anew: this order is over.
    Payer,
    /// This payer's way of paying will not work.
    Hard,
    /// Of this capture nothing more, or not so much, is given back: the merchant's matter, and nobody's alarm.
    NotRefundable,
    /// The account that gets the money is at fault, and its owner must act.
    Account,
    /// The application's credentials, or what it may do: the operator must act.
    Credentials,
    /// One key, two requests: a defect of ours.
    KeyReused,
    /// The request is at fault.
    Request,
    /// Nothing that we have a rule for: taken for a refusal of the request.
    Unlisted,
}

/// Nobody called it off: its time ran out. The order may not show it.
pub const AUTHORIZATION_EXPIRED: &str = "AUTHORIZATION_EXPIRED";

/// The payer has to come and do something.
pub const PAYER_ACTION_REQUIRED: &str = "PAYER_ACTION_REQUIRED";

/// All was given back: by this refund, or by others.
pub const CAPTURE_FULLY_REFUNDED: &str = "CAPTURE_FULLY_REFUNDED";

/// Issues that would tell a payer about to be accused more than they should know.
const NOT_FOR_THE_PAYER: &[&str] =
    &["COMPLIANCE_VIOLATION", "TRANSACTION_BLOCKED_BY_PAYEE", "PAYEE_BLOCKED_TRANSACTION"];

/// Sorts an issue.
#[must_use]
pub fn meaning(issue: &str) -> Meaning {
    table::find(issue).map_or(Meaning::Unlisted, |(meaning, _)| meaning)
}

/// Our sentence for the code that a merchant is told: the issue, in small letters.
#[must_use]
pub fn sentence(code: &str) -> Option<&'static str> {
    match table::find(&code.to_ascii_uppercase())? {
        (Meaning::Request | Meaning::Account, sentence) => Some(sentence),
        _ => None,
    }
}

/// A refusal: a 400, 403, 404 or 422.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What it means.
    pub meaning: Meaning,
    /// The issue, or the error's name where there is none.
    pub issue: String,
    /// PayPal's words, for operators.
    pub words: String,
    /// Where the payer should go, if PayPal says so.
    pub payer_url: Option<String>,
    status: u16,
}

/// Where the payer should go, if one of these links says so.
#[must_use]
pub fn payer_url(links: Option<&[Link]>) -> Option<String> {
    let named = |rel: &str| {
        let link = links?.iter().find(|link| link.rel.as_deref() == Some(rel))?;
        link.href.clone().filter(|href| href.starts_with("http"))
    };
    named("payer-action").or_else(|| named("approve")).or_else(|| named("redirect"))
}

impl Refusal {
    /// Reads it. An issue that says more than that the request is at fault goes before those that do not.
    #[must_use]
    pub fn read(status: u16, body: &[u8]) -> Self {
        let body: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
        let details = body.details.unwrap_or_default();
        let issues = || details.iter().filter(|detail| detail.issue.is_some());
        let says_more = |detail: &&ErrorDetail| {
            !matches!(meaning(detail.issue.as_deref().unwrap_or("")), Meaning::Request | Meaning::Unlisted)
        };
        let detail = issues().find(says_more).or_else(|| issues().next());
        let issue = detail
            .and_then(|detail| detail.issue.clone())
            .or(body.name)
            .unwrap_or_else(|| format!("HTTP_{status}"));
        let words = detail.and_then(|detail| detail.description.clone()).or(body.message);
        let words = words.unwrap_or_else(|| format!("the gateway answered {status}"));
        let field = detail.and_then(|detail| detail.field.as_deref());
        Self {
            meaning: meaning(&issue),
            words: field.map_or_else(|| words.clone(), |field| format!("{words} ({field})")),
            issue,
            payer_url: payer_url(body.links.as_deref()),
            status,
        }
    }

    /// What it comes to, where nothing more can be learnt. `gateway_ref`: the object that it is about.
    pub fn report<T: From<Decline>>(&self, gateway_ref: Option<GatewayRef>) -> Report<T> {
        let unknown = |why: String, resolution| Err(InDoubt::Unknown { why, resolution });
        match self.meaning {
            Meaning::InProgress => unknown(self.issue.clone(), Resolution::Replay),
            Meaning::DoneAlready => unknown(self.issue.clone(), Resolution::LookUp),
            Meaning::KeyReused => {
                tracing::error!(
                    "the gateway says that a key was sent with two different bodies: a defect of ours"
                );
                unknown("the key was used with another body".into(), Resolution::LookUp)
            }
            Meaning::PayerMustAct | Meaning::OtherFunding | Meaning::Payer => {
                Ok(decline(DeclineClass::Customer, &self.issue, gateway_ref).into())
            }
            Meaning::Hard => Ok(decline(DeclineClass::Hard, &self.issue, gateway_ref).into()),
            Meaning::NotRefundable => Ok(refund_decline(&self.issue, gateway_ref).into()),
            Meaning::Account | Meaning::Credentials | Meaning::Request => Err(self.refused()),
            Meaning::Unlisted => {
                if self.status == 422 {
                    tracing::warn!(issue = self.issue, "an issue that is not listed: taken for a refusal");
                }
                Err(self.refused())
            }
        }
    }

    /// A refusal of the request itself, and whose it is.
    #[must_use]
    pub fn refused(&self) -> InDoubt {
        let fault = match (self.meaning, self.status) {
            (Meaning::Account, _) => Fault::Account,
            (Meaning::Credentials, _) | (_, 401 | 403) => Fault::Credentials,
            _ => Fault::Request,
        };
        InDoubt::Refused { code: self.issue.to_ascii_lowercase(), message: self.words.clone(), fault }
    }
}

/// A definite no, in our own words: PayPal's may name a reason that the payer must not learn.
#[must_use]
pub fn decline(class: DeclineClass, reason: &str, gateway_ref: Option<GatewayRef>) -> Decline {
    let message = match (table::find(reason), class) {
        (Some((Meaning::OtherFunding | Meaning::Payer | Meaning::Hard, sentence)), _) => sentence,
        (_, DeclineClass::Soft) => "The payment was declined; a later attempt may succeed.",
        (_, DeclineClass::Customer) => "The payment was declined; the payer should see to it at PayPal.",
        (_, DeclineClass::Hard) => "The payment was declined; another payment method is needed.",
    };
    let hidden = NOT_FOR_THE_PAYER.contains(&reason);
    let code = if hidden { "payment_declined".to_owned() } else { reason.to_ascii_lowercase() };
    Decline { class, code, message: message.to_owned(), gateway_ref }
}

/// A refund that will not be made, or was not. What is said of payers who cannot pay would make no sense of it.
#[must_use]
pub fn refund_decline(reason: &str, gateway_ref: Option<GatewayRef>) -> Decline {
    let message = match table::find(reason) {
        Some((Meaning::NotRefundable, sentence)) => sentence,
        _ if reason == CAPTURE_FULLY_REFUNDED => "The payment was refunded before, in full.",
        _ if reason.starts_with("PAYER_ACCOUNT_") => {
            "The payer's account at PayPal takes no money; it must be given back in another way."
        }
        _ => "The refund was declined; the money must be given back in another way.",
    };
    let hidden = NOT_FOR_THE_PAYER.contains(&reason);
    let code = if hidden { "refund_declined".to_owned() } else { reason.to_ascii_lowercase() };
    Decline { class: DeclineClass::Hard, code, message: message.to_owned(), gateway_ref }
}

#[cfg(test)]
mod tests;
