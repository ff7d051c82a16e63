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
    auth::{Caller, SubscriptionsRead, SubscriptionsWrite},
    docs::{ChangeProblems, ListProblems, Paging, ReadProblems, named},
    error::ApiError,
    extract::{NoBody, PathId, QueryFields},
};

use super::PlanView;

/// Get a plan
#[utoipa::path(
    get, path = "/plans/{id}", operation_id = "getPlan", tag = "Plans",
    params(PathId<PlanId>),
    responses(
        (status = 200, body = PlanView, description = "As it stands."),
        ReadProblems,
    ),
)]
pub async fn get(
    State(app): State<App>,
    caller: Caller<SubscriptionsRead>,
    PathId(id): PathId<PlanId>,
) -> Result<Response, ApiError> {
    let mut db = app.reads.of(caller.merchant).await?;
    let plan = store::find(&mut *db, caller.merchant, id).await?.ok_or(ApiError::NotFound)?;
    Ok(answer::one(true, &PlanView::new(caller.livemode, plan)))
}

/// Archive a plan
///
/// No new subscription is made from it; those that exist go on. Archived twice, it answers the same.
#[utoipa::path(
    delete, path = "/plans/{id}", operation_id = "archivePlan", tag = "Plans",
    params(PathId<PlanId>),
    responses(
        (status = 200, body = PlanView, description = "It is archived."),
        ChangeProblems,
    ),
)]
pub async fn archive(
    State(app): State<App>,
    caller: Caller<SubscriptionsWrite>,
    PathId(id): PathId<PlanId>,
    _: NoBody,
) -> Result<Response, ApiError> {
    let plan = store::archive(&app.pool, caller.merchant, id).await?.ok_or(ApiError::NotFound)?;
    Ok(answer::one(true, &PlanView::new(caller.livemode, plan)))
}

/// List plans
///
/// Newest first.
#[utoipa::path(
    get, path = "/plans", operation_id = "listPlans", tag = "Plans",
    params(
        Paging<named::PlanId>,
        ("archived" = Option<bool>, Query, description = "Only those that are archived, or that are not."),
    ),
    responses(
        (status = 200, body = List<PlanView>, description = "`Link` with `rel=\"next\"` leads to the next page."),
        ListProblems,
    ),
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller<SubscriptionsRead>,
    mut query: QueryFields,
) -> Result<Response, ApiError> {
    let filter = Filter { page: query.page(), archived: query.flag("archived") };
    let given = query.finish()?;
    let mut db = app.reads.of(caller.merchant).await?;
    let found = store::list(&mut *db, caller.merchant, &filter).await?;
    let show = |plan: Plan| (plan.id, PlanView::new(caller.livemode, plan));
    Ok(answer::list(&app, "/plans", &filter.page, &given, found, show))
}
