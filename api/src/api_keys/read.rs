//! `GET /api-keys` and `GET /api-keys/{id}`.

use axum::{extract::State, response::Response};
use common::{
    id::ApiKeyId,
    merchant::{StoredKey, store::keys},
};

use crate::{
    App,
    answer::{self, List},
    auth::{Admin, Caller},
    docs::{ListProblems, Paging, ReadProblems, named},
    error::ApiError,
    extract::{PathId, QueryFields},
};

use super::ApiKeyView;

/// Get an API key
///
/// What it may do, and when it was last used. Its secret is not known here.
#[utoipa::path(
    get, path = "/api-keys/{id}", operation_id = "getApiKey", tag = "API keys",
    params(PathId<ApiKeyId>),
    responses(
        (status = 200, body = ApiKeyView, description = "As it stands."),
        ReadProblems,
    ),
)]
pub async fn get(
    State(app): State<App>,
    caller: Caller<Admin>,
    PathId(id): PathId<ApiKeyId>,
) -> Result<Response, ApiError> {
    let mut db = app.reads.of(caller.merchant).await?;
    let key = keys::find(&mut *db, caller.merchant, id).await?.ok_or(ApiError::NotFound)?;
    Ok(answer::one(true, &ApiKeyView::new(key, None)))
}

/// List API keys
///
/// Newest first; those too that were revoked, or have expired.
#[utoipa::path(
    get, path = "/api-keys", operation_id = "listApiKeys", tag = "API keys",
    params(Paging<named::ApiKeyId>),
    responses(
        (status = 200, body = List<ApiKeyView>, description = "`Link` with `rel=\"next\"` leads to the next page."),
        ListProblems,
    ),
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller<Admin>,
    mut query: QueryFields,
) -> Result<Response, ApiError> {
    let page = query.page();
    let given = query.finish()?;
    let mut db = app.reads.of(caller.merchant).await?;
    let found = keys::list(&mut *db, caller.merchant, &page).await?;
    let show = |key: StoredKey| (key.id, ApiKeyView::new(key, None));
    Ok(answer::list(&app, "/api-keys", &page, &given, found, show))
}
