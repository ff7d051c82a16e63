//! The parameters that several requests have: each is described once, beside what reads it.

use std::marker::PhantomData;

use utoipa::{
    IntoParams, ToSchema,
    openapi::{
        Ref, RefOr, Required, Schema,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Type},
    },
};

use crate::extract::{
    Belonging, IdempotencyKey, IfMatch, LIMIT_DEFAULT, LIMIT_MAX, OptionalKey, PathId, PathIds, Prefer,
};

use super::named::Named;

/// Which page of a list, whose members have such ids.
pub struct Paging<Id>(PhantomData<Id>);

/// From where a parameter comes, as `utoipa` asks for it: ours know by themselves.
type Place = Option<ParameterIn>;

impl<Id: ToSchema> IntoParams for Paging<Id> {
    fn into_params(_: impl Fn() -> Place) -> Vec<Parameter> {
        let limit = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(LIMIT_MAX))
            .default(Some(LIMIT_DEFAULT.into()));
        let id = || Ref::from_schema_name(Id::name());
        let beside = |name, description| parameter(ParameterIn::Query, name, description, id());
        vec![
            parameter(ParameterIn::Query, "limit", "How many, at most.", Schema::from(limit)),
            beside("starting_after", "The page after this one, towards older ones."),
            beside("ending_before", "The page before this one, towards newer ones."),
        ]
    }
}

impl<T: Named> IntoParams for PathId<T> {
    fn into_params(_: impl Fn() -> Place) -> Vec<Parameter> {
        vec![in_path("id", "Which one.", T::reference())]
    }
}

impl<T: Named, U: Named + Belonging> IntoParams for PathIds<T, U> {
    fn into_params(_: impl Fn() -> Place) -> Vec<Parameter> {
        vec![in_path("id", "Of which.", T::reference()), in_path(U::NAME, "Which one.", U::reference())]
    }
}

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Place) -> Vec<Parameter> {
        let mut key = key();
        key.required = Required::True;
        vec![key]
    }
}

impl IntoParams for OptionalKey {
    fn into_params(_: impl Fn() -> Place) -> Vec<Parameter> {
        vec![key()]
    }
}

impl IntoParams for Prefer {
    fn into_params(_: impl Fn() -> Place) -> Vec<Parameter> {
        let description =
            "`wait=10`: answer when the outcome is known, after 10 seconds (at most 30) in any case.";
        vec![in_header("Prefer", description, text("wait=10"))]
    }
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Place) -> Vec<Parameter> {
        let description = "The ETag that you have read: if it has changed since, nothing is done.";
        vec![in_header("If-Match", description, text("\"3\""))]
    }
}

fn key() -> Parameter {
    let key = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(257));
    let description = "Your own name for this write, up to 255 printable characters, with or without quotes. The same \
                       key is the same write, for ever.";
    in_header("Idempotency-Key", description, key.examples(["order-1042"]).into())
}

fn text(example: &str) -> Schema {
    ObjectBuilder::new().schema_type(Type::String).examples([example]).into()
}

fn in_header(name: &str, description: &str, schema: Schema) -> Parameter {
    parameter(ParameterIn::Header, name, description, schema)
}

fn in_path(name: &str, description: &str, schema: Ref) -> Parameter {
    parameter(ParameterIn::Path, name, description, schema)
}

fn parameter(
    place: ParameterIn,
    name: &str,
    description: &str,
    schema: impl Into<RefOr<Schema>>,
) -> Parameter {
    let is_required = if place == ParameterIn::Path { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        // After the place, which sets it otherwise.
        .required(is_required)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}
