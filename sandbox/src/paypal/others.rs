//! What others pay to the same account, made up: in its lists and nowhere else.

use super::amounts::Money;
use super::objects::{Capture, CaptureStatus, new_id};
use crate::clock::Moment;

/// A payment that somebody has made.
pub(crate) fn capture(at: Moment) -> Capture {
    Capture {
        id: new_id(),
        order: new_id(),
        authorization: None,
        created_ms: at.0,
        updated_ms: at.0,
        amount: Money { currency: "EUR".to_owned(), minor: 1000 },
        status: CaptureStatus::Completed,
        refunded: 0,
        refunding: 0,
        final_capture: true,
        custom_id: None,
        invoice_id: None,
        instrument: None,
        movement: String::new(),
        reserved: 1000,
        disputed: 0,
        due_ms: None,
    }
}
