//! `GET /v1/payment_intents`, and single charges: how callers find what became of their requests.
//!
//! Newest first, in pages. Intents are kept in the order of their creation, so bounds of time and
//! cursors are found by bisection and a page costs its own length.

use std::ops::Range;

use serde_json::json;

use super::effect::Effect;
use super::errors::StripeError;
use super::form::Params;
use super::render::{self, EXPANDABLE_IN_CHARGE, EXPANDABLE_IN_INTENT, Expand, Shelf};
use super::store::Store;

/// `GET /v1/payment_intents`.
pub(crate) fn payment_intents(store: &Store, params: &Params) -> Result<Effect, StripeError> {
    params.only(&[
        "created",
        "created[gt]",
        "created[gte]",
        "created[lt]",
        "created[lte]",
        "customer",
        "ending_before",
        "expand[]",
        "limit",
        "starting_after",
    ])?;
    let expand = Expand::read(params, "data.", &EXPANDABLE_IN_INTENT)?;
    let limit = params.integer("limit")?.unwrap_or(10);
    let limit = usize::try_from(limit).ok().filter(|limit| (1..=100).contains(limit));
    let Some(limit) = limit else {
        let message = "This value must be between 1 and 100.";
        return Err(StripeError::invalid(message).code("parameter_invalid_integer").param("limit"));
    };
    let column = Column::of(store, params.text("customer"));
    let range = column.between(store, params)?;
    let (page, has_more) = column.page(store, range, limit, params)?;
    let data: Vec<_> = page
        .into_iter()
        .map(|place| render::intent(store.at(place), Shelf::stored(store), &expand))
        .collect();
    Ok(Effect::ok(json!({
        "object": "list",
        "url": "/v1/payment_intents",
        "has_more": has_more,
        "data": data,
    })))
}

/// `GET /v1/charges/{id}`.
pub(crate) fn charge(store: &Store, id: &str, params: &Params) -> Result<Effect, StripeError> {
    params.only(&["expand[]"])?;
    let expand = Expand::read(params, "", &EXPANDABLE_IN_CHARGE)?;
    let found = store.charge(id).ok_or_else(|| StripeError::no_such(404, "charge", id, "id"))?;
    Ok(Effect::ok(render::charge(found, Shelf::stored(store), &expand)))
}

/// The places of the intents that are listed, oldest first: all, or one customer's.
enum Column<'a> {
    All(usize),
    Some(&'a [usize]),
}

impl<'a> Column<'a> {
    fn of(store: &'a Store, customer: Option<&str>) -> Self {
        customer.map_or(Self::All(store.intent_count()), |customer| {
            Self::Some(store.places_of_customer(customer))
        })
    }

    fn length(&self) -> usize {
        match self {
            Self::All(count) => *count,
            Self::Some(places) => places.len(),
        }
    }

    fn place(&self, index: usize) -> usize {
        match self {
            Self::All(_) => index,
            Self::Some(places) => places[index],
        }
    }

    /// The first index whose place does not satisfy `before`; those that do come first.
    fn bisect(&self, before: impl Fn(usize) -> bool) -> usize {
        let mut range = 0..self.length();
        while !range.is_empty() {
            let middle = range.start + range.len() / 2;
            if before(self.place(middle)) {
                range.start = middle + 1;
            } else {
                range.end = middle;
            }
        }
        range.start
    }

    /// The part that the bounds on `created` leave.
    fn between(&self, store: &Store, params: &Params) -> Result<Range<usize>, StripeError> {
        let from = |time: i64| self.bisect(|place| store.at(place).created < time);
        let mut range = 0..self.length();
        let exactly = params.integer("created")?;
        for (name, after, offset) in [
            ("created[gte]", true, 0),
            ("created[gt]", true, 1),
            ("created[lt]", false, 0),
            ("created[lte]", false, 1),
        ] {
            let Some(time) = params.integer(name)?.or(exactly.filter(|_| name.ends_with("e]"))) else {
                continue;
            };
            let index = from(time.saturating_add(offset));
            if after {
                range.start = range.start.max(index);
            } else {
                range.end = range.end.min(index);
            }
        }
        Ok(range.start.min(range.end)..range.end)
    }

    /// One page of a part, newest first, and whether there is more beyond it.
    fn page(
        &self,
        store: &Store,
        part: Range<usize>,
        limit: usize,
        params: &Params,
    ) -> Result<(Vec<usize>, bool), StripeError> {
        let cursor = |name: &str| {
            let place = params.text(name).map(|id| {
                store.place(id).ok_or_else(|| StripeError::no_such(400, "payment_intent", id, name))
            });
            place.transpose()
        };
        if let Some(place) = cursor("ending_before")? {
            // The page just before the cursor, in the list's own order: the next newer ones.
            let start = self.bisect(|other| other <= place).max(part.start);
            let end = start.saturating_add(limit).min(part.end);
            let indexes = start..end.max(start);
            return Ok((indexes.rev().map(|index| self.place(index)).collect(), end < part.end));
        }
        let end = match cursor("starting_after")? {
            Some(place) => self.bisect(|other| other < place).min(part.end),
            None => part.end,
        };
        let start = end.saturating_sub(limit).max(part.start);
        let indexes = start..end.max(start);
        Ok((indexes.rev().map(|index| self.place(index)).collect(), start > part.start))
    }
}
