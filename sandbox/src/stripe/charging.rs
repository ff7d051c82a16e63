//! One attempt at charging: what confirming an intent with a payment method leads to.
//!
//! Pure: it takes the objects as they are and answers with the objects as they become, together with
//! the entry in the books if, and only if, money really moves.

use serde_json::{Map, Value, json};

use super::balance;
use super::declines::{AUTHENTICATION_REQUIRED, Decline};
use super::errors::StripeError;
use super::objects::{CaptureMethod, Charge, ChargeStatus, Intent, IntentStatus, NextAction, PaymentMethod};
use super::render_methods;
use super::store::{Change, StripeChange};
use super::test_cards::{self, Behaviour, Settlement};
use crate::books;
use crate::clock::Moment;
use crate::engine::Setting;
use crate::ids::new_id;

/// How long an authorization can be captured: seven days.
const AUTHORIZATION_LIFE_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// What the confirming request says about the payer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    /// The payer is not there.
    pub(crate) off_session: bool,
    pub(crate) return_url: Option<String>,
}

/// The outcome of an attempt.
pub(crate) struct Attempt {
    pub(crate) intent: Intent,
    pub(crate) method: PaymentMethod,
    pub(crate) charge: Option<Charge>,
    /// What the charge did to the merchant's balance.
    pub(crate) taken: Option<Change>,
    /// The fields of the card error, when it was declined.
    pub(crate) error: Option<Map<String, Value>>,
}

/// Charges, or tries to.
pub(crate) fn attempt(
    mut intent: Intent,
    method: PaymentMethod,
    terms: &Terms,
    setting: &Setting<'_>,
) -> Attempt {
    intent.last_payment_error = None;
    intent.next_action = None;
    intent.payment_method = Some(method.id.clone());
    let token = method.token.clone();
    match test_cards::find(&token).unwrap_or(test_cards::VISA).behaviour {
        Behaviour::Charges => succeed(intent, method, setting),
        Behaviour::DeclinesBetween(from, to, decline) if (from..to).contains(&setting.now.seconds()) => {
            fail(intent, method, &decline, setting.now)
        }
        Behaviour::DeclinesBetween(..) => succeed(intent, method, setting),
        Behaviour::Declines(decline) => fail(intent, method, &decline, setting.now),
        Behaviour::Authenticates if terms.off_session => {
            fail(intent, method, &AUTHENTICATION_REQUIRED, setting.now)
        }
        Behaviour::Authenticates => {
            intent.status = IntentStatus::RequiresAction;
            intent.next_action = Some(NextAction {
                url: format!("{}/3ds/{}", setting.public_url, intent.id),
                return_url: terms.return_url.clone(),
            });
            Attempt { intent, method, charge: None, taken: None, error: None }
        }
        Behaviour::Settles(settlement) => start_debit(intent, method, settlement, setting),
    }
}

/// Money moves: it is taken, or with manual capture reserved.
pub(crate) fn succeed(mut intent: Intent, mut method: PaymentMethod, setting: &Setting<'_>) -> Attempt {
    let mut charge = new_charge(&intent, &method, setting.now);
    charge.status = ChargeStatus::Succeeded;
    intent.next_action = None;
    let mut taken = None;
    if intent.capture_method == CaptureMethod::Manual {
        intent.status = IntentStatus::RequiresCapture;
        intent.amount_capturable = intent.amount;
        intent.due_ms = Some(setting.now.0 + AUTHORIZATION_LIFE_MS);
    } else {
        intent.status = IntentStatus::Succeeded;
        intent.amount_received = intent.amount;
        intent.due_ms = None;
        taken = Some(take(&mut charge, intent.amount, &method, setting));
    }
    intent.latest_charge = Some(charge.id.clone());
    keep_or_use_up(&intent, &mut method);
    Attempt { intent, method, charge: Some(charge), taken, error: None }
}

/// Takes this much of a charge, and lets the payer's bank dispute it later if the token says so.
pub(crate) fn take(
    charge: &mut Charge,
    amount: i64,
    method: &PaymentMethod,
    setting: &Setting<'_>,
) -> Change {
    charge.captured = true;
    charge.amount_captured = amount;
    if test_cards::of(method).disputes {
        charge.dispute_due_ms = Some(setting.now.0 + setting.settle_after_ms);
    }
    balance::take(charge, method, setting.now)
}

/// A method saved with the payment belongs to the customer from now on; one that belongs to nobody
/// was good for this payment only.
fn keep_or_use_up(intent: &Intent, method: &mut PaymentMethod) {
    if method.customer.is_some() {
        return;
    }
    if intent.setup_future_usage.is_some() && intent.customer.is_some() {
        method.customer.clone_from(&intent.customer);
    } else {
        method.used_up = true;
    }
}

/// The issuer says no: a failed charge, and the intent waits for another method.
fn fail(mut intent: Intent, method: PaymentMethod, decline: &Decline<'_>, now: Moment) -> Attempt {
    let mut charge = new_charge(&intent, &method, now);
    charge.status = ChargeStatus::Failed;
    charge.failure_code = Some(decline.code.to_owned());
    charge.failure_message = Some(decline.message.to_owned());
    charge.decline_code = decline.decline_code.map(str::to_owned);
    charge.advice_code = decline.advice_code.map(str::to_owned);
    let mut error = decline.fields();
    error.insert("payment_method".to_owned(), render_methods::payment_method(&method));
    error.insert("charge".to_owned(), json!(charge.id));
    intent.latest_charge = Some(charge.id.clone());
    back_to_start(&mut intent, &error);
    Attempt { intent, method, charge: Some(charge), taken: None, error: Some(error) }
}

fn start_debit(
    mut intent: Intent,
    method: PaymentMethod,
    settlement: Settlement,
    setting: &Setting<'_>,
) -> Attempt {
    let charge = new_charge(&intent, &method, setting.now);
    intent.status = IntentStatus::Processing;
    intent.latest_charge = Some(charge.id.clone());
    intent.due_ms = match settlement {
        Settlement::Never => None,
        Settlement::Succeeds | Settlement::Fails(..) => Some(setting.now.0 + setting.settle_after_ms),
    };
    Attempt { intent, method, charge: Some(charge), taken: None, error: None }
}

/// A debit's end: `failure` is the bank's code and message if it refuses.
pub(crate) fn finish_debit(
    mut intent: Intent,
    mut method: PaymentMethod,
    mut charge: Charge,
    failure: Option<(&str, &str)>,
    setting: &Setting<'_>,
) -> Attempt {
    intent.due_ms = None;
    let mut taken = None;
    if let Some((code, message)) = failure {
        charge.status = ChargeStatus::Failed;
        charge.failure_code = Some(code.to_owned());
        charge.failure_message = Some(message.to_owned());
        let mut error = error_fields("invalid_request_error", code, message, &method);
        error.insert("charge".to_owned(), json!(charge.id));
        back_to_start(&mut intent, &error);
    } else {
        charge.status = ChargeStatus::Succeeded;
        taken = Some(take(&mut charge, intent.amount, &method, setting));
        intent.status = IntentStatus::Succeeded;
        intent.amount_received = intent.amount;
        keep_or_use_up(&intent, &mut method);
    }
    Attempt { intent, method, charge: Some(charge), taken, error: None }
}

/// The payer did not authenticate: no charge was ever made.
pub(crate) fn fail_authentication(mut intent: Intent, method: PaymentMethod) -> Attempt {
    let message = "We are unable to authenticate your payment method. Please choose a different payment method and try again.";
    let code = "payment_intent_authentication_failure";
    let error = error_fields("invalid_request_error", code, message, &method);
    back_to_start(&mut intent, &error);
    Attempt { intent, method, charge: None, taken: None, error: None }
}

fn back_to_start(intent: &mut Intent, error: &Map<String, Value>) {
    intent.status = IntentStatus::RequiresPaymentMethod;
    intent.payment_method = None;
    intent.next_action = None;
    intent.last_payment_error = Some(Value::Object(error.clone()));
}

fn error_fields(kind: &str, code: &str, message: &str, method: &PaymentMethod) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("type".to_owned(), json!(kind));
    fields.insert("code".to_owned(), json!(code));
    fields.insert("message".to_owned(), json!(message));
    fields.insert("payment_method".to_owned(), render_methods::payment_method(method));
    fields
}

fn new_charge(intent: &Intent, method: &PaymentMethod, now: Moment) -> Charge {
    Charge {
        id: new_id("ch"),
        created: now.seconds(),
        payment_intent: intent.id.clone(),
        payment_method: method.id.clone(),
        customer: intent.customer.clone(),
        amount: intent.amount,
        amount_captured: 0,
        amount_refunded: 0,
        currency: intent.currency.clone(),
        captured: false,
        status: ChargeStatus::Pending,
        failure_code: None,
        failure_message: None,
        decline_code: None,
        advice_code: None,
        description: intent.description.clone(),
        receipt_email: intent.receipt_email.clone(),
        statement_descriptor_suffix: intent.statement_descriptor_suffix.clone(),
        metadata: intent.metadata.clone(),
        balance_transaction: None,
        disputed: false,
        dispute_due_ms: None,
    }
}

impl Attempt {
    /// The error to answer with, when the card was declined; the intent is still to be put in.
    pub(crate) fn card_error(&self) -> Option<StripeError> {
        self.error.clone().map(StripeError::card)
    }

    /// Everything that this attempt changes, the books included.
    pub(crate) fn into_changes(self) -> Vec<Change> {
        let mut changes = Vec::with_capacity(5);
        changes.push(Change::Own(StripeChange::PaymentMethod(self.method)));
        changes.extend(self.taken);
        if let Some(charge) = self.charge {
            changes.extend(balance::booked_charge(&self.intent, &charge, books_status(&charge)));
            changes.push(Change::Own(StripeChange::Charge(Box::new(charge))));
        }
        changes.push(Change::Own(StripeChange::Intent(Box::new(self.intent))));
        changes
    }
}

fn books_status(charge: &Charge) -> books::Status {
    if charge.captured { books::Status::Captured } else { books::Status::Authorized }
}
