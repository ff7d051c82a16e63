//! `PATCH /customers/{id}`: changes a customer. It needs no key: asked again, it is so already.

use axum::{extract::State, response::Response};
use common::{
    customer::{
        Change, MetadataChange,
        store::{self, Changed},
    },
    id::CustomerId,
};

use crate::{
    App, answer,
    auth::{Caller, SubscriptionsWrite},
    docs::ChangeProblems,
    error::ApiError,
    extract::{Body, Clearable, Email, Faults, PathId, Text, body},
};

use super::{CustomerView, read::whole};

body! {
    /// What shall be different, by RFC 7396 (JSON Merge Patch): what is not named stays, and `null` clears. At least one
    /// field.
    #[example({ "email": "ada@shop.example", "metadata": { "tier": "gold", "trial": null } })]
    pub struct UpdateCustomer {
        /// Where to write to; `null`: nowhere.
        email: Clearable<Email>,
        /// What they are called; `null`: nothing.
        #[example = "Ada Lovelace"]
        name: Clearable<Text<200>>,
        /// Key by key: a string sets the key, `null` takes it away, and keys that are not named stay. `null` instead of
        /// the object takes all away. There may be 50 in the end.
        metadata: MetadataChange,
    }
    read(at, reader) -> Change {
        let change = Change { email: email?, name: name?, metadata: metadata? };
        match change.is_empty() && reader.is_content() {
            true => reader.fault(at, "must name what to change: email, name or metadata"),
            false => Some(change),
        }
    }
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
    caller: Caller<SubscriptionsWrite>,
    PathId(id): PathId<CustomerId>,
    Body(change): Body<UpdateCustomer>,
) -> Result<Response, ApiError> {
    match store::change(&app.pool, caller.merchant, id, &change).await? {
        Changed::Done(customer) => {
            let mut db = app.pool.acquire().await?;
            Ok(answer::one(true, &whole(&mut db, caller.livemode, *customer).await?))
        }
        Changed::NotFound => Err(ApiError::NotFound),
        Changed::Refused(why) => Err(Faults::one("/metadata", why.to_string())),
    }
}
