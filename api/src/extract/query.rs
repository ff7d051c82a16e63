//! Query parameters, read by hand like fields, so that all faults are told at once.

use std::{collections::BTreeMap, convert::Infallible, str::FromStr};

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use common::page::Page;

use crate::{
    App,
    error::{ApiError, Fault},
};

/// Things on a page, unless asked for otherwise.
pub const LIMIT_DEFAULT: u16 = 10;
/// Things on a page, at most.
pub const LIMIT_MAX: u16 = 100;
/// What says which page of a list is wanted; the other parameters are its filter.
const PAGE: [&str; 3] = ["limit", "starting_after", "ending_before"];

/// The parameters of a request, each of which may be read once.
pub struct QueryFields {
    given: Given,
    rest: BTreeMap<String, String>,
    faults: Vec<Fault>,
}

/// The parameters as they were given.
#[derive(Clone)]
pub struct Given(Vec<(String, String)>);

impl Given {
    /// Those that are the same on each page of a list.
    pub fn filter(&self) -> impl Iterator<Item = &(String, String)> {
        self.0.iter().filter(|(name, _)| !PAGE.contains(&name.as_str()))
    }
}

impl FromRequestParts<App> for QueryFields {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let given = Given(pairs.map(|query| query.0).unwrap_or_default());
        let mut fields = Self { given: given.clone(), rest: BTreeMap::new(), faults: Vec::new() };
        for (name, value) in given.0 {
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

    /// A text without control characters.
    pub fn text(&mut self, name: &str) -> Option<String> {
        self.optional(name, |text| match text.contains('\0') {
            true => Err("must not have control characters".into()),
            false => Ok(text.to_owned()),
        })
    }

    /// How many things on a page.
    pub fn limit(&mut self) -> u16 {
        let limit = self.optional("limit", |text| match text.parse() {
            Ok(limit @ 1..=LIMIT_MAX) => Ok(limit),
            _ => Err(format!("must be a number from 1 to {LIMIT_MAX}")),
        });
        limit.unwrap_or(LIMIT_DEFAULT)
    }

    /// Which page of a list.
    pub fn page<Id: FromStr<Err: std::fmt::Display>>(&mut self) -> Page<Id> {
        let page = Page {
            limit: self.limit(),
            starting_after: self.name("starting_after"),
            ending_before: self.name("ending_before"),
        };
        if page.starting_after.is_some() && page.ending_before.is_some() {
            self.fault("ending_before", "cannot be used together with starting_after");
        }
        page
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
    pub fn finish(mut self) -> Result<Given, ApiError> {
        for name in std::mem::take(&mut self.rest).into_keys() {
            self.fault(&name, "is not a parameter of this request");
        }
        if self.faults.is_empty() { Ok(self.given) } else { Err(ApiError::InvalidQuery(self.faults)) }
    }
}
