//! `GET /payments` and `GET /payments/{id}`.

use axum::{extract::State, response::Response};
use common::{
    dispute,
    id::PaymentId,
    payment::{
        Payment,
        store::{self, Filter},
    },
    refund,
};

use crate::{
    App,
    answer::{self, List},
    auth::{Caller, PaymentsRead},
    docs::{ListProblems, Paging, ReadProblems, named},
    error::ApiError,
    extract::{PathId, QueryFields},
};

use super::PaymentView;

/// Get a payment
///
/// As it stands now.
#[utoipa::path(
    get, path = "/payments/{id}", operation_id = "getPayment", tag = "Payments",
    params(PathId<PaymentId>),
    responses(
        (status = 200, body = PaymentView, description = "With `Retry-After` while its status is not final."),
        ReadProblems,
    ),
)]
pub async fn get(
    State(app): State<App>,
    caller: Caller<PaymentsRead>,
    PathId(id): PathId<PaymentId>,
) -> Result<Response, ApiError> {
    let mut db = app.reads.of(caller.merchant).await?;
    let payment = store::find(&mut *db, caller.merchant, id).await?.ok_or(ApiError::NotFound)?;
    let refunds = refund::store::of_payments(&mut *db, &[id]).await?;
    let disputes = dispute::store::of_payments(&mut *db, &[id]).await?;
    Ok(answer::one(
        payment.status.is_final(),
        &PaymentView::new(&app, caller.livemode, payment, &refunds, &disputes),
    ))
}

/// List payments
///
/// Newest first.
#[utoipa::path(
    get, path = "/payments", operation_id = "listPayments", tag = "Payments",
    params(
        Paging<named::PaymentId>,
        ("status" = Option<named::PaymentStatus>, Query, description = "Only those in this status."),
        ("order_id" = Option<String>, Query, description = "Only those with this number of yours."),
    ),
    responses(
        (status = 200, body = List<PaymentView>, description = "`Link` with `rel=\"next\"` leads to the next page."),
        ListProblems,
    ),
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller<PaymentsRead>,
    mut query: QueryFields,
) -> Result<Response, ApiError> {
    let filter =
        Filter { page: query.page(), status: query.name("status"), order_id: query.text("order_id") };
    let given = query.finish()?;
    let mut db = app.reads.of(caller.merchant).await?;
    let found = store::list(&mut *db, caller.merchant, &filter).await?;
    let ids: Vec<_> = found.data.iter().map(|payment| payment.id).collect();
    let refunds = refund::store::of_payments(&mut *db, &ids).await?;
    let disputes = dispute::store::of_payments(&mut *db, &ids).await?;
    let show = |payment: Payment| {
        (payment.id, PaymentView::new(&app, caller.livemode, payment, &refunds, &disputes))
    };
    Ok(answer::list(&app, "/payments", &filter.page, &given, found, show))
}
