//! `POST /invoices/{id}/pay`, `/void` and `/mark-uncollectible`: what a merchant asks of an invoice. None needs
//! a key: there is one payment at a time, and the others are done once.

use axum::{extract::State, response::Response};
use common::{
    billing::{
        self,
        invoices::{Command, CommandResult},
    },
    id::{InvoiceId, JobId, MerchantId},
    invoice::{Invoice, state::Refusal},
    job::Kind,
};

use crate::{
    App, answer,
    auth::{Caller, SubscriptionsWrite},
    docs::ChangeProblems,
    error::{ApiError, Problem},
    extract::{BillingMethod, Faults, NoBody, OptionalBody, PathId, Prefer, Trace, body},
    outcomes::Awaited as _,
    subscriptions::NONE_OF_THE_CUSTOMER,
};

use super::{Details, InvoiceView};

body! {
    /// What an invoice is to be paid with.
    #[example({ "payment_method": { "id": "pym_0193a3f1c2d87b51a9f0c4d2e8b7a601" } })]
    pub struct PayInvoice {
        /// One of the customer's payment methods, or one that the customer has from then on.
        payment_method: Option<BillingMethod>,
    }
}

/// Pay an invoice
///
/// One attempt now, of an invoice that is open, or that was given up: with the `payment_method` that the body names,
/// if there is one; otherwise with the subscription's, or, where that has ended, with the customer's default. What the
/// customer has in the balance pays first. The retries that are planned stay as they are, and a decline here uses up
/// none of them. An invoice takes one payment at a time: while it has one without an outcome, there is no other.
#[utoipa::path(
    post, path = "/invoices/{id}/pay", operation_id = "payInvoice", tag = "Invoices",
    params(
        PathId<InvoiceId>,
        Prefer,
    ),
    request_body(content = Option<PayInvoice>, description = "May be left out."),
    responses(
        (status = 202, body = InvoiceView, description = "A payment of it is under way; the last of its `payments`. The invoice becomes `paid`, or stays as it is."),
        (status = 409, body = Problem, description = "Nothing is left to pay, a payment is under way, there is no payment method, or it was declined for good: the `code` says which.",
            example = json!({ "code": "nothing-owed", "detail": "The invoice is paid: nothing is left to pay." })),
        ChangeProblems,
    ),
)]
pub async fn pay(
    State(app): State<App>,
    caller: Caller<SubscriptionsWrite>,
    PathId(id): PathId<InvoiceId>,
    prefer: Prefer,
    Trace(traceparent): Trace,
    OptionalBody(PayInvoice { payment_method }): OptionalBody<PayInvoice>,
) -> Result<Response, ApiError> {
    let (invoice, jobs) = ask(&app, caller.merchant, id, Command::Pay(payment_method), &traceparent).await?;
    let jobs = jobs.into_iter().map(|job| (Kind::ChargePayment, job));
    let invoice = app.follow(prefer, invoice, jobs).await;
    let details = Details::of(&mut *app.pool.acquire().await?, id).await?;
    let (path, is_final) = (format!("/invoices/{id}"), invoice.has_outcome());
    Ok(answer::accepted(
        &path,
        is_final,
        prefer,
        false,
        &InvoiceView::new(caller.livemode, invoice, Some(details)),
    ))
}

/// Void an invoice
///
/// Calls off what is open or was given up, as if it had never been: what the customer's balance had paid of it
/// goes back there. A subscription that has nothing else to pay is active again. What is paid is refunded
/// instead.
#[utoipa::path(
    post, path = "/invoices/{id}/void", operation_id = "voidInvoice", tag = "Invoices",
    params(PathId<InvoiceId>),
    responses(
        (status = 200, body = InvoiceView, description = "It is void."),
        (status = 409, body = Problem, description = "It is paid, in part or whole, or a payment is under way: the `code` says which.",
            example = json!({ "code": "invoice-paid", "detail": "The invoice is paid; refund its payment instead." })),
        ChangeProblems,
    ),
)]
pub async fn void(
    State(app): State<App>,
    caller: Caller<SubscriptionsWrite>,
    PathId(id): PathId<InvoiceId>,
    Trace(traceparent): Trace,
    _: NoBody,
) -> Result<Response, ApiError> {
    end(&app, &caller, id, Command::Void, &traceparent).await
}

/// Mark an invoice uncollectible
///
/// Gives up what is open: it is not tried again by itself. It may still be paid, or be voided. Its subscription
/// stays as it is.
#[utoipa::path(
    post, path = "/invoices/{id}/mark-uncollectible", operation_id = "markInvoiceUncollectible", tag = "Invoices",
    params(PathId<InvoiceId>),
    responses(
        (status = 200, body = InvoiceView, description = "It is given up."),
        (status = 409, body = Problem, description = "It is paid or void, or a payment is under way: the `code` says which.",
            example = json!({ "code": "invoice-void", "detail": "The invoice is void." })),
        ChangeProblems,
    ),
)]
pub async fn mark_uncollectible(
    State(app): State<App>,
    caller: Caller<SubscriptionsWrite>,
    PathId(id): PathId<InvoiceId>,
    Trace(traceparent): Trace,
    _: NoBody,
) -> Result<Response, ApiError> {
    end(&app, &caller, id, Command::GiveUp, &traceparent).await
}

/// Executes what ends an invoice at once. A subscription may go on, and bill what begins anew.
async fn end(
    app: &App,
    caller: &Caller<SubscriptionsWrite>,
    id: InvoiceId,
    command: Command,
    traceparent: &str,
) -> Result<Response, ApiError> {
    let (invoice, jobs) = ask(app, caller.merchant, id, command, traceparent).await?;
    app.flows.send_out(caller.merchant, jobs.into_iter().map(|job| (Kind::ChargePayment, job)), None).await;
    let details = Details::of(&mut *app.pool.acquire().await?, id).await?;
    Ok(answer::one(true, &InvoiceView::new(caller.livemode, invoice, Some(details))))
}

async fn ask(
    app: &App,
    merchant: MerchantId,
    id: InvoiceId,
    command: Command,
    traceparent: &str,
) -> Result<(Invoice, Vec<JobId>), ApiError> {
    match billing::invoices::execute(&app.pool, merchant, id, command, traceparent).await? {
        CommandResult::Executed { invoice, jobs } => Ok((*invoice, jobs)),
        CommandResult::NotFound => Err(ApiError::NotFound),
        CommandResult::NoMethod => Err(Faults::one("/payment_method/id", NONE_OF_THE_CUSTOMER)),
        CommandResult::Refused(refusal) => Err(refused(&refusal)),
    }
}

fn refused(refusal: &Refusal) -> ApiError {
    let code = match refusal {
        Refusal::NotADraft(_) | Refusal::IsADraft => "invoice-status",
        Refusal::NothingOwed(_) => "nothing-owed",
        Refusal::PaymentUnderWay(_) => "payment-under-way",
        Refusal::Paid | Refusal::PartlyPaid => "invoice-paid",
        Refusal::Void => "invoice-void",
        Refusal::Uncollectible => "invoice-uncollectible",
        Refusal::NoMethod => "payment-method-missing",
        Refusal::MethodDeclined => "payment-method-declined",
    };
    ApiError::refused(code, refusal)
}
