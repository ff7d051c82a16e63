//! `/customers/{id}/payment-methods`: how a customer pays. No gateway is asked here: a method is saved at its
//! gateway by its first payment.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use common::{
    billing::methods::{Deleted, delete_method},
    customer::store,
    id::{CustomerId, PaymentMethodId, SubscriptionId},
};

use crate::{
    App, answer,
    auth::{Caller, SubscriptionsRead, SubscriptionsWrite},
    docs::{ChangeProblems, ReadProblems},
    error::{ApiError, Problem},
    extract::{Body, MethodToken, NoBody, PathId, PathIds, body},
};

use super::MethodOfCustomer;

body! {
    /// A payment method to be added.
    #[example({ "payment_method": { "type": "card", "token": "pm_card_visa" }, "default": true })]
    pub struct AddMethod {
        /// What it is.
        payment_method: MethodToken,
        /// `true`: new subscriptions are paid by it that name nothing else. A customer's first method is the default
        /// without that.
        default: Option<bool>,
    }
}

/// Add a payment method
///
/// Subscriptions of the customer can be paid by it: by its `id`, or because it is the default; those that exist stay
/// as they are. Nothing is charged now, and the gateway is not asked: its first payment saves it there. The same
/// `type` and `token` again are the same method, with the same `id`.
#[utoipa::path(
    post, path = "/customers/{id}/payment-methods", operation_id = "addPaymentMethod", tag = "Customers", request_body = AddMethod,
    params(PathId<CustomerId>),
    responses(
        (status = 201, body = MethodOfCustomer, description = "It is there."),
        (status = 200, body = MethodOfCustomer, description = "It was there already."),
        ChangeProblems,
    ),
)]
pub async fn add(
    State(app): State<App>,
    caller: Caller<SubscriptionsWrite>,
    PathId(customer): PathId<CustomerId>,
    Body(AddMethod { payment_method: (kind, token), default }): Body<AddMethod>,
) -> Result<Response, ApiError> {
    let make_default = default.unwrap_or(false);
    let added = store::add_method(&app.pool, caller.merchant, customer, (kind, &token), make_default).await?;
    let (kept, is_new) = added.ok_or(ApiError::NotFound)?;
    let path = format!("/customers/{customer}/payment-methods/{}", kept.method.id);
    let mut response = answer::created(&path, false, &MethodOfCustomer::new(caller.livemode, &kept));
    if !is_new {
        *response.status_mut() = StatusCode::OK;
    }
    Ok(response)
}

/// Get a payment method
#[utoipa::path(
    get, path = "/customers/{id}/payment-methods/{method}", operation_id = "getPaymentMethod", tag = "Customers",
    params(PathIds<CustomerId, PaymentMethodId>),
    responses(
        (status = 200, body = MethodOfCustomer, description = "As it stands."),
        ReadProblems,
    ),
)]
pub async fn get(
    State(app): State<App>,
    caller: Caller<SubscriptionsRead>,
    PathIds(customer, id): PathIds<CustomerId, PaymentMethodId>,
) -> Result<Response, ApiError> {
    let mut db = app.reads.of(caller.merchant).await?;
    let kept = store::find_method(&mut *db, caller.merchant, customer, id).await?;
    Ok(answer::one(true, &MethodOfCustomer::new(caller.livemode, &kept.ok_or(ApiError::NotFound)?)))
}

/// Make a payment method the default
///
/// New subscriptions are paid by it that name nothing else. Those that exist stay with what they are paid by.
/// Asked again, it answers the same.
#[utoipa::path(
    post, path = "/customers/{id}/payment-methods/{method}/default", operation_id = "makePaymentMethodDefault", tag = "Customers",
    params(PathIds<CustomerId, PaymentMethodId>),
    responses(
        (status = 200, body = MethodOfCustomer, description = "It is the default."),
        ChangeProblems,
    ),
)]
pub async fn make_default(
    State(app): State<App>,
    caller: Caller<SubscriptionsWrite>,
    PathIds(customer, id): PathIds<CustomerId, PaymentMethodId>,
    _: NoBody,
) -> Result<Response, ApiError> {
    let kept = store::make_default(&app.pool, caller.merchant, customer, id).await?;
    Ok(answer::one(true, &MethodOfCustomer::new(caller.livemode, &kept.ok_or(ApiError::NotFound)?)))
}

/// Delete a payment method
///
/// It is charged for no further invoice; a payment that is under way goes on. Refused while a subscription is paid
/// by it that has not ended. Where it was the default, there is none until another is added or made the default.
/// The gateway is not asked, and keeps what it has saved. The same token, added again, is a new method.
#[utoipa::path(
    delete, path = "/customers/{id}/payment-methods/{method}", operation_id = "deletePaymentMethod", tag = "Customers",
    params(PathIds<CustomerId, PaymentMethodId>),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, body = Problem, description = "`payment-method-in-use`: the `detail` names the subscriptions that are paid by it.",
            example = json!({ "code": "payment-method-in-use", "detail": "Subscriptions are paid by it: sub_0193a3f1c2d87b51a9f0c4d2e8b7a601. Give them another payment_method with PUT /update-subscription/{id}, or cancel them, and delete it then." })),
        ChangeProblems,
    ),
)]
pub async fn delete(
    State(app): State<App>,
    caller: Caller<SubscriptionsWrite>,
    PathIds(customer, id): PathIds<CustomerId, PaymentMethodId>,
    _: NoBody,
) -> Result<Response, ApiError> {
    match delete_method(&app.pool, caller.merchant, customer, id).await? {
        Deleted::Gone => Ok(StatusCode::NO_CONTENT.into_response()),
        Deleted::NotFound => Err(ApiError::NotFound),
        Deleted::InUse(subscriptions) => Err(in_use(&subscriptions)),
    }
}

fn in_use(subscriptions: &[SubscriptionId]) -> ApiError {
    let names: Vec<_> = subscriptions.iter().map(ToString::to_string).collect();
    let detail = format!(
        "Subscriptions are paid by it: {}. Give them another payment_method with PUT \
         /update-subscription/{{id}}, or cancel them, and delete it then.",
        names.join(", "),
    );
    ApiError::Conflict("payment-method-in-use", detail)
}
