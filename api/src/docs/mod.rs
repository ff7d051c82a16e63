//! The API's description, made from the code, and a page to read it: neither loads anything from
//! elsewhere.

mod catalogue;
pub mod complete;
mod example;
mod links;
pub mod named;
mod parameters;
mod problems;
pub mod walk;

use axum::{
    Router,
    http::header,
    response::{Html, IntoResponse},
    routing::get,
};
use serde_json::{Value, json};
use utoipa::openapi::{
    InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, ServerBuilder,
    security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    tag::TagBuilder,
};

use crate::App;

pub use parameters::Paging;
pub use problems::{ChangeProblems, CreateProblems, ListProblems, ReadProblems, VersionProblems};

/// What there is, in the order in which it is read about.
const TAGS: [(&str, &str); 11] = [
    ("Payments", "Money that is taken."),
    ("Refunds", "Money that is given back."),
    ("Customers", "Who pays invoices, and how."),
    ("Plans", "Prices that subscriptions are made from."),
    ("Subscriptions", "What is billed again and again."),
    ("Invoices", "What subscriptions bill."),
    ("Events", "What happened, to be read on from anywhere."),
    ("Webhooks", "Where you are told of what happens, and what is sent there."),
    ("Reports", "What all of them bring in."),
    ("API keys", "Who may do what."),
    ("Testing", "A test deployment's clock."),
];

const INTRODUCTION: &str = "\
Payments, refunds and subscriptions, accepted at once and done reliably. A write is answered with `202 Accepted` and a \
status URL; what was accepted reaches an end, no customer is charged twice, and nothing is refunded twice.

Send your key as `Authorization: Bearer rmt_test_…`. It may do what its scopes say, and each operation names the one \
that it needs: without a valid key the answer is 401, without the scope 403. Live keys (`rmt_live_…`) and test keys see \
and do nothing of each other's: whatever is shown says in `livemode` on which side it is. `POST /api-keys` makes keys \
with fewer scopes, an end, addresses from which they may be used, and caps on what they pay. Send an `Idempotency-Key` with every payment, refund \
and subscription: the same key is the same one, for ever. A customer, a plan and an API key may have one. A capture and a \
cancellation need none: asked again, they answer the same. Send `Prefer: wait=10` to get the outcome in the answer, if it comes in time. Card numbers \
are refused wherever they appear: send the token that the gateway's form gave you.

A payment with `\"capture\": \"manual\"` becomes `authorized`: capture it, whole or in part, or cancel it. One that \
`requires_action` waits for its payer at `next_action.url`. One that `succeeded` can be refunded, in parts that \
together never exceed what was taken; a payer's dispute is shown with it.

A subscription is made from a plan, or a price of its own, for a customer. Each of its periods has one invoice, \
which is paid by a payment method of the customer: the one that the subscription names, or the customer's default, \
saved at the gateway by its first payment. `GET /invoices` shows them, and `GET /payments` how they were paid. \
It is changed with `PUT /update-subscription/{id}`, which bills nothing twice, and whose price \
`POST /subscriptions/{id}/preview` tells to the cent. What is declined is tried again after 1, 3, 7 and 14 days; \
`POST /invoices/{id}/pay` tries it now, and `void` and `mark-uncollectible` end it. `GET /invoices/{id}/html` is an \
invoice to print or to send on, and `GET /reports/subscriptions` tells what all of them bring in. A test \
deployment's clock can be moved ahead with `POST /test-clock/advance`, a year at once if you like: everything \
happens in its order, as if the time had passed.

Amounts and percentages are strings, `\"49.90\"` in the main unit of the currency and `\"19\"` for 19 %: a number has no \
unit, and is refused. What a gateway cannot charge to the unit of a subscription (forints at PayPal have no hundredths) \
is charged down to what it can, and the rest comes with the next invoice.

Every error is an RFC 9457 problem document with a stable `code` and a `request_id`; a body with several \
faults lists them all. What does not fit the state of things is answered with 409, and the `code` says \
why. A read that takes too long is given up with 503, and one too many of yours at once is answered with 429: ask \
for less, or a moment later. A key has a rate, of which the `RateLimit` header of every answer tells what is left. Every path is also served under `/v1`.";

/// Our sign in a browser's tab.
const ICON: &str = include_str!("icon.svg");

/// Of the form of our keys, and nobody's: its checksum is wrong on purpose.
const SAMPLE_KEY: &str = "rmt_test_YourOwnTestKey0000000000000000000000";

/// The description, without paths.
pub fn about() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Remit")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(INTRODUCTION))
        .license(Some(
            LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build(),
        ))
        .build();
    let tags = TAGS.map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build());
    OpenApiBuilder::new().info(info).tags(Some(tags)).build()
}

/// The description of these paths, as it is published at this address.
pub fn describe(mut openapi: OpenApi, public_url: &str) -> Value {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("rmt_test_…")
        .description(Some("An API key. What it needs to be allowed, each operation says: its scope."))
        .build();
    let components = openapi.components.get_or_insert_default();
    components.security_schemes.insert("key".into(), SecurityScheme::Http(bearer).into());
    openapi.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("key", [])]);
    openapi.servers = Some(vec![ServerBuilder::new().url(public_url).build()]);
    complete::complete(serde_json::to_value(openapi).unwrap_or_default())
}

/// `/openapi.json`, and `/docs` with its script.
pub fn router(description: &Value) -> Router<App> {
    let json = description.to_string();
    let page = page(&json!({
        "url": "/openapi.json",
        "authentication": {
            "preferredSecurityScheme": "key",
            "securitySchemes": { "key": { "token": SAMPLE_KEY } },
        },
        "favicon": "/docs/icon.svg",
        "metaData": { "title": TITLE },
        "telemetry": false,
        "withDefaultFonts": false,
        "agent": { "disabled": true },
        "showDeveloperTools": "never",
        "hideClientButton": true,
    }));
    Router::new()
        .route(
            "/openapi.json",
            get(|| async { ([(header::CONTENT_TYPE, "application/json")], json).into_response() }),
        )
        .route("/docs", get(|| async { Html(page) }))
        .route("/docs/icon.svg", get(|| async { ([(header::CONTENT_TYPE, "image/svg+xml")], ICON) }))
        .route("/docs/scalar.js", get(script))
}

/// What stands in a browser's tab.
const TITLE: &str = "Remit API";

/// The page of the library, under our name.
fn page(settings: &Value) -> String {
    let page = scalar_api_reference::scalar_html(settings, Some("/docs/scalar.js"));
    let head = format!("<title>{TITLE}</title>\n    <link rel=\"icon\" href=\"/docs/icon.svg\" />");
    page.replacen("<title>Scalar API Reference</title>", &head, 1)
}

async fn script() -> impl IntoResponse {
    let script = scalar_api_reference::get_asset("scalar.js").unwrap_or_default();
    let headers =
        [(header::CONTENT_TYPE, "text/javascript"), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, script)
}
