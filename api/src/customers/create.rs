//! `POST /customers`: makes a customer.

use axum::{extract::State, response::Response};
use common::{
    customer::{NewCustomer, store},
    id::CustomerId,
    payment::Metadata,
};

use crate::{
    App, answer,
    auth::Caller,
    error::{ApiError, Problem},
    extract::{Body, Email, Text, body},
};

use super::CustomerView;

body! {
    /// A customer to be made.
    #[example({ "email": "ada@example.com", "name": "Ada Lovelace" })]
    pub struct CreateCustomer {
        /// Where to write to.
        email: Option<Email>,
        /// What they are called.
        #[example = "Ada Lovelace"]
        name: Option<Text<200>>,
        /// Up to 50 keys (40 characters) with values (500 characters) of your own.
        metadata: Option<Metadata>,
    }
}

/// Make a customer
///
/// Who pays the invoices of subscriptions. The same address may belong to several.
#[utoipa::path(
    post, path = "/customers", tag = "Customers", request_body = CreateCustomer,
    responses(
        (status = 201, body = CustomerView, description = "It is there.", headers(("Location" = String))),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "Not JSON."),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "No valid key."),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "Faults: all of them."),
    ),
)]
pub async fn create(
    State(app): State<App>,
    Caller(merchant): Caller,
    Body(CreateCustomer { email, name, metadata }): Body<CreateCustomer>,
) -> Result<Response, ApiError> {
    let metadata = metadata.unwrap_or_default();
    let new = NewCustomer { id: CustomerId::new(), merchant_id: merchant.id, name, email, metadata };
    let customer = store::create(&app.pool, &new).await?;
    let path = format!("/customers/{}", customer.id);
    Ok(answer::created(&path, &CustomerView::new(customer, Some((Vec::new(), Vec::new())))))
}
