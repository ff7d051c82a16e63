//! All routes. It imports every handler, and none imports it.

#[cfg(test)]
mod tests;

use axum::{Router, extract::DefaultBodyLimit, middleware, routing::post};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App, customers, docs, error::ApiError, extract, gateways, invoices, limits::BODY_BYTES_MAX,
    payments, plans, probes, refunds, reports, request, subscriptions, test_clock, webhook_endpoints,
};

/// What merchants ask for, with its description.
fn resources() -> (Router<App>, OpenApi) {
    OpenApiRouter::with_openapi(docs::about())
        .routes(routes!(payments::process::process))
        .routes(routes!(payments::read::list))
        .routes(routes!(payments::read::get))
        .routes(routes!(payments::finish::capture))
        .routes(routes!(payments::finish::cancel))
        .routes(routes!(refunds::create::create))
        .routes(routes!(refunds::read::list))
        .routes(routes!(refunds::read::get))
        .routes(routes!(plans::create::create))
        .routes(routes!(plans::read::list))
        .routes(routes!(plans::read::get, plans::read::archive))
        .routes(routes!(customers::create::create))
        .routes(routes!(customers::read::list))
        .routes(routes!(customers::read::get, customers::update::update))
        .routes(routes!(customers::methods::add))
        .routes(routes!(customers::methods::get, customers::methods::delete))
        .routes(routes!(customers::methods::make_default))
        .routes(routes!(subscriptions::create::create))
        .routes(routes!(subscriptions::read::list))
        .routes(routes!(subscriptions::read::get))
        .routes(routes!(subscriptions::update::update))
        .routes(routes!(subscriptions::preview::preview))
        .routes(routes!(subscriptions::pause::pause))
        .routes(routes!(subscriptions::pause::resume))
        .routes(routes!(subscriptions::cancel::cancel))
        .routes(routes!(invoices::read::list))
        .routes(routes!(invoices::read::get))
        .routes(routes!(invoices::page::show))
        .routes(routes!(invoices::ask::pay))
        .routes(routes!(invoices::ask::void))
        .routes(routes!(invoices::ask::mark_uncollectible))
        .routes(routes!(reports::subscriptions))
        .routes(routes!(webhook_endpoints::create::create))
        .routes(routes!(webhook_endpoints::read::list))
        .routes(routes!(
            webhook_endpoints::read::get,
            webhook_endpoints::update::update,
            webhook_endpoints::update::delete
        ))
        .routes(routes!(webhook_endpoints::secret::rotate))
        .routes(routes!(webhook_endpoints::ask::ping))
        .routes(routes!(webhook_endpoints::ask::replay))
        .routes(routes!(webhook_endpoints::deliveries::list))
        .routes(routes!(webhook_endpoints::deliveries::get))
        .routes(routes!(test_clock::advance))
        .routes(routes!(test_clock::get))
        .split_for_parts()
}

/// All routes, with their documentation.
pub fn router(app: App) -> Router {
    let (resources, openapi) = resources();
    let description = docs::describe(openapi, &app.public_url);
    let resources =
        resources.route_layer(middleware::from_fn_with_state(app.clone(), extract::refuse_body_of_read));
    Router::new()
        .nest("/v1", resources.clone())
        .merge(resources)
        .route("/gateways/{name}/webhook", post(gateways::receive))
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
