//! `GET /plans`, `GET /plans/{id}` and `DELETE /plans/{id}`.

use axum::{extract::State, response::Response};
use common::{
    id::PlanId,
    plan::{
        Plan,
        store::{self, Filter},
    },
};

use crate::{
    App,
    answer::{self, List},
    auth::Caller,
    error::{ApiError, Problem},
    extract::{NoBody, PathId, QueryFields},
};

use super::PlanView;

/// Get a plan
#[utoipa::path(
    get, path = "/plans/{id}", tag = "Plans",
    params(("id" = String, Path, description = "`plan_…`")),
    responses(
        (status = 200, body = PlanView, description = "As it stands."),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "No valid key."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "None of yours."),
    ),
)]
pub async fn get(
    State(app): State<App>,
    Caller(merchant): Caller,
    PathId(id): PathId<PlanId>,
) -> Result<Response, ApiError> {
    let mut db = app.reads.of(merchant.id).await?;
    let plan = store::find(&mut *db, merchant.id, id).await?.ok_or(ApiError::NotFound)?;
    Ok(answer::one(true, &PlanView::new(plan)))
}

/// Archive a plan
///
/// No new subscription is made from it; those that exist go on. Archived twice, it answers the same.
#[utoipa::path(
    delete, path = "/plans/{id}", tag = "Plans",
    params(("id" = String, Path, description = "`plan_…`")),
    responses(
        (status = 200, body = PlanView, description = "It is archived."),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "No valid key."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "None of yours."),
    ),
)]
pub async fn archive(
    State(app): State<App>,
    Caller(merchant): Caller,
    PathId(id): PathId<PlanId>,
    _: NoBody,
) -> Result<Response, ApiError> {
    let plan = store::archive(&app.pool, merchant.id, id).await?.ok_or(ApiError::NotFound)?;
    Ok(answer::one(true, &PlanView::new(plan)))
}

/// List plans
///
/// Newest first.
#[utoipa::path(
    get, path = "/plans", tag = "Plans",
    params(
        ("limit" = Option<u16>, Query, description = "1 to 100, 10 by default.", minimum = 1, maximum = 100),
        ("starting_after" = Option<String>, Query, description = "The page after this plan, towards older ones."),
        ("ending_before" = Option<String>, Query, description = "The page before this plan, towards newer ones."),
        ("archived" = Option<bool>, Query, description = "Only those that are archived, or that are not."),
    ),
    responses(
        (status = 200, body = List<PlanView>, description = "`Link` with `rel=\"next\"` leads to the next page.",
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
    let filter = Filter { page: query.page(), archived: query.flag("archived") };
    let given = query.finish()?;
    let mut db = app.reads.of(merchant.id).await?;
    let found = store::list(&mut *db, merchant.id, &filter).await?;
    let show = |plan: Plan| (plan.id, PlanView::new(plan));
    Ok(answer::list(&app, "/plans", &filter.page, &given, found, show))
}
