//! What an endpoint wants: something to show, and the changes that belong to it.

use serde_json::Value;

use super::errors::PayPalError;
use super::objects::Object;
use super::store::Change;

/// What is shown.
#[derive(Clone, Debug)]
pub(crate) enum Shown {
    /// An object as it is once the changes are made.
    Object(Object),
    /// Something that is no object, such as a list.
    Json(Value),
    /// Nothing at all, unless the caller prefers to see the object.
    Quietly(Object),
}

/// An answer together with the changes that must be recorded before it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Effect {
    pub(crate) status: u16,
    pub(crate) shown: Shown,
    pub(crate) changes: Vec<Change>,
}

impl Effect {
    /// 200 with this object as it is.
    pub(crate) fn show(object: Object) -> Self {
        Self { status: 200, shown: Shown::Object(object), changes: Vec::new() }
    }

    /// 200 with this.
    pub(crate) fn json(value: Value) -> Self {
        Self { status: 200, shown: Shown::Json(value), changes: Vec::new() }
    }

    /// 201 with this object.
    pub(crate) fn created(object: Object, changes: Vec<Change>) -> Self {
        Self { status: 201, shown: Shown::Object(object), changes }
    }
}

/// A request that is refused.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) error: PayPalError,
    /// What it leaves behind: a declined instrument sends its order back to the payer.
    pub(crate) changes: Vec<Change>,
}

impl From<PayPalError> for Refusal {
    fn from(error: PayPalError) -> Self {
        Self { error, changes: Vec::new() }
    }
}
