//! Takes card data out of what a gateway says, before anybody can log it or write it down. A gateway may quote what
//! was sent to it, and what somebody else has typed into its forms: whatever it says comes through here.

use crate::{
    card_data::{in_text, redact},
    gateway::{
        Answer, Card, Charge, ChargeOutcome, Decline, Dispute, Found, GatewayRefund, InDoubt, Line,
        RefundOutcome, Report, SaveOutcome, SettlementReport, Verdict,
    },
};

/// What stands for a code that is none.
const UNKNOWN_CODE: &str = "unknown_code";

/// Characters of a gateway's code, at most.
const CODE_LENGTH_MAX: usize = 100;

/// Something that a gateway has said.
pub trait Redact {
    /// The same without card data.
    #[must_use]
    fn redacted(self) -> Self;
}

impl<T: Redact> Redact for Answer<T> {
    fn redacted(mut self) -> Self {
        self.report = self.report.redacted();
        self.call.request_id = self.call.request_id.map(text);
        self
    }
}

impl<T: Redact> Redact for Report<T> {
    fn redacted(self) -> Self {
        self.map(T::redacted).map_err(InDoubt::redacted)
    }
}

/// A gateway's name for something, or a sentence of its own.
impl Redact for Result<String, String> {
    fn redacted(self) -> Self {
        self.map(text).map_err(text)
    }
}

impl Redact for ChargeOutcome {
    fn redacted(self) -> Self {
        match self {
            Self::Succeeded(charge) => Self::Succeeded(charge.redacted()),
            Self::Authorized(charge) => Self::Authorized(charge.redacted()),
            Self::Declined(decline) => Self::Declined(decline.redacted()),
            Self::RequiresAction { gateway_ref, url } => {
                Self::RequiresAction { gateway_ref, url: url.filter(|url| !in_text(url)) }
            }
            // Nothing but the gateway's names for things.
            Self::Processing { .. } | Self::Approved { .. } | Self::Canceled { .. } => self,
        }
    }
}

impl Redact for RefundOutcome {
    fn redacted(self) -> Self {
        match self {
            Self::Succeeded(charge) => Self::Succeeded(charge.redacted()),
            Self::Declined(decline) => Self::Declined(decline.redacted()),
            // Nothing but the gateway's names for things.
            Self::Processing { .. } | Self::Canceled { .. } => self,
        }
    }
}

impl Redact for SaveOutcome {
    fn redacted(self) -> Self {
        match self {
            Self::Saved { method, card: of_card } => Self::Saved { method, card: of_card.map(card) },
            Self::Declined(decline) => Self::Declined(decline.redacted()),
        }
    }
}

impl Redact for InDoubt {
    fn redacted(self) -> Self {
        match self {
            Self::NotSent { why, retry_after, obstacle } => {
                Self::NotSent { why: text(why), retry_after, obstacle }
            }
            Self::Unknown { why, resolution } => Self::Unknown { why: text(why), resolution },
            Self::Refused { code, message, fault } => {
                Self::Refused { code: self::code(code), message: text(message), fault }
            }
            // Nobody was asked, and the words are ours; or there are none.
            Self::Deferred { .. } | Self::NotFound => self,
        }
    }
}

impl Redact for Charge {
    fn redacted(self) -> Self {
        Self { card: self.card.map(card), ..self }
    }
}

impl Redact for Decline {
    fn redacted(self) -> Self {
        Self { code: code(self.code), message: text(self.message), ..self }
    }
}

impl Redact for Found<Dispute> {
    fn redacted(self) -> Self {
        match self {
            Self::One(mut dispute) => {
                dispute.reason = dispute.reason.map(text);
                dispute.reference = dispute.reference.map(text);
                Self::One(dispute)
            }
            Self::None => Self::None,
            Self::Unknown(why) => Self::Unknown(text(why)),
        }
    }
}

impl Redact for Verdict {
    fn redacted(self) -> Self {
        match self {
            Self::Unknown(why) => Self::Unknown(text(why)),
            Self::Genuine | Self::Forged => self,
        }
    }
}

impl Redact for Result<SettlementReport, String> {
    fn redacted(self) -> Self {
        let report = self.map_err(text)?;
        Ok(SettlementReport { lines: report.lines.into_iter().map(line).collect(), ..report })
    }
}

impl Redact for Result<Vec<GatewayRefund>, String> {
    fn redacted(self) -> Self {
        Ok(self.map_err(text)?.into_iter().map(refund).collect())
    }
}

/// References are typed by people, where they are none of ours.
fn refund(refund: GatewayRefund) -> GatewayRefund {
    GatewayRefund {
        reference: refund.reference.map(text),
        payment_reference: refund.payment_reference.map(text),
        report: refund.report.redacted(),
        ..refund
    }
}

/// The same of a line.
fn line(line: Line) -> Line {
    match line {
        Line::Payment { reference, gateway_ref, report } => {
            Line::Payment { reference: reference.map(text), gateway_ref, report: report.redacted() }
        }
        Line::Movement { reference, gateway_ref, movement, money, fee } => {
            Line::Movement { reference: reference.map(text), gateway_ref, movement, money, fee }
        }
    }
}

fn text(words: String) -> String {
    if in_text(&words) { redact(&words).into_owned() } else { words }
}

/// A code is a word: a sentence in its place is not passed on.
fn code(code: String) -> String {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let is_code = (1..=CODE_LENGTH_MAX).contains(&code.len()) && code.bytes().all(is_word) && !in_text(&code);
    if is_code { code } else { UNKNOWN_CODE.to_owned() }
}

/// Of a card its last four digits are kept, however many the gateway tells.
fn card(card: Card) -> Card {
    let last4 = card.last4.map(|digits| {
        let from = digits.char_indices().rev().nth(3).map_or(0, |(place, _)| place);
        digits[from..].to_owned()
    });
    Card { last4, brand: card.brand.map(text), ..card }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::gateway::{Call, DeclineClass, Fault, Obstacle, Resolution, report::Worded as _};

    const NUMBER: &str = "4242424242424242";

    #[test]
    fn whatever_a_gateway_says_no_card_number_comes_through() {
        let words = || format!("No such PaymentMethod: 'pm_{NUMBER}'");
        let decline = Decline {
            class: DeclineClass::Hard,
            code: NUMBER.into(),
            message: words(),
            gateway_ref: Some("pi_1".into()),
        };
        let of_card = || Card {
            brand: Some(NUMBER.into()),
            last4: Some(NUMBER.into()),
            exp_month: Some(12),
            exp_year: Some(2030),
        };
        let charge = crate::gateway::Charge {
            gateway_ref: "pi_1".into(),
            charge_ref: None,
            card: Some(of_card()),
            money: None,
            fee: None,
        };
        for report in [
            Err(InDoubt::NotSent { why: words(), retry_after: None, obstacle: Obstacle::Unreachable }),
            Err(InDoubt::Unknown { why: words(), resolution: Resolution::Replay }),
            Err(InDoubt::Refused { code: words(), message: words(), fault: Fault::Request }),
            Err(InDoubt::Refused { code: NUMBER.into(), message: words(), fault: Fault::Credentials }),
            Ok(ChargeOutcome::Declined(decline)),
            Ok(ChargeOutcome::RequiresAction {
                gateway_ref: "pi_1".into(),
                url: Some(format!("https://a.example/?n={NUMBER}")),
            }),
            Ok(ChargeOutcome::Succeeded(charge.clone())),
            Ok(ChargeOutcome::Authorized(charge)),
        ] {
            let call = Call {
                operation: "charge",
                http_status: Some(400),
                request_id: Some(format!("req_{NUMBER}")),
                duration: Duration::ZERO,
            };
            let word = report.word();
            let answer = Answer { report, call, cursor: None }.redacted();
            assert!(!format!("{answer:?}").contains(NUMBER), "{answer:?}");
            assert_eq!(answer.report.word(), word, "what became of it is as it was");
        }
        let found = Found::<Dispute>::Unknown(words()).redacted();
        let verdict = Verdict::Unknown(words()).redacted();
        let report = Result::<SettlementReport, String>::Err(words()).redacted();
        let refunds = Result::<Vec<GatewayRefund>, String>::Err(words()).redacted();
        assert!(!format!("{found:?}{verdict:?}{report:?}{refunds:?}").contains(NUMBER));
        assert_eq!(card(of_card()).last4.as_deref(), Some("4242"));
    }

    #[test]
    fn ordinary_words_stay() {
        let report: Report<ChargeOutcome> = Err(InDoubt::Refused {
            code: "resource_missing".into(),
            message: "No such PaymentMethod: 'pm_1MqLiJLkdIwHu7ixUEgbFdYF'".into(),
            fault: Fault::Request,
        });
        assert_eq!(report.clone().redacted(), report);
    }
}
