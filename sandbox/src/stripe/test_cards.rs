//! What each test token is and does: Stripe's own tokens, and `pm_sandbox_…` for misbehaviour.
//!
//! A `pm_sandbox_` token is a good Visa card whose first charge, capture, cancellation or refund goes
//! wrong as the rest of its name says (see the crate's `faults`), or is declined (see `declines`).

use serde::{Deserialize, Serialize};

use super::declines::{self, DECLINED, Decline, MISBEHAVING};
use super::objects::PaymentMethod;
use crate::faults::{Operation, TokenFault};

/// The prefix of declining cards that can be saved all the same: they went bad later.
const SAVED: &str = "pm_sandbox_saved_";

/// The prefix of cards that are declined for a time: seconds since 1970, the first and the one after the last,
/// and how, as in `pm_sandbox_between_1700000000_1800000000_chargeDeclinedStolenCard`.
const BETWEEN: &str = "pm_sandbox_between_";

/// One test token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TestMethod<'a> {
    pub(crate) kind: Kind,
    /// The card's brand; for debits, the bank.
    pub(crate) brand: &'static str,
    pub(crate) last4: &'static str,
    pub(crate) behaviour: Behaviour<'a>,
    /// Whether it can be attached to a customer: most declining cards cannot.
    pub(crate) attaches: bool,
    /// Whether its bank disputes what was taken, a while later.
    pub(crate) disputes: bool,
    /// What becomes of its refunds.
    pub(crate) refunding: Refunding,
}

/// Stripe's type of a payment method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A card, a wallet's cards included.
    Card,
    /// ACH direct debit.
    UsBankAccount,
    /// SEPA direct debit.
    SepaDebit,
}

impl Kind {
    /// Stripe's word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::UsBankAccount => "us_bank_account",
            Self::SepaDebit => "sepa_debit",
        }
    }

    /// The only currency it takes, if there is only one.
    pub(crate) fn only_currency(self) -> Option<&'static str> {
        match self {
            Self::Card => None,
            Self::UsBankAccount => Some("usd"),
            Self::SepaDebit => Some("eur"),
        }
    }
}

/// What happens when a token is charged.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Behaviour<'a> {
    /// Money moves at once.
    Charges,
    /// The issuer says no.
    Declines(Decline<'a>),
    /// The issuer says no from one second until another.
    DeclinesBetween(i64, i64, Decline<'a>),
    /// The payer must authenticate first.
    Authenticates,
    /// The answer is `processing`; the end comes later.
    Settles(Settlement),
}

/// What becomes of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refunding {
    /// The money is back at once.
    Succeeds,
    /// The answer is `pending`; it succeeds later.
    Pends,
    /// It succeeds, and fails later all the same.
    Fails,
}

/// How a debit ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Settlement {
    /// The bank pays.
    Succeeds,
    /// The bank refuses: failure code and message.
    Fails(&'static str, &'static str),
    /// Nothing is ever heard of it.
    Never,
}

const fn declined(
    decline_code: &'static str,
    advice_code: &'static str,
    message: &'static str,
) -> Behaviour<'static> {
    Behaviour::Declines(Decline {
        code: "card_declined",
        decline_code: Some(decline_code),
        advice_code: Some(advice_code),
        message,
    })
}

const fn rejected(
    code: &'static str,
    advice_code: Option<&'static str>,
    message: &'static str,
) -> Behaviour<'static> {
    Behaviour::Declines(Decline { code, decline_code: None, advice_code, message })
}

const fn visa<'a>(last4: &'static str, behaviour: Behaviour<'a>) -> TestMethod<'a> {
    TestMethod {
        kind: Kind::Card,
        brand: "visa",
        last4,
        behaviour,
        attaches: !matches!(behaviour, Behaviour::Declines(_)),
        disputes: false,
        refunding: Refunding::Succeeds,
    }
}

const fn debit(kind: Kind, last4: &'static str, settlement: Settlement) -> TestMethod<'static> {
    TestMethod {
        kind,
        brand: "STRIPE TEST BANK",
        last4,
        behaviour: Behaviour::Settles(settlement),
        attaches: true,
        disputes: false,
        refunding: Refunding::Succeeds,
    }
}

/// The card that always pays.
pub(crate) const VISA: TestMethod<'_> = visa("4242", Behaviour::Charges);

/// What this token is, if it is one.
pub(crate) fn find(token: &str) -> Option<TestMethod<'_>> {
    match declines::of_token(token) {
        Some((Operation::Charge, decline)) => return Some(visa("0002", Behaviour::Declines(decline))),
        Some(_) => return Some(VISA),
        None if fault(token).is_some() => return Some(VISA),
        None => {}
    }
    card(token).or_else(|| bank_debit(token))
}

/// What a stored method does. Tokens are checked before a method is made of them, so every stored one
/// is known, unless a newer sandbox has dropped it: then it is a plain Visa.
pub(crate) fn of(method: &PaymentMethod) -> TestMethod<'_> {
    find(&method.token).unwrap_or(VISA)
}

/// How the first charge with this token, or the first other operation on its payment, goes wrong.
pub(crate) fn fault(token: &str) -> Option<TokenFault> {
    TokenFault::parse(token.strip_prefix(MISBEHAVING)?)
}

fn card(token: &str) -> Option<TestMethod<'static>> {
    let good = |brand, last4| TestMethod { brand, ..visa(last4, Behaviour::Charges) };
    let card = match token {
        "pm_card_visa" => good("visa", "4242"),
        "pm_card_mastercard" => good("mastercard", "4444"),
        "pm_card_amex" => good("amex", "8431"),
        "pm_card_createDispute" => TestMethod { disputes: true, ..good("visa", "0259") },
        "pm_card_pendingRefund" => TestMethod { refunding: Refunding::Pends, ..good("visa", "7726") },
        "pm_card_refundFail" => TestMethod { refunding: Refunding::Fails, ..good("visa", "5126") },
        "pm_card_authenticationRequired" => visa("3184", Behaviour::Authenticates),
        "pm_card_chargeCustomerFail" => TestMethod {
            attaches: true,
            ..visa("0341", declined("generic_decline", "try_again_later", DECLINED))
        },
        _ => match (token.strip_prefix(SAVED), token.strip_prefix(BETWEEN)) {
            (Some(name), _) => TestMethod { attaches: true, ..declining_card(name)? },
            (None, Some(when)) => return declining_for_a_time(when),
            (None, None) => return declining_card(token.strip_prefix("pm_card_")?),
        },
    };
    Some(card)
}

fn declining_for_a_time(when: &str) -> Option<TestMethod<'static>> {
    let (from, rest) = when.split_once('_')?;
    let (to, name) = rest.split_once('_')?;
    let card = declining_card(name)?;
    let Behaviour::Declines(decline) = card.behaviour else { return None };
    let behaviour = Behaviour::DeclinesBetween(from.parse().ok()?, to.parse().ok()?, decline);
    Some(TestMethod { behaviour, attaches: true, ..card })
}

fn declining_card(name: &str) -> Option<TestMethod<'static>> {
    let no_funds = "Your card has insufficient funds.";
    let too_often =
        "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.";
    let wrong_cvc = "Your card's security code is incorrect.";
    let try_again = "An error occurred while processing your card. Try again in a little bit.";
    // Stripe names most of these with the brand in front and some without; both are taken.
    let name = name.strip_prefix("visa_").unwrap_or(name);
    let (last4, behaviour) = match name.strip_prefix("chargeDeclined")? {
        "" => ("0002", declined("generic_decline", "try_again_later", DECLINED)),
        "InsufficientFunds" => ("9995", declined("insufficient_funds", "try_again_later", no_funds)),
        "LostCard" => ("9987", declined("lost_card", "do_not_try_again", DECLINED)),
        "StolenCard" => ("9979", declined("stolen_card", "do_not_try_again", DECLINED)),
        "VelocityLimitExceeded" => ("6975", declined("card_velocity_exceeded", "try_again_later", too_often)),
        "ExpiredCard" => ("0069", rejected("expired_card", None, "Your card has expired.")),
        "IncorrectCvc" => ("0127", rejected("incorrect_cvc", Some("confirm_card_data"), wrong_cvc)),
        "ProcessingError" => ("0119", rejected("processing_error", None, try_again)),
        _ => return None,
    };
    Some(visa(last4, behaviour))
}

fn bank_debit(token: &str) -> Option<TestMethod<'static>> {
    let no_funds = Settlement::Fails("insufficient_funds", "The customer's account has insufficient funds.");
    let closed = Settlement::Fails("account_closed", "The customer's bank account has been closed.");
    let unauthorized = Settlement::Fails(
        "debit_not_authorized",
        "The customer has notified their bank that this debit was unauthorized.",
    );
    let method = match token {
        "pm_usBankAccount_success" => debit(Kind::UsBankAccount, "6789", Settlement::Succeeds),
        "pm_usBankAccount_dispute" => {
            TestMethod { disputes: true, ..debit(Kind::UsBankAccount, "5556", Settlement::Succeeds) }
        }
        "pm_usBankAccount_insufficientFunds" => debit(Kind::UsBankAccount, "2227", no_funds),
        "pm_usBankAccount_accountClosed" => debit(Kind::UsBankAccount, "1113", closed),
        "pm_usBankAccount_debitNotAuthorized" => debit(Kind::UsBankAccount, "3335", unauthorized),
        "pm_usBankAccount_processing" => debit(Kind::UsBankAccount, "0116", Settlement::Never),
        "pm_sepaDebit_success" => debit(Kind::SepaDebit, "3201", Settlement::Succeeds),
        "pm_sepaDebit_dispute" => {
            TestMethod { disputes: true, ..debit(Kind::SepaDebit, "3019", Settlement::Succeeds) }
        }
        "pm_sepaDebit_insufficientFunds" => debit(Kind::SepaDebit, "3244", no_funds),
        _ => return None,
    };
    Some(method)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_known_by_their_names() {
        for token in [
            "pm_card_visa",
            "pm_card_mastercard",
            "pm_card_amex",
            "pm_card_visa_chargeDeclined",
            "pm_card_visa_chargeDeclinedStolenCard",
            "pm_card_chargeDeclinedExpiredCard",
            "pm_card_chargeCustomerFail",
            "pm_usBankAccount_processing",
            "pm_sepaDebit_success",
            "pm_sandbox_timeout_after",
            "pm_sepaDebit_dispute",
            "pm_sandbox_slow_before_250",
            "pm_sandbox_refund_500_after",
            "pm_sandbox_saved_chargeDeclinedLostCard",
            "pm_sandbox_between_0_1800000000_chargeDeclinedLostCard",
            "pm_sandbox_decline_lost_card",
            "pm_sandbox_refund_decline_lost_card",
        ] {
            assert!(find(token).is_some(), "{token} is not known");
        }
        for token in [
            "pm_card_nonsense",
            "pm_sandbox_between_0_1_visa",
            "pm_sandbox_between_0_chargeDeclined",
            "pm_sandbox_nonsense",
            "pm_sandbox_saved_visa",
            "4242424242424242",
            "",
        ] {
            assert!(find(token).is_none(), "{token} is known");
        }
    }
}
