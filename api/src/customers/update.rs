//! `PATCH /customers/{id}`: changes a customer. It needs no key: asked again, it is so already.

use axum::{extract::State, response::Response};
use common::{
    customer::{
        Change,
        store::{self, Changed},
    },
    id::CustomerId,
};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    App, answer,
    auth::Caller,
    docs::ChangeProblems,
    error::ApiError,
    extract::{
        JsonBody, PathId, email,
        fields::{Faults, Fields, metadata_change, text},
    },
};

use super::{CustomerView, read::whole};

/// What shall be different, by RFC 7396 (JSON Merge Patch): what is not named stays, and `null` clears. At least one
/// field.
#[derive(ToSchema)]
#[schema(example = json!({ "email": "ada@shop.example", "metadata": { "tier": "gold", "trial": null } }))]
#[expect(dead_code, reason = "the description of what read reads")]
pub struct UpdateCustomer {
    /// Where to write to, up to 254 characters; `null`: nowhere.
    #[schema(example = "ada@shop.example")]
    email: Option<String>,
    /// Up to 200 characters; `null`: none.
    #[schema(example = "Ada Lovelace")]
    name: Option<String>,
    /// Key by key: a string sets the key, `null` takes it away, and keys that are not named stay. `null` instead of the
    /// object takes all away. There may be 50 in the end.
    #[schema(value_type = Option<Object>, example = json!({ "tier": "gold", "trial": null }))]
    metadata: Option<common::payment::Metadata>,
}

/// Change a customer
///
/// All that is named, or nothing. The same request again changes nothing. A gateway that knows the customer already
/// keeps the e-mail address and the name that it was told when the first payment method was saved there.
#[utoipa::path(
    patch, path = "/customers/{id}", operation_id = "updateCustomer", tag = "Customers", request_body = UpdateCustomer,
    params(PathId<CustomerId>),
    responses(
        (status = 200, body = CustomerView, description = "As it stands now."),
        ChangeProblems,
    ),
)]
pub async fn update(
    State(app): State<App>,
    Caller(merchant): Caller,
    PathId(id): PathId<CustomerId>,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let change = read(body)?;
    match store::change(&app.pool, merchant.id, id, &change).await? {
        Changed::Done(customer) => {
            let mut db = app.pool.acquire().await?;
            Ok(answer::one(true, &whole(&mut db, *customer).await?))
        }
        Changed::NotFound => Err(ApiError::NotFound),
        Changed::Refused(why) => {
            let mut faults = Faults::default();
            faults.at("/metadata", why.to_string());
            Err(faults.into())
        }
    }
}

/// Reads a body, and tells all of its faults at once.
fn read(body: Value) -> Result<Change, ApiError> {
    let mut faults = Faults::default();
    let read = Fields::of(body, "", &mut faults).map(|mut fields| {
        let change = Change {
            email: fields.clearable("email", email),
            name: fields.clearable("name", text(200)),
            metadata: fields.named("metadata", metadata_change),
        };
        fields.finish();
        change
    });
    if read.as_ref().is_some_and(Change::is_empty) && faults.is_empty() {
        faults.at("", "must name what to change: email, name or metadata");
    }
    faults.or(read)
}
