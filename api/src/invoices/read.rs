//! `GET /invoices` and `GET /invoices/{id}`.

use axum::{extract::State, response::Response};
use common::{
    id::InvoiceId,
    invoice::{
        Invoice,
        store::{self, Filter},
    },
};

use crate::{
    App,
    answer::{self, List},
    auth::{Caller, SubscriptionsRead},
    docs::{ListProblems, Paging, ReadProblems, named},
    error::ApiError,
    extract::{PathId, QueryFields},
    outcomes::Awaited as _,
};

use super::{Details, InvoiceView};

/// Get an invoice
///
/// With its lines, its payments and its credit notes, as it stands now.
#[utoipa::path(
    get, path = "/invoices/{id}", operation_id = "getInvoice", tag = "Invoices",
    params(PathId<InvoiceId>),
    responses(
        (status = 200, body = InvoiceView, description = "With `Retry-After` while a payment of it is under way."),
        ReadProblems,
    ),
)]
pub async fn get(
    State(app): State<App>,
    caller: Caller<SubscriptionsRead>,
    PathId(id): PathId<InvoiceId>,
) -> Result<Response, ApiError> {
    let mut db = app.reads.of(caller.merchant).await?;
    let invoice = store::find(&mut *db, caller.merchant, id).await?.ok_or(ApiError::NotFound)?;
    let details = Details::of(&mut db, id).await?;
    Ok(answer::one(invoice.has_outcome(), &InvoiceView::new(caller.livemode, invoice, Some(details))))
}

/// List invoices
///
/// Newest first.
#[utoipa::path(
    get, path = "/invoices", operation_id = "listInvoices", tag = "Invoices",
    params(
        Paging<named::InvoiceId>,
        ("status" = Option<named::InvoiceStatus>, Query, description = "Only those in this status."),
        ("subscription" = Option<named::SubscriptionId>, Query, description = "Only those of this subscription."),
        ("customer" = Option<named::CustomerId>, Query, description = "Only this customer's."),
    ),
    responses(
        (status = 200, body = List<InvoiceView>, description = "`Link` with `rel=\"next\"` leads to the next page."),
        ListProblems,
    ),
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller<SubscriptionsRead>,
    mut query: QueryFields,
) -> Result<Response, ApiError> {
    let filter = Filter {
        page: query.page(),
        status: query.name("status"),
        subscription: query.name("subscription"),
        customer: query.name("customer"),
    };
    let given = query.finish()?;
    let mut db = app.reads.of(caller.merchant).await?;
    let found = store::list(&mut *db, caller.merchant, &filter).await?;
    let show = |invoice: Invoice| (invoice.id, InvoiceView::new(caller.livemode, invoice, None));
    Ok(answer::list(&app, "/invoices", &filter.page, &given, found, show))
}
