//! Payments, as merchants see them: [`process`] accepts (and [`capped`] what keys with caps ask for), [`read`] shows, [`finish`] captures and cancels.

mod capped;
pub mod finish;
pub mod process;
pub mod read;
mod view;

use axum::response::Response;
use common::payment::Payment;

use crate::{App, answer, extract::Prefer};

pub use view::PaymentView;

/// 202, with where to ask for the outcome.
fn accepted(app: &App, livemode: bool, payment: Payment, prefer: Prefer, replayed: bool) -> Response {
    let path = format!("/payments/{}", payment.id);
    let is_final = payment.status.is_final();
    answer::accepted(&path, is_final, prefer, replayed, &PaymentView::new(app, livemode, payment, &[], &[]))
}
