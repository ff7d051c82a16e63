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
    auth::{Caller, RefundsRead},
    docs::{ListProblems, Paging, ReadProblems, named},
    error::ApiError,
    extract::{PathId, QueryFields},
};

use super::RefundView;

/// Get a refund
///
/// As it stands now.
#[utoipa::path(
    get, path = "/refunds/{id}", operation_id = "getRefund", tag = "Refunds",
    params(PathId<RefundId>),
    responses(
        (status = 200, body = RefundView, description = "With `Retry-After` while its status is not final."),
        ReadProblems,
    ),
)]
pub async fn get(
    State(app): State<App>,
    caller: Caller<RefundsRead>,
    PathId(id): PathId<RefundId>,
) -> Result<Response, ApiError> {
    let mut db = app.reads.of(caller.merchant).await?;
    let refund = store::find(&mut *db, caller.merchant, id).await?.ok_or(ApiError::NotFound)?;
    Ok(answer::one(refund.status.is_final(), &RefundView::new(&app, caller.livemode, refund)))
}

/// List refunds
///
/// Newest first.
#[utoipa::path(
    get, path = "/refunds", operation_id = "listRefunds", tag = "Refunds",
    params(
        Paging<named::RefundId>,
        ("payment" = Option<named::PaymentId>, Query, description = "Only those of this payment."),
        ("status" = Option<named::RefundStatus>, Query, description = "Only those in this status."),
    ),
    responses(
        (status = 200, body = List<RefundView>, description = "`Link` with `rel=\"next\"` leads to the next page."),
        ListProblems,
    ),
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller<RefundsRead>,
    mut query: QueryFields,
) -> Result<Response, ApiError> {
    let filter = Filter { page: query.page(), payment: query.name("payment"), status: query.name("status") };
    let given = query.finish()?;
    let mut db = app.reads.of(caller.merchant).await?;
    let found = store::list(&mut *db, caller.merchant, &filter).await?;
    let show = |refund: Refund| (refund.id, RefundView::new(&app, caller.livemode, refund));
    Ok(answer::list(&app, "/refunds", &filter.page, &given, found, show))
}
