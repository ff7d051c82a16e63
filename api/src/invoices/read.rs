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
    auth::Caller,
    error::{ApiError, Problem},
    extract::{PathId, QueryFields},
    outcomes::Awaited as _,
};

use super::{Details, InvoiceView};

/// Get an invoice
///
/// With its lines, its payments and its credit notes, as it stands now.
#[utoipa::path(
    get, path = "/invoices/{id}", tag = "Invoices",
    params(("id" = String, Path, description = "`in_…`")),
    responses(
        (status = 200, body = InvoiceView, description = "With `Retry-After` while a payment of it is under way."),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "No valid key."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "None of yours."),
    ),
)]
pub async fn get(
    State(app): State<App>,
    Caller(merchant): Caller,
    PathId(id): PathId<InvoiceId>,
) -> Result<Response, ApiError> {
    let mut db = app.reads.of(merchant.id).await?;
    let invoice = store::find(&mut *db, merchant.id, id).await?.ok_or(ApiError::NotFound)?;
    let details = Details::of(&mut db, id).await?;
    Ok(answer::one(invoice.has_outcome(), &InvoiceView::new(invoice, Some(details))))
}

/// List invoices
///
/// Newest first.
#[utoipa::path(
    get, path = "/invoices", tag = "Invoices",
    params(
        ("limit" = Option<u16>, Query, description = "1 to 100, 10 by default.", minimum = 1, maximum = 100),
        ("starting_after" = Option<String>, Query, description = "The page after this invoice, towards older ones."),
        ("ending_before" = Option<String>, Query, description = "The page before this invoice, towards newer ones."),
        ("status" = Option<String>, Query, description = "Only those in this status."),
        ("subscription" = Option<String>, Query, description = "Only those of this subscription."),
        ("customer" = Option<String>, Query, description = "Only this customer's."),
    ),
    responses(
        (status = 200, body = List<InvoiceView>, description = "`Link` with `rel=\"next\"` leads to the next page.",
            headers(("Link" = Option<String>))),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "Parameters with faults: all of them."),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "No valid key."),
    ),
)]
pub async fn list(
    State(app): State<App>,
    Caller(merchant): Caller,
    mut query: QueryFields,
) -> Result<Response, ApiError> {
    let filter = Filter {
        page: query.page(),
        status: query.name("status"),
        subscription: query.name("subscription"),
        customer: query.name("customer"),
    };
    let given = query.finish()?;
    let mut db = app.reads.of(merchant.id).await?;
    let found = store::list(&mut *db, merchant.id, &filter).await?;
    let show = |invoice: Invoice| (invoice.id, InvoiceView::new(invoice, None));
    Ok(answer::list(&app, "/invoices", &filter.page, &given, found, show))
}
