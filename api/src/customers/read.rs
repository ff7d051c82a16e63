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
    auth::Caller,
    error::{ApiError, Problem},
    extract::{PathId, QueryFields},
};

use super::CustomerView;

/// Get a customer
#[utoipa::path(
    get, path = "/customers/{id}", tag = "Customers",
    params(("id" = String, Path, description = "`cus_…`")),
    responses(
        (status = 200, body = CustomerView, description = "As it stands."),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "No valid key."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "None of yours."),
    ),
)]
pub async fn get(
    State(app): State<App>,
    Caller(merchant): Caller,
    PathId(id): PathId<CustomerId>,
) -> Result<Response, ApiError> {
    let mut db = app.reads.of(merchant.id).await?;
    let customer = store::find(&mut *db, merchant.id, id).await?.ok_or(ApiError::NotFound)?;
    Ok(answer::one(true, &whole(&mut db, customer).await?))
}

/// A customer with what is in the balances, and how it pays.
pub(super) async fn whole(db: &mut PgConnection, customer: Customer) -> Result<CustomerView, ApiError> {
    let balances = store::balances(&mut *db, customer.id).await?;
    let methods = store::methods(&mut *db, customer.merchant_id, customer.id).await?;
    Ok(CustomerView::new(customer, Some((balances, methods))))
}

/// List customers
///
/// Newest first.
#[utoipa::path(
    get, path = "/customers", tag = "Customers",
    params(
        ("limit" = Option<u16>, Query, description = "1 to 100, 10 by default.", minimum = 1, maximum = 100),
        ("starting_after" = Option<String>, Query, description = "The page after this customer, towards older ones."),
        ("ending_before" = Option<String>, Query, description = "The page before this customer, towards newer ones."),
        ("email" = Option<String>, Query, description = "Only those with this address, in whatever case it is written."),
    ),
    responses(
        (status = 200, body = List<CustomerView>, description = "`Link` with `rel=\"next\"` leads to the next page.",
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
    let filter = Filter { page: query.page(), email: query.text("email") };
    let given = query.finish()?;
    let mut db = app.reads.of(merchant.id).await?;
    let found = store::list(&mut *db, merchant.id, &filter).await?;
    let show = |customer: Customer| (customer.id, CustomerView::new(customer, None));
    Ok(answer::list(&app, "/customers", &filter.page, &given, found, show))
}
