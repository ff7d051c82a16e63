//! `GET /payments` and `GET /payments/{id}`.

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use common::{
    id::PaymentId,
    payment::store::{self, Filter},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    auth::Caller,
    error::{ApiError, Problem},
    extract::{PathId, QueryFields},
};

use super::PaymentView;

/// Payments on a page, unless asked for otherwise.
const LIMIT_DEFAULT: u16 = 10;
/// Payments on a page, at most.
const LIMIT_MAX: u16 = 100;

/// A page of payments, newest first.
#[derive(Serialize, ToSchema)]
pub struct PaymentList {
    /// Always `list`.
    object: &'static str,
    data: Vec<PaymentView>,
    /// Whether there are more in the direction of the page.
    has_more: bool,
    /// The path of the list.
    url: &'static str,
}

/// Get a payment
///
/// As it stands now.
#[utoipa::path(
    get, path = "/payments/{id}", tag = "Payments",
    params(("id" = String, Path, description = "`pay_…`")),
    responses(
        (status = 200, body = PaymentView, description = "With `Retry-After` while its status is not final.",
            headers(("Retry-After" = Option<u32>, description = "Seconds."))),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "No valid key."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "None of yours."),
    ),
)]
pub async fn get(
    State(app): State<App>,
    Caller(merchant): Caller,
    PathId(id): PathId<PaymentId>,
) -> Result<Response, ApiError> {
    let payment = store::find(&app.pool, merchant.id, id).await?.ok_or(ApiError::NotFound)?;
    let is_final = payment.status.is_final();
    let mut response = Json(PaymentView::new(&app, payment)).into_response();
    if !is_final {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    Ok(response)
}

/// List payments
///
/// Newest first.
#[utoipa::path(
    get, path = "/payments", tag = "Payments",
    params(
        ("limit" = Option<u16>, Query, description = "1 to 100, 10 by default.", minimum = 1, maximum = 100),
        ("starting_after" = Option<String>, Query, description = "The page after this payment, towards older ones."),
        ("ending_before" = Option<String>, Query, description = "The page before this payment, towards newer ones."),
        ("status" = Option<String>, Query, description = "Only those in this status."),
        ("order_id" = Option<String>, Query, description = "Only those with this number of yours."),
    ),
    responses(
        (status = 200, body = PaymentList, description = "`Link` with `rel=\"next\"` leads to the next page.",
            headers(("Link" = Option<String>))),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "Parameters with faults: all of them."),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "No valid key."),
    ),
)]
pub async fn list(
    State(app): State<App>,
    Caller(merchant): Caller,
    query: QueryFields,
) -> Result<Response, ApiError> {
    let filter = read_filter(query)?;
    let (payments, has_more) = store::list(&app.pool, merchant.id, &filter).await?;
    let link = payments
        .last()
        .filter(|_| has_more && filter.ending_before.is_none())
        .map(|last| next_page(&app, &filter, last.id));
    let data = payments.into_iter().map(|payment| PaymentView::new(&app, payment)).collect();
    let list = PaymentList { object: "list", data, has_more, url: "/payments" };
    let mut response = Json(list).into_response();
    if let Some(Ok(link)) = link.map(|link| HeaderValue::from_str(&link)) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

fn read_filter(mut query: QueryFields) -> Result<Filter, ApiError> {
    let id = |text: &str| text.parse::<PaymentId>().map_err(|error| error.to_string());
    let limit = query.optional("limit", |text| match text.parse() {
        Ok(limit @ 1..=LIMIT_MAX) => Ok(limit),
        _ => Err(format!("must be a number from 1 to {LIMIT_MAX}")),
    });
    let filter = Filter {
        limit: limit.unwrap_or(LIMIT_DEFAULT),
        starting_after: query.optional("starting_after", id),
        ending_before: query.optional("ending_before", id),
        status: query.optional("status", |text| {
            text.parse().map_err(|error: common::name::UnknownName| error.to_string())
        }),
        order_id: query.optional("order_id", |text| match text.contains('\0') {
            true => Err("must not have control characters".into()),
            false => Ok(text.to_owned()),
        }),
    };
    if filter.starting_after.is_some() && filter.ending_before.is_some() {
        query.fault("ending_before", "cannot be used together with starting_after");
    }
    query.finish().map(|()| filter)
}

/// RFC 8288, with the same filter.
fn next_page(app: &App, filter: &Filter, last: PaymentId) -> String {
    let mut url = app.url(&format!("/payments?limit={}&starting_after={last}", filter.limit));
    if let Some(status) = filter.status {
        url += &format!("&status={}", status.as_str());
    }
    if let Some(order) = &filter.order_id {
        let encoded = utf8_percent_encode(order, NON_ALPHANUMERIC);
        url += &format!("&order_id={encoded}");
    }
    format!("<{url}>; rel=\"next\"")
}
