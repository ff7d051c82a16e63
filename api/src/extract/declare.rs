//! How a body is declared: docs/adr/0043-a-body-is-one-text.md.

/// Declares a body, or an object within one: its documentation, an example, and its fields, each with what it is (a
/// [`Part`](crate::extract::Part)), its documentation and, where its kind has none, an example. It becomes a struct whose
/// fields hold what was read:
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
                use $crate::extract::described::{Described, object, plain, schema};
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
                use $crate::extract::{described::plain, part::{Fields, all_of}};
                let mut fields = Fields::of(value, $at, $reader)?;
                $(let $field = fields.read::<$type>(plain(stringify!($field)), $at, $reader);)*
                $reader.remember(&fields);
                let read = all_of(|| $read);
                fields.finish($at, $reader);
                read
            }
        }
    };
}
pub(crate) use body;
