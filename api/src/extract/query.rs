//! Query parameters, read by hand like fields, so that all faults are told at once.

use std::{collections::BTreeMap, convert::Infallible, str::FromStr};

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};

use crate::{
    App,
    error::{ApiError, Fault},
};

/// The parameters of a request, each of which may be read once.
pub struct QueryFields {
    rest: BTreeMap<String, String>,
    faults: Vec<Fault>,
}

impl FromRequestParts<App> for QueryFields {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        let mut fields = Self { rest: BTreeMap::new(), faults: Vec::new() };
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        for (name, value) in pairs.map(|query| query.0).unwrap_or_default() {
            if fields.rest.insert(name.clone(), value).is_some() {
                fields.fault(&name, "is given twice");
            }
        }
        Ok(fields)
    }
}

impl QueryFields {
    /// A parameter that may be missing.
    pub fn optional<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let value = self.rest.remove(name)?;
        match read(&value) {
            Ok(value) => Some(value),
            Err(detail) => {
                self.fault(name, &detail);
                None
            }
        }
    }

    /// One of a closed set of names, or an id.
    pub fn name<T: FromStr<Err: std::fmt::Display>>(&mut self, name: &str) -> Option<T> {
        self.optional(name, |text| text.parse().map_err(|error: T::Err| error.to_string()))
    }

    /// `true` or `false`.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        self.optional(name, |text| text.parse().map_err(|_| "must be true or false".into()))
    }

    /// Notes a fault of one parameter.
    pub fn fault(&mut self, name: &str, detail: &str) {
        self.faults.push(Fault { pointer: None, parameter: Some(name.into()), detail: detail.into() });
    }

    /// Whatever was not read does not exist; with any fault the request is refused.
    pub fn finish(mut self) -> Result<(), ApiError> {
        for name in std::mem::take(&mut self.rest).into_keys() {
            self.fault(&name, "is not a parameter of this request");
        }
        if self.faults.is_empty() { Ok(()) } else { Err(ApiError::InvalidQuery(self.faults)) }
    }
}
