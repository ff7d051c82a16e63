//! `POST /customers`: makes a customer.

use axum::{extract::State, response::Response};
use common::{
    customer::{NewCustomer, store},
    id::CustomerId,
    metadata::Metadata,
};
use serde_json::json;

use crate::{
    App, answer,
    auth::{Caller, SubscriptionsWrite},
    docs::CreateProblems,
    error::ApiError,
    extract::{Body, Email, OptionalKey, Text, body},
    made_once::made_before,
};

use super::{CustomerView, read::whole};

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
    post, path = "/customers", operation_id = "createCustomer", tag = "Customers", request_body = CreateCustomer,
    params(OptionalKey),
    responses(
        (status = 201, body = CustomerView, description = "It is there."),
        CreateProblems,
    ),
)]
pub async fn create(
    State(app): State<App>,
    caller: Caller<SubscriptionsWrite>,
    OptionalKey(key): OptionalKey,
    Body(CreateCustomer { email, name, metadata }): Body<CreateCustomer>,
) -> Result<Response, ApiError> {
    let metadata = metadata.unwrap_or_default();
    let asked = json!([email, name, metadata]);
    let new = NewCustomer { id: CustomerId::new(), merchant_id: caller.merchant, name, email, metadata };
    let mut transaction = app.pool.begin().await?;
    let before = made_before(&mut transaction, (caller.merchant, "customer", key), &asked, new.id.0).await?;
    let customer = match before {
        Some(id) => store::find(&mut *transaction, caller.merchant, CustomerId(id)).await?,
        None => Some(store::create(&mut *transaction, &new).await?),
    };
    let view = whole(&mut transaction, caller.livemode, customer.ok_or(ApiError::NotFound)?).await?;
    transaction.commit().await?;
    Ok(answer::created(&format!("/customers/{}", before.map_or(new.id, CustomerId)), before.is_some(), &view))
}
