//! What a handler lets be done, as a type. A route is made of nothing but handlers that name one
//! ([`guarded!`](crate::auth::guarded)), and its description names it too: docs/adr/0050-the-permission-is-the-type.md.

use axum::extract::State;
use common::merchant::scope::Scope;
use serde_json::json;
use utoipa::openapi::{
    PathItem, Ref, ResponseBuilder, content::ContentBuilder, path::Operation, security::SecurityRequirement,
};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::{App, error::ApiError};

use super::Caller;

/// A scope, as a type without values.
pub trait Permission: Send + Sync + 'static {
    /// Which one.
    const SCOPE: Scope;
}

macro_rules! permissions {
    ($($scope:ident),+ $(,)?) => {$(
        #[doc = concat!("See [`Scope::", stringify!($scope), "`].")]
        pub enum $scope {}

        impl Permission for $scope {
            const SCOPE: Scope = Scope::$scope;
        }
    )+};
}
// A scope that no handler asks for yet gets its line with the first that does.
permissions!(
    PaymentsRead,
    PaymentsWrite,
    RefundsRead,
    RefundsWrite,
    SubscriptionsRead,
    SubscriptionsWrite,
    EventsRead,
    WebhooksRead,
    WebhooksWrite,
    ReportsRead,
    Admin,
);

/// A handler that takes a [`Caller`] right after the state: whoever may not call it is refused before anything else of
/// the request is looked at.
pub trait Guarded<Arguments> {
    /// What its callers need.
    const SCOPE: Scope;
}

macro_rules! handlers {
    ($([$($argument:ident),*])+) => {$(
        impl<F, P: Permission, R, $($argument),*> Guarded<(P, $($argument,)*)> for F
        where
            F: Fn(State<App>, Caller<P>, $($argument),*) -> R,
        {
            const SCOPE: Scope = P::SCOPE;
        }
    )+};
}
handlers!([] [A] [A, B] [A, B, C] [A, B, C, D] [A, B, C, D, E]);

/// What the callers of a handler need.
pub fn scope_of<Arguments, F: Guarded<Arguments>>(_: F) -> Scope {
    F::SCOPE
}

/// The route of a handler, which says in its description what its callers need.
macro_rules! guarded {
    ($($handler:tt)+) => {
        $crate::auth::describe($crate::auth::scope_of($($handler)+), ::utoipa_axum::routes!($($handler)+))
    };
}
pub(crate) use guarded;

/// Says of each operation what its callers need, and how others are refused.
pub fn describe(
    scope: Scope,
    (schemas, mut paths, handlers): UtoipaMethodRouter<App>,
) -> UtoipaMethodRouter<App> {
    for operation in paths.paths.values_mut().flat_map(operations) {
        operation.security = Some(vec![SecurityRequirement::new("key", [scope.as_str()])]);
        let about = operation.description.take().unwrap_or_default();
        operation.description =
            Some(format!("{about}\n\nNeeds the scope `{scope}`.").trim_start().to_owned());
        let refused = ApiError::ScopeMissing(scope).problem();
        let example = json!({ "code": refused.code, "title": refused.title, "detail": refused.detail });
        let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem")));
        let response = ResponseBuilder::new()
            .description(format!(
                "The key does not have the scope `{scope}` (`scope-missing`), must not be used here, or is capped: \
                 the `code` says which."
            ))
            .content("application/problem+json", problem.example(Some(example)).build());
        operation.responses.responses.insert("403".into(), response.build().into());
    }
    (schemas, paths, handlers)
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}
