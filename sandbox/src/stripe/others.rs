//! What others pay by the same account, made up: in its lists and nowhere else.

use std::collections::BTreeMap;

use super::objects::{CaptureMethod, Intent, IntentStatus, Redirects};
use crate::clock::Moment;
use crate::ids::new_id;

/// A payment that somebody has begun.
pub(crate) fn intent(at: Moment) -> Intent {
    let id = new_id("pi");
    Intent {
        client_secret: format!("{id}_secret"),
        id,
        account: String::new(),
        created: at.seconds(),
        amount: 1000,
        currency: "eur".to_owned(),
        status: IntentStatus::RequiresPaymentMethod,
        amount_capturable: 0,
        amount_received: 0,
        capture_method: CaptureMethod::AutomaticAsync,
        customer: None,
        payment_method: None,
        latest_charge: None,
        metadata: BTreeMap::from([("order".to_owned(), "of somebody else".to_owned())]),
        description: None,
        receipt_email: None,
        statement_descriptor: None,
        statement_descriptor_suffix: None,
        setup_future_usage: None,
        redirects: Redirects::Never,
        last_payment_error: None,
        next_action: None,
        canceled_at: None,
        cancellation_reason: None,
        due_ms: None,
    }
}
