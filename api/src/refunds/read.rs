//! `GET /refunds` and `GET /refunds/{id}`.

use axum::{extract::State, response::Response};
use common::{
    id::RefundId,
    refund::{
        Refund,
        store::{self, Filter},
    },
};

use crate::{
    App,
    answer::{self, List},
    auth::Caller,
    error::{ApiError, Problem},
    extract::{PathId, QueryFields},
};

use super::RefundView;

/// Get a refund
///
/// As it stands now.
#[utoipa::path(
    get, path = "/refunds/{id}", tag = "Refunds",
    params(("id" = String, Path, description = "`re_…`")),
    responses(
        (status = 200, body = RefundView, description = "With `Retry-After` while its status is not final."),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "No valid key."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "None of yours."),
    ),
)]
pub async fn get(
    State(app): State<App>,
    Caller(merchant): Caller,
    PathId(id): PathId<RefundId>,
) -> Result<Response, ApiError> {
    let mut db = app.reads.of(merchant.id).await?;
    let refund = store::find(&mut *db, merchant.id, id).await?.ok_or(ApiError::NotFound)?;
    Ok(answer::one(refund.status.is_final(), &RefundView::new(&app, refund)))
}

/// List refunds
///
/// Newest first.
#[utoipa::path(
    get, path = "/refunds", tag = "Refunds",
    params(
        ("limit" = Option<u16>, Query, description = "1 to 100, 10 by default.", minimum = 1, maximum = 100),
        ("starting_after" = Option<String>, Query, description = "The page after this refund, towards older ones."),
        ("ending_before" = Option<String>, Query, description = "The page before this refund, towards newer ones."),
        ("payment" = Option<String>, Query, description = "Only those of this payment."),
        ("status" = Option<String>, Query, description = "Only those in this status."),
    ),
    responses(
        (status = 200, body = List<RefundView>, description = "`Link` with `rel=\"next\"` leads to the next page.",
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
    let filter = Filter { page: query.page(), payment: query.name("payment"), status: query.name("status") };
    let given = query.finish()?;
    let mut db = app.reads.of(merchant.id).await?;
    let found = store::list(&mut *db, merchant.id, &filter).await?;
    let show = |refund: Refund| (refund.id, RefundView::new(&app, refund));
    Ok(answer::list(&app, "/refunds", &filter.page, &given, found, show))
}
