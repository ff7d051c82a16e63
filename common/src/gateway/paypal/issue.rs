//! PayPal's refusals, by their `issue`: who can do something about it. The table is the measure; what is
//! not in it is a refusal of the request.

use serde::Deserialize;

use crate::gateway::{Decline, DeclineClass, Report, Resolution};

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
    /// This payer's way of paying will not work.
    Hard,
    /// Of this capture nothing more, or not so much, is given back.
    NotRefundable,
    /// The merchant's account is at fault.
    MerchantMustAct,
    /// One key, two requests: a defect of ours.
    KeyReused,
    /// Nothing that we have a rule for.
    Unlisted,
}

const IN_PROGRESS: &[&str] = &["ORDER_COMPLETION_IN_PROGRESS", "PREVIOUS_REQUEST_IN_PROGRESS"];

/// Nobody called it off: its time ran out. The order may not show it.
pub const AUTHORIZATION_EXPIRED: &str = "AUTHORIZATION_EXPIRED";

const DONE_ALREADY: &[&str] = &[
    "ORDER_ALREADY_CAPTURED",
    "ORDER_ALREADY_AUTHORIZED",
    "ORDER_COMPLETED_OR_VOIDED",
    "AUTHORIZATION_ALREADY_CAPTURED",
    "AUTHORIZATION_VOIDED",
    "AUTHORIZATION_DENIED",
    AUTHORIZATION_EXPIRED,
    "PREVIOUSLY_CAPTURED",
    "PREVIOUSLY_VOIDED",
    "CAPTURE_FULLY_REFUNDED",
    "DUPLICATE_INVOICE_ID",
];

/// The payer has to come and do something.
pub const PAYER_ACTION_REQUIRED: &str = "PAYER_ACTION_REQUIRED";

const PAYER_MUST_ACT: &[&str] = &[PAYER_ACTION_REQUIRED, "ORDER_NOT_APPROVED"];

const OTHER_FUNDING: &[&str] = &["REDIRECT_PAYER_FOR_ALTERNATE_FUNDING", "INSTRUMENT_DECLINED"];

const HARD: &[&str] = &[
    "TRANSACTION_REFUSED",
    "PAYER_CANNOT_PAY",
    "PAYMENT_SOURCE_DECLINED_BY_PROCESSOR",
    "CARD_EXPIRED",
    "TOKEN_EXPIRED",
    "AGREEMENT_ALREADY_CANCELLED",
    "COMPLIANCE_VIOLATION",
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED",
    "TRANSACTION_BLOCKED_BY_PAYEE",
];

const NOT_REFUNDABLE: &[&str] = &[
    "REFUND_AMOUNT_EXCEEDED",
    "REFUND_NOT_ALLOWED",
    "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK",
    "REFUND_IS_RESTRICTED",
    "PARTIAL_REFUND_NOT_ALLOWED",
    "MAX_NUMBER_OF_REFUNDS_EXCEEDED",
    "TRANSACTION_DISPUTED",
];

const MERCHANT_MUST_ACT: &[&str] =
    &["PERMISSION_DENIED", "REFUND_FAILED_INSUFFICIENT_FUNDS", "REFUND_TIME_LIMIT_EXCEEDED"];

/// The name of the error, where PayPal finds another request under the key.
const KEY_REUSED: &str = "DUPLICATE_REQUEST_ID";

/// Issues that would tell a payer about to be accused more than they should know.
const NOT_FOR_THE_PAYER: &[&str] = &["COMPLIANCE_VIOLATION", "TRANSACTION_BLOCKED_BY_PAYEE"];

/// Sorts an issue.
#[must_use]
pub fn meaning(issue: &str) -> Meaning {
    match issue {
        _ if IN_PROGRESS.contains(&issue) => Meaning::InProgress,
        _ if DONE_ALREADY.contains(&issue) => Meaning::DoneAlready,
        _ if PAYER_MUST_ACT.contains(&issue) => Meaning::PayerMustAct,
        _ if OTHER_FUNDING.contains(&issue) => Meaning::OtherFunding,
        _ if HARD.contains(&issue) || issue.starts_with("PAYER_ACCOUNT_") => Meaning::Hard,
        _ if NOT_REFUNDABLE.contains(&issue) => Meaning::NotRefundable,
        _ if MERCHANT_MUST_ACT.contains(&issue) => Meaning::MerchantMustAct,
        _ if issue.starts_with("PAYEE_") || issue.starts_with("NOT_ENABLED_") => Meaning::MerchantMustAct,
        KEY_REUSED => Meaning::KeyReused,
        _ => Meaning::Unlisted,
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

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    name: Option<String>,
    message: Option<String>,
    details: Option<Vec<Detail>>,
    links: Option<Vec<Link>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Detail {
    issue: Option<String>,
    description: Option<String>,
    field: Option<String>,
}

/// A link, as all objects of PayPal's have them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Link {
    pub href: Option<String>,
    pub rel: Option<String>,
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
    /// Reads it. An issue that we know goes before those that we do not.
    #[must_use]
    pub fn read(status: u16, body: &[u8]) -> Self {
        let body: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
        let details = body.details.unwrap_or_default();
        let issues = || details.iter().filter(|detail| detail.issue.is_some());
        let listed = |detail: &&Detail| meaning(detail.issue.as_deref().unwrap_or("")) != Meaning::Unlisted;
        let detail = issues().find(listed).or_else(|| issues().next());
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
    #[must_use]
    pub fn report(&self, gateway_ref: Option<String>) -> Report {
        let unknown = |why: String, resolution| Report::Unknown { why, resolution };
        match self.meaning {
            Meaning::InProgress => unknown(self.issue.clone(), Resolution::Replay),
            Meaning::DoneAlready => unknown(self.issue.clone(), Resolution::LookUp),
            Meaning::KeyReused => {
                tracing::error!(
                    "the gateway says that a key was sent with two different bodies: a defect of ours"
                );
                unknown("the key was used with another body".into(), Resolution::LookUp)
            }
            Meaning::PayerMustAct | Meaning::OtherFunding => {
                Report::Declined(decline(DeclineClass::Customer, &self.issue, gateway_ref))
            }
            Meaning::Hard => Report::Declined(decline(DeclineClass::Hard, &self.issue, gateway_ref)),
            Meaning::NotRefundable => Report::Declined(refund_decline(&self.issue, gateway_ref)),
            Meaning::MerchantMustAct => self.refused(true),
            Meaning::Unlisted => {
                if self.status == 422 {
                    tracing::warn!(issue = self.issue, "an issue that is not listed: taken for a refusal");
                }
                self.refused(self.status == 403)
            }
        }
    }

    /// A refusal of the request itself.
    #[must_use]
    pub fn refused(&self, alarm: bool) -> Report {
        Report::Refused { code: self.issue.clone(), message: self.words.clone(), alarm }
    }
}

/// A definite no, in our own words: PayPal's may name a reason that the payer must not learn.
#[must_use]
pub fn decline(class: DeclineClass, reason: &str, gateway_ref: Option<String>) -> Decline {
    let hidden = NOT_FOR_THE_PAYER.contains(&reason);
    let message = match (reason, class) {
        ("INSTRUMENT_DECLINED", _) => "PayPal could not take the money from the payer's bank or card.",
        ("CARD_EXPIRED", _) => "The card has expired.",
        ("TOKEN_EXPIRED" | "AGREEMENT_ALREADY_CANCELLED", _) => {
            "The payer's agreement at PayPal is over; it has to be made anew."
        }
        (_, DeclineClass::Soft) => "The payment was declined; a later attempt may succeed.",
        (_, DeclineClass::Customer) => "The payment was declined; the payer should see to it at PayPal.",
        (_, DeclineClass::Hard) => "The payment was declined; another payment method is needed.",
    };
    let code = if hidden { "payment_declined".to_owned() } else { reason.to_ascii_lowercase() };
    Decline { class, code, message: message.to_owned(), gateway_ref }
}

/// A refund that will not be made, or was not.
#[must_use]
pub fn refund_decline(reason: &str, gateway_ref: Option<String>) -> Decline {
    let message = match reason {
        "REFUND_AMOUNT_EXCEEDED" => "The refund is more than what is left of the payment.",
        "CAPTURE_FULLY_REFUNDED" => "The payment was refunded before, in full.",
        "TRANSACTION_DISPUTED" | "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK" => {
            "The payment is disputed, and cannot be refunded meanwhile."
        }
        _ => "The refund was declined.",
    };
    let code = reason.to_ascii_lowercase();
    Decline { class: DeclineClass::Hard, code, message: message.to_owned(), gateway_ref }
}

#[cfg(test)]
mod tests;
