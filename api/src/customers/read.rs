//! `GET /customers` and `GET /customers/{id}`.

use axum::{extract::State, response::Response};
use common::{
    customer::{
        Customer,
        store::{self, Filter},
    },
    id::CustomerId,
};
use sqlx::PgConnection;

use crate::{
    App,
    answer::{self, List},
    auth::{Caller, SubscriptionsRead},
    docs::{ListProblems, Paging, ReadProblems, named},
    error::ApiError,
    extract::{PathId, QueryFields},
};

use super::CustomerView;

/// Get a customer
#[utoipa::path(
    get, path = "/customers/{id}", operation_id = "getCustomer", tag = "Customers",
    params(PathId<CustomerId>),
    responses(
        (status = 200, body = CustomerView, description = "As it stands."),
        ReadProblems,
    ),
)]
pub async fn get(
    State(app): State<App>,
    caller: Caller<SubscriptionsRead>,
    PathId(id): PathId<CustomerId>,
) -> Result<Response, ApiError> {
    let mut db = app.reads.of(caller.merchant).await?;
    let customer = store::find(&mut *db, caller.merchant, id).await?.ok_or(ApiError::NotFound)?;
    Ok(answer::one(true, &whole(&mut db, caller.livemode, customer).await?))
}

/// A customer with what is in the balances, and how it pays.
pub(super) async fn whole(
    db: &mut PgConnection,
    livemode: bool,
    customer: Customer,
) -> Result<CustomerView, ApiError> {
    let balances = store::balances(&mut *db, customer.id).await?;
    let methods = store::methods(&mut *db, customer.merchant_id, customer.id).await?;
    Ok(CustomerView::new(livemode, customer, Some((balances, methods))))
}

/// List customers
///
/// Newest first.
#[utoipa::path(
    get, path = "/customers", operation_id = "listCustomers", tag = "Customers",
    params(
        Paging<named::CustomerId>,
        ("email" = Option<String>, Query, description = "Only those with this address, in whatever case it is written."),
    ),
    responses(
        (status = 200, body = List<CustomerView>, description = "`Link` with `rel=\"next\"` leads to the next page."),
        ListProblems,
    ),
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller<SubscriptionsRead>,
    mut query: QueryFields,
) -> Result<Response, ApiError> {
    let filter = Filter { page: query.page(), email: query.text("email") };
    let given = query.finish()?;
    let mut db = app.reads.of(caller.merchant).await?;
    let found = store::list(&mut *db, caller.merchant, &filter).await?;
    let show = |customer: Customer| (customer.id, CustomerView::new(caller.livemode, customer, None));
    Ok(answer::list(&app, "/customers", &filter.page, &given, found, show))
}
