//! `POST /customers`: makes a customer.

use axum::{extract::State, response::Response};
use common::{
    customer::{NewCustomer, store},
    id::{CustomerId, MerchantId},
};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    App, answer,
    auth::Caller,
    docs::CreateProblems,
    error::ApiError,
    extract::{
        JsonBody, email,
        fields::{Faults, Fields, metadata, text},
    },
};

use super::CustomerView;

/// A customer to be made.
#[derive(ToSchema)]
#[schema(example = json!({ "email": "ada@example.com", "name": "Ada Lovelace" }))]
#[expect(dead_code, reason = "the description of what read reads")]
pub struct CreateCustomer {
    /// Where to write to, up to 254 characters.
    #[schema(example = "ada@example.com")]
    email: Option<String>,
    /// Up to 200 characters.
    #[schema(example = "Ada Lovelace")]
    name: Option<String>,
    /// Up to 50 keys (40 characters) with values (500 characters) of your own.
    #[schema(value_type = Option<Object>)]
    metadata: Option<common::payment::Metadata>,
}

/// Make a customer
///
/// Who pays the invoices of subscriptions. The same address may belong to several.
#[utoipa::path(
    post, path = "/customers", operation_id = "createCustomer", tag = "Customers", request_body = CreateCustomer,
    responses(
        (status = 201, body = CustomerView, description = "It is there."),
        CreateProblems,
    ),
)]
pub async fn create(
    State(app): State<App>,
    Caller(merchant): Caller,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let customer = store::create(&app.pool, &read(merchant.id, body)?).await?;
    let path = format!("/customers/{}", customer.id);
    Ok(answer::created(&path, &CustomerView::new(customer, Some((Vec::new(), Vec::new())))))
}

/// Reads a body, and tells all of its faults at once.
fn read(merchant_id: MerchantId, body: Value) -> Result<NewCustomer, ApiError> {
    let mut faults = Faults::default();
    let read = Fields::of(body, "", &mut faults).map(|mut fields| {
        let email = fields.optional("email", email);
        let name = fields.optional("name", text(200));
        let metadata = fields.optional("metadata", metadata).unwrap_or_default();
        fields.finish();
        NewCustomer { id: CustomerId::new(), merchant_id, name, email, metadata }
    });
    faults.or(read)
}
