//! What PayPal's answers mean. Pure; every field is optional, and what cannot be understood is unknown,
//! never failed. A status of HTTP says only that there is an object: what became of the money is in it.

pub mod dispute;
pub mod settlement_report;

use std::time::Duration;

use bytes::Bytes;
use chrono::DateTime;
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;

use crate::{
    gateway::{
        Charge, ChargeOutcome, ChargeRef, DeclineClass, GatewayRef, GatewayRefund, InDoubt, Obstacle,
        RefundOutcome, Report, Resolution,
    },
    money::Money,
};

use super::{
    amount::from_value,
    refusal::{Refusal, decline, payer_url, refund_decline},
    wire::{Order, Payment, Payments, Refund, Supplement, Unit},
};

/// How our names for payments and refunds begin.
pub const PAYMENT: &str = "pay_";
pub const REFUND: &str = "re_";

/// An answer, as received.
pub struct Received {
    pub status: u16,
    pub retry_after: Option<Duration>,
    pub body: Bytes,
}

/// What an answer to an operation is, before anybody looks at its object.
pub enum Answered {
    /// There is an object: its body.
    Object(Bytes),
    /// A refusal, with its issue.
    Refused(Refusal),
    /// There is nothing to read.
    InDoubt(InDoubt),
}

/// Sorts an answer to an operation.
pub fn sort(received: &Received) -> Answered {
    match received.status {
        200..=299 => Answered::Object(received.body.clone()),
        400 | 403 | 404 | 422 => Answered::Refused(Refusal::read(received.status, &received.body)),
        401 => Answered::InDoubt(Refusal::read(401, &received.body).refused()),
        429 => Answered::InDoubt(InDoubt::NotSent {
            why: "the gateway limits our rate".into(),
            retry_after: received.retry_after,
            obstacle: Obstacle::Busy,
        }),
        // 409 is a request with the same key that still runs; a proxy's 408 or 499 is as good as silence.
        status => Answered::InDoubt(InDoubt::Unknown {
            why: format!("the gateway answered {status}"),
            resolution: Resolution::Replay,
        }),
    }
}

/// Reads an object.
///
/// Fails with the reason, for operators.
pub fn object<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("unreadable answer: {error}"))
}

impl Supplement {
    /// The order that the object belongs to.
    pub fn order_id(&self) -> Option<&str> {
        self.related_ids.as_ref()?.order_id.as_deref()
    }
}

/// Whose a refund is, by PayPal's names and ours.
#[derive(Debug, Default)]
pub struct Owner<'a> {
    /// Our name for the payment.
    pub payment_reference: Option<&'a str>,
    /// The order.
    pub order: Option<&'a str>,
    /// The capture that is given back.
    pub capture: Option<&'a str>,
}

/// How far a movement is, by its weight: what moved money decides, whatever was tried beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// An authorization that was captured: its capture knows.
    Captured,
    Declined,
    Over,
    Standing,
    Strange,
    Pending,
    Taken,
}

impl Order {
    /// What became of the payment. `resolution`: how to learn it if the order does not tell.
    pub fn report(&self, resolution: Resolution) -> Report<ChargeOutcome> {
        let Some(gateway_ref) = self.id.clone().map(GatewayRef) else {
            return Err(InDoubt::Unknown { why: "an answer without an id".into(), resolution });
        };
        let captures = self.payments().and_then(|payments| payments.captures.as_deref());
        let captures = captures.into_iter().flatten();
        let captures =
            captures.map(|one| (one.weight_of_capture(), one.capture_report(&gateway_ref, resolution)));
        let authorizations = self.payments().and_then(|payments| payments.authorizations.as_deref());
        let authorizations = authorizations.into_iter().flatten();
        let authorizations = authorizations
            .map(|one| (one.weight_of_authorization(), one.authorization_report(&gateway_ref, resolution)));
        match captures.chain(authorizations).reduce(|first, next| if next.0 > first.0 { next } else { first })
        {
            Some((_, report)) => report,
            None => self.report_without_payments(gateway_ref, resolution),
        }
    }

    fn report_without_payments(
        &self,
        gateway_ref: GatewayRef,
        resolution: Resolution,
    ) -> Report<ChargeOutcome> {
        let url = self.payer_url();
        match self.status.as_deref() {
            Some("APPROVED") => Ok(ChargeOutcome::Approved { gateway_ref }),
            Some("PAYER_ACTION_REQUIRED") => Ok(ChargeOutcome::RequiresAction { gateway_ref, url }),
            Some("CREATED" | "SAVED") if url.is_some() => {
                Ok(ChargeOutcome::RequiresAction { gateway_ref, url })
            }
            Some("VOIDED") => Ok(ChargeOutcome::Canceled { gateway_ref }),
            // It was paid, and says not how: sending it again would say no more.
            Some("COMPLETED") => Err(super::unresolved("a completed order without its payments")),
            status => Err(strange("an order", status, resolution)),
        }
    }

    /// Where the payer approves it.
    pub fn payer_url(&self) -> Option<String> {
        payer_url(self.links.as_deref())
    }

    /// The capture that can be given back.
    pub fn capture_id(&self) -> Option<&str> {
        let captures = self.payments()?.captures.as_deref()?;
        captures.iter().find(|capture| capture.weight_of_capture() == Weight::Taken)?.id.as_deref()
    }

    /// The refund with our reference.
    pub fn refund(&self, reference: &str) -> Option<&Refund> {
        let ours = |id: &Option<String>| id.as_deref() == Some(reference);
        let mut refunds = self.payments()?.refunds.as_deref()?.iter();
        refunds.find(|refund| ours(&refund.custom_id) || ours(&refund.invoice_id))
    }

    /// All refunds of it, whoever made them.
    ///
    /// Fails with why one of them cannot be read.
    pub fn refunds(&self) -> Result<Vec<GatewayRefund>, String> {
        let unit = self.purchase_units.as_deref().and_then(<[Unit]>::first);
        let payment_reference = unit.and_then(|unit| ours(PAYMENT, &unit.custom_id, &None));
        let refunds = self.payments().and_then(|payments| payments.refunds.as_deref()).unwrap_or_default();
        let found = refunds.iter().map(|refund| {
            let capture = refund.capture_id();
            refund.found(&Owner { payment_reference, order: self.id.as_deref(), capture })
        });
        found.collect()
    }

    fn payments(&self) -> Option<&Payments> {
        self.purchase_units.as_deref()?.first()?.payments.as_ref()
    }
}

impl Payment {
    /// The order that it belongs to.
    pub fn order_id(&self) -> Option<&str> {
        self.supplementary_data.as_ref()?.order_id()
    }

    /// As the owner of its refunds.
    pub fn owner(&self) -> Owner<'_> {
        Owner {
            payment_reference: ours(PAYMENT, &self.custom_id, &self.invoice_id),
            order: self.order_id(),
            capture: self.id.as_deref(),
        }
    }

    /// A refunded capture is still one that succeeded: refunds have reports of their own.
    pub fn capture_report(&self, order: &GatewayRef, resolution: Resolution) -> Report<ChargeOutcome> {
        let gateway_ref = order.clone();
        match self.status.as_deref() {
            Some("COMPLETED" | "PARTIALLY_REFUNDED" | "REFUNDED") => {
                Ok(ChargeOutcome::Succeeded(self.charge(gateway_ref)))
            }
            Some("PENDING") => Ok(ChargeOutcome::Processing { gateway_ref }),
            Some("DECLINED") => Ok(ChargeOutcome::Declined(decline(
                DeclineClass::Customer,
                "CAPTURE_DECLINED",
                Some(gateway_ref),
            ))),
            Some("FAILED") => {
                Ok(ChargeOutcome::Declined(decline(DeclineClass::Soft, "CAPTURE_FAILED", Some(gateway_ref))))
            }
            status => Err(strange("a capture", status, resolution)),
        }
    }

    pub fn authorization_report(&self, order: &GatewayRef, resolution: Resolution) -> Report<ChargeOutcome> {
        let gateway_ref = order.clone();
        match self.status.as_deref() {
            Some("CREATED") => Ok(ChargeOutcome::Authorized(self.charge(gateway_ref))),
            Some("PENDING") => Ok(ChargeOutcome::Processing { gateway_ref }),
            Some("DENIED") => Ok(ChargeOutcome::Declined(decline(
                DeclineClass::Customer,
                "AUTHORIZATION_DENIED",
                Some(gateway_ref),
            ))),
            Some("VOIDED" | "EXPIRED") => Ok(ChargeOutcome::Canceled { gateway_ref }),
            Some("CAPTURED" | "PARTIALLY_CAPTURED") => {
                Err(super::unresolved("an authorization that was captured, without its capture"))
            }
            status => Err(strange("an authorization", status, resolution)),
        }
    }

    fn charge(&self, gateway_ref: GatewayRef) -> Charge {
        let breakdown = self.seller_receivable_breakdown.as_ref();
        Charge {
            gateway_ref,
            charge_ref: self.id.clone().map(ChargeRef),
            card: None,
            money: self.amount.as_ref().and_then(from_value),
            fee: breakdown.and_then(|breakdown| from_value(breakdown.paypal_fee.as_ref()?)),
        }
    }

    fn weight_of_capture(&self) -> Weight {
        match self.status.as_deref() {
            Some("COMPLETED" | "PARTIALLY_REFUNDED" | "REFUNDED") => Weight::Taken,
            Some("PENDING") => Weight::Pending,
            Some("DECLINED" | "FAILED") => Weight::Declined,
            _ => Weight::Strange,
        }
    }

    fn weight_of_authorization(&self) -> Weight {
        match self.status.as_deref() {
            Some("CREATED") => Weight::Standing,
            Some("PENDING") => Weight::Pending,
            Some("DENIED") => Weight::Declined,
            Some("VOIDED" | "EXPIRED") => Weight::Over,
            Some("CAPTURED" | "PARTIALLY_CAPTURED") => Weight::Captured,
            _ => Weight::Strange,
        }
    }
}

impl Refund {
    /// What became of the refund.
    pub fn report(&self, resolution: Resolution) -> Report<RefundOutcome> {
        let Some(gateway_ref) = self.id.clone().map(GatewayRef) else {
            return Err(InDoubt::Unknown { why: "an answer without an id".into(), resolution });
        };
        match self.status.as_deref() {
            Some("COMPLETED") => Ok(RefundOutcome::Succeeded(self.given_back(gateway_ref))),
            Some("PENDING") => Ok(RefundOutcome::Processing { gateway_ref }),
            Some("FAILED") => Ok(RefundOutcome::Declined(refund_decline("REFUND_FAILED", Some(gateway_ref)))),
            Some("CANCELLED") => Ok(RefundOutcome::Canceled { gateway_ref }),
            status => Err(strange("a refund", status, resolution)),
        }
    }

    /// The capture that it gives back: only a link names it.
    pub fn capture_id(&self) -> Option<&str> {
        let mut links = self.links.as_deref()?.iter();
        let up = links.find(|link| link.rel.as_deref() == Some("up"))?;
        let (_, id) = up.href.as_deref()?.rsplit_once("/captures/")?;
        Some(id).filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    }

    /// As the gateway knows it, whoever made it.
    ///
    /// Fails with what is missing, for operators.
    pub fn found(&self, owner: &Owner<'_>) -> Result<GatewayRefund, String> {
        let made_at = self.create_time.as_deref().and_then(|at| DateTime::parse_from_rfc3339(at).ok());
        Ok(GatewayRefund {
            gateway_ref: self.id.clone().ok_or("a refund without an id")?.into(),
            reference: ours(REFUND, &self.custom_id, &self.invoice_id).map(str::to_owned),
            payment_reference: owner.payment_reference.map(str::to_owned),
            payment_ref: owner.order.map(Into::into),
            charge_ref: owner.capture.map(Into::into),
            money: self.amount.as_ref().and_then(from_value).ok_or("a refund without an amount")?,
            made_at: made_at.map(|at| at.to_utc()),
            report: self.report(Resolution::LookUp),
        })
    }

    /// PayPal states the fee that it gives back; to us that is a negative one.
    fn given_back(&self, gateway_ref: GatewayRef) -> Charge {
        let breakdown = self.seller_payable_breakdown.as_ref();
        let fee = breakdown.and_then(|breakdown| from_value(breakdown.paypal_fee.as_ref()?));
        Charge {
            gateway_ref,
            charge_ref: None,
            card: None,
            money: self.amount.as_ref().and_then(from_value),
            fee: fee.map(|fee| Money { amount: Decimal::ZERO - fee.amount, ..fee }),
        }
    }
}

/// Our name in one of these, by how it begins.
fn ours<'a>(prefix: &str, custom_id: &'a Option<String>, invoice_id: &'a Option<String>) -> Option<&'a str> {
    let ids = [custom_id, invoice_id].into_iter().flatten();
    ids.map(String::as_str).find(|id| id.starts_with(prefix))
}

fn strange(what: &str, status: Option<&str>, resolution: Resolution) -> InDoubt {
    InDoubt::Unknown { why: format!("{what} with status {}", status.unwrap_or("missing")), resolution }
}

#[cfg(test)]
mod tests;
