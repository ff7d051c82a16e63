//! `DELETE /api-keys/{id}`: a key stops to work. It is one command: asked again, it answers the same.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use common::{
    id::ApiKeyId,
    merchant::store::keys::{self, Revoked},
};

use crate::{
    App,
    auth::{Admin, Caller},
    docs::ChangeProblems,
    error::{ApiError, Problem},
    extract::{NoBody, PathId},
};

/// Revoke an API key
///
/// It stops to work within 5 seconds, on every server. The last key with the scope `admin` stays: without it nobody could
/// make another. Operators can revoke that one too.
#[utoipa::path(
    delete, path = "/api-keys/{id}", operation_id = "revokeApiKey", tag = "API keys",
    params(PathId<ApiKeyId>),
    responses(
        (status = 204, description = "It is revoked."),
        (status = 409, body = Problem, description = "It is your last key with the scope `admin`.",
            example = json!({ "code": "last-admin-key", "detail": "It is your last key with the scope admin: make another first." })),
        ChangeProblems,
    ),
)]
pub async fn revoke(
    State(app): State<App>,
    caller: Caller<Admin>,
    PathId(id): PathId<ApiKeyId>,
    _: NoBody,
) -> Result<Response, ApiError> {
    let mut transaction = app.pool.begin().await?;
    let revoked = keys::revoke(&mut transaction, caller.merchant, id).await?;
    transaction.commit().await?;
    match revoked {
        Revoked::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        Revoked::NotFound => Err(ApiError::NotFound),
        Revoked::LastAdmin => {
            let detail = "It is your last key with the scope admin: make another first.";
            Err(ApiError::Conflict("last-admin-key", detail.into()))
        }
    }
}
