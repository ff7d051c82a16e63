//! All routes. It imports every handler, and none imports it.

#[cfg(test)]
mod tests;

use axum::{Router, extract::DefaultBodyLimit, middleware, routing::post};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    api_keys, app::App, auth::guarded, customers, docs, error::ApiError, events, extract, gateways, invoices,
    limits::BODY_BYTES_MAX, payments, plans, probes, rate_limit, refunds, reports, request, subscriptions,
    test_clock, webhook_endpoints,
};

/// What merchants ask for, with its description.
fn resources() -> (Router<App>, OpenApi) {
    OpenApiRouter::with_openapi(docs::about())
        .routes(guarded!(payments::process::process))
        .routes(guarded!(payments::read::list))
        .routes(guarded!(payments::read::get))
        .routes(guarded!(payments::finish::capture))
        .routes(guarded!(payments::finish::cancel))
        .routes(guarded!(refunds::create::create))
        .routes(guarded!(refunds::read::list))
        .routes(guarded!(refunds::read::get))
        .routes(guarded!(plans::create::create))
        .routes(guarded!(plans::read::list))
        .routes(guarded!(plans::read::get))
        .routes(guarded!(plans::read::archive))
        .routes(guarded!(customers::create::create))
        .routes(guarded!(customers::read::list))
        .routes(guarded!(customers::read::get))
        .routes(guarded!(customers::update::update))
        .routes(guarded!(customers::methods::add))
        .routes(guarded!(customers::methods::get))
        .routes(guarded!(customers::methods::delete))
        .routes(guarded!(customers::methods::make_default))
        .routes(guarded!(subscriptions::create::create))
        .routes(guarded!(subscriptions::read::list))
        .routes(guarded!(subscriptions::read::get))
        .routes(guarded!(subscriptions::update::update))
        .routes(guarded!(subscriptions::preview::preview))
        .routes(guarded!(subscriptions::pause::pause))
        .routes(guarded!(subscriptions::pause::resume))
        .routes(guarded!(subscriptions::cancel::cancel))
        .routes(guarded!(invoices::read::list))
        .routes(guarded!(invoices::read::get))
        .routes(guarded!(invoices::page::show))
        .routes(guarded!(invoices::ask::pay))
        .routes(guarded!(invoices::ask::void))
        .routes(guarded!(invoices::ask::mark_uncollectible))
        .routes(guarded!(events::read::list))
        .routes(guarded!(events::read::get))
        .routes(guarded!(webhook_endpoints::create::create))
        .routes(guarded!(webhook_endpoints::read::list))
        .routes(guarded!(webhook_endpoints::read::get))
        .routes(guarded!(webhook_endpoints::update::update))
        .routes(guarded!(webhook_endpoints::update::delete))
        .routes(guarded!(webhook_endpoints::secret::rotate))
        .routes(guarded!(webhook_endpoints::ask::ping))
        .routes(guarded!(webhook_endpoints::ask::replay))
        .routes(guarded!(webhook_endpoints::deliveries::list))
        .routes(guarded!(webhook_endpoints::deliveries::get))
        .routes(guarded!(reports::subscriptions))
        .routes(guarded!(api_keys::create::create))
        .routes(guarded!(api_keys::create::rotate))
        .routes(guarded!(api_keys::read::list))
        .routes(guarded!(api_keys::read::get))
        .routes(guarded!(api_keys::revoke::revoke))
        .routes(guarded!(test_clock::advance))
        .routes(guarded!(test_clock::get))
        .split_for_parts()
}

/// All routes, with their documentation.
pub fn router(app: App) -> Router {
    let (resources, openapi) = resources();
    let description = docs::describe(openapi, &app.public_url);
    let resources = resources
        .route_layer(middleware::from_fn_with_state(app.clone(), extract::refuse_body_of_read))
        .route_layer(middleware::from_fn(rate_limit::tell));
    Router::new()
        .nest("/v1", resources.clone())
        .merge(resources)
        .route("/gateways/{name}/webhook", post(gateways::receive))
        .route("/gateways/{name}/webhook/{merchant}", post(gateways::receive_of_merchant))
        .merge(probes::router())
        .merge(docs::router(&description))
        .fallback(request::nothing_here)
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(request::refuse_card_data))
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(request::panicked))
        .layer(middleware::from_fn(request::complete))
        .with_state(app)
}
