//! How a body is declared, and how what was declared is described: docs/adr/0043-a-body-is-one-text.md.

use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Schema};

/// The same, or null: which is as good as nothing.
pub fn nullable(mut schema: Value) -> Value {
    let is_plain = schema.get("enum").is_none();
    if let (true, Some(kind)) = (is_plain, schema.get_mut("type")) {
        *kind = json!([kind.take(), "null"]);
        return schema;
    }
    let null = json!({ "type": "null" });
    match schema.get_mut("oneOf").and_then(Value::as_array_mut) {
        Some(ways) => ways.insert(0, null),
        None => schema = json!({ "oneOf": [null, schema] }),
    }
    schema
}

/// A field, as it is described.
pub struct Described {
    /// Its name.
    pub name: &'static str,
    /// Its schema.
    pub schema: Value,
    /// Whether it must be there.
    pub is_required: bool,
    /// Its documentation, line by line.
    pub doc: &'static [&'static str],
    /// How it may be written.
    pub example: Option<Value>,
}

/// An object of these fields and no others.
pub fn object(doc: &[&str], example: Option<Value>, fields: Vec<Described>) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for Described { name, mut schema, is_required, doc, example } in fields {
        describe(&mut schema, doc, example);
        properties.insert(name.to_owned(), schema);
        if is_required {
            required.push(name);
        }
    }
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    describe(&mut schema, doc, example);
    schema
}

/// Says in words what it is, and shows one.
fn describe(schema: &mut Value, doc: &[&str], example: Option<Value>) {
    if !doc.is_empty() {
        let lines: Vec<_> = doc.iter().map(|line| line.trim()).collect();
        schema["description"] = json!(lines.join("\n"));
    }
    if let Some(example) = example {
        schema["examples"] = json!([example]);
    }
}

/// A schema in the form that the description of the API is put together from.
pub fn schema(json: Value) -> RefOr<Schema> {
    let schema = serde_json::from_value(json.clone()).unwrap_or_default();
    debug_assert_eq!(
        serde_json::to_value(&schema).ok(),
        Some(json),
        "a schema keeps all that it was made of"
    );
    schema
}

/// A field's name as it is written in JSON: `r#type` is `type`.
pub fn plain(name: &'static str) -> &'static str {
    name.strip_prefix("r#").unwrap_or(name)
}

/// Declares a body, or an object within one: its documentation, an example, and its fields, each with what it is (a
/// [`Part`]), its documentation and, where its kind has none, an example. It becomes a struct whose fields hold what was
/// read:
///
/// ```ignore
/// body! {
///     /// A refund to be made.
///     #[example({ "payment": "pay_0193a3f1c2d87b51a9f0c4d2e8b7a601" })]
///     pub struct RefundPayment {
///         /// The payment: it must have succeeded.
///         payment: PaymentId,
///         /// Free text.
///         #[example = "as agreed"]
///         note: Option<Text<500>>,
///     }
/// }
/// ```
///
/// Where fields must fit together, or mean something else together, `read(at, reader) -> Thing { … }` after the struct
/// makes it a `Thing`. There each field is at hand as far as it could be read: an `Option`, and `None` if it has a fault.
macro_rules! body {
    (
        $(#[doc = $doc:literal])*
        $(#[example($example:tt)])?
        $vis:vis struct $name:ident {
            $(
                $(#[doc = $field_doc:literal])*
                $(#[example = $field_example:literal])?
                $field:ident: $type:ty
            ),* $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug)]
        $vis struct $name {
            $($(#[doc = $field_doc])* pub $field: <$type as $crate::extract::Part>::Value),*
        }
        $crate::extract::body!(@described $name [$($doc)*] [$($example)?] $(
            [$($field_doc)*] [$($field_example)?] $field: $type,
        )*);
        $crate::extract::body!(@read $name -> Self, (at, reader), Some(Self { $($field: $field?),* }),
            $($field: $type),*);
    };
    (
        $(#[doc = $doc:literal])*
        $(#[example($example:tt)])?
        $vis:vis struct $name:ident {
            $(
                $(#[doc = $field_doc:literal])*
                $(#[example = $field_example:literal])?
                $field:ident: $type:ty
            ),* $(,)?
        }
        read($at:ident, $reader:ident) -> $value:ty $read:block
    ) => {
        $(#[doc = $doc])*
        $vis enum $name {}
        $crate::extract::body!(@described $name [$($doc)*] [$($example)?] $(
            [$($field_doc)*] [$($field_example)?] $field: $type,
        )*);
        $crate::extract::body!(@read $name -> $value, ($at, $reader), $read, $($field: $type),*);
    };
    (@described $name:ident [$($doc:literal)*] [$($example:tt)?] $(
        [$($field_doc:literal)*] [$($field_example:literal)?] $field:ident: $type:ty,
    )*) => {
        impl ::utoipa::PartialSchema for $name {
            fn schema() -> ::utoipa::openapi::RefOr<::utoipa::openapi::Schema> {
                use $crate::extract::declare::{Described, object, plain, schema};
                schema(object(
                    &[$($doc),*],
                    None$(.or(Some(::serde_json::json!($example))))?,
                    vec![$(Described {
                        name: plain(stringify!($field)),
                        schema: <$type as $crate::extract::Part>::describe(),
                        is_required: <$type as $crate::extract::Part>::IS_REQUIRED,
                        doc: &[$($field_doc),*],
                        example: None$(.or(Some(::serde_json::json!($field_example))))?,
                    }),*],
                ))
            }
        }

        impl ::utoipa::ToSchema for $name {
            fn name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schemas(all: &mut $crate::extract::part::Components) {
                $(<$type as $crate::extract::Part>::components(all);)*
            }
        }
    };
    (@read $name:ident -> $value:ty, ($at:ident, $reader:ident), $read:expr, $($field:ident: $type:ty),*) => {
        impl $crate::extract::Part for $name {
            type Value = $value;

            fn describe() -> ::serde_json::Value {
                ::serde_json::json!({ "$ref": concat!("#/components/schemas/", stringify!($name)) })
            }

            fn components(all: &mut $crate::extract::part::Components) {
                <Self as ::utoipa::ToSchema>::schemas(all);
                all.push((stringify!($name).to_owned(), <Self as ::utoipa::PartialSchema>::schema()));
            }

            fn read(
                value: ::serde_json::Value,
                $at: $crate::extract::Pointer<'_>,
                $reader: &mut $crate::extract::Reader<'_>,
            ) -> Option<Self::Value> {
                use $crate::extract::{declare::plain, part::{Fields, all_of}};
                let mut fields = Fields::of(value, $at, $reader)?;
                $(let $field = fields.read::<$type>(plain(stringify!($field)), $at, $reader);)*
                let read = all_of(|| $read);
                fields.finish($at, $reader);
                read
            }
        }
    };
}
pub(crate) use body;
