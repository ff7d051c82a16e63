//! Lists, and single objects that are only looked up: how callers find what became of their requests.
//!
//! Newest first, in pages. Objects are kept in the order of their creation, so bounds of time and
//! cursors are found by bisection and a page costs its own length.

use std::ops::Range;

use serde_json::{Value, json};

use super::effect::Effect;
use super::errors::StripeError;
use super::expand::{self, Expand, Shelf};
use super::form::Params;
use super::objects::owned;
use super::render;
use super::store::Store;
use super::table::{Row, Table};

/// What every list takes.
pub(crate) const PAGING: [&str; 9] = [
    "created",
    "created[gt]",
    "created[gte]",
    "created[lt]",
    "created[lte]",
    "ending_before",
    "expand[]",
    "limit",
    "starting_after",
];

/// `GET /v1/payment_intents`.
pub(crate) fn payment_intents(store: &Store, params: &Params, account: &str) -> Result<Effect, StripeError> {
    let expand = Expand::read(params, "data.", &expand::IN_INTENT)?;
    let own = owned(account);
    narrowed(&store.intents, params, (&["customer"], Some(&own)), |found| {
        render::intent(found, Shelf::stored(store), &expand)
    })
}

/// `GET /v1/charges`.
pub(crate) fn charges(store: &Store, params: &Params) -> Result<Effect, StripeError> {
    let expand = Expand::read(params, "data.", &expand::IN_CHARGE)?;
    list(&store.charges, params, &["customer", "payment_intent"], |found| {
        render::charge(found, Shelf::stored(store), &expand)
    })
}

/// `GET /v1/refunds`.
pub(crate) fn refunds(store: &Store, params: &Params) -> Result<Effect, StripeError> {
    let expand = Expand::read(params, "data.", &expand::IN_REFUND)?;
    list(&store.refunds, params, &["charge", "payment_intent"], |found| {
        render::refund(found, Shelf::stored(store), &expand)
    })
}

/// `GET /v1/disputes`.
pub(crate) fn disputes(store: &Store, params: &Params) -> Result<Effect, StripeError> {
    let expand = Expand::read(params, "data.", &expand::IN_DISPUTE)?;
    list(&store.disputes, params, &["charge", "payment_intent"], |found| {
        render::dispute(found, Shelf::stored(store), &expand)
    })
}

/// `GET /v1/balance_transactions`.
pub(crate) fn transactions(store: &Store, params: &Params) -> Result<Effect, StripeError> {
    let expand = Expand::read(params, "data.", &expand::IN_TRANSACTION)?;
    list(&store.transactions, params, &["source", "type"], |found| {
        render::transaction(found, Shelf::stored(store), &expand)
    })
}

/// `GET /v1/charges/{id}`.
pub(crate) fn charge(store: &Store, id: &str, params: &Params) -> Result<Effect, StripeError> {
    let expand = only_expand(params, &expand::IN_CHARGE)?;
    let found = find(&store.charges, id)?;
    Ok(Effect::ok(render::charge(found, Shelf::stored(store), &expand)))
}

/// `GET /v1/refunds/{id}`.
pub(crate) fn refund(store: &Store, id: &str, params: &Params) -> Result<Effect, StripeError> {
    let expand = only_expand(params, &expand::IN_REFUND)?;
    let found = find(&store.refunds, id)?;
    Ok(Effect::ok(render::refund(found, Shelf::stored(store), &expand)))
}

/// `GET /v1/disputes/{id}`.
pub(crate) fn dispute(store: &Store, id: &str, params: &Params) -> Result<Effect, StripeError> {
    let expand = only_expand(params, &expand::IN_DISPUTE)?;
    let found = find(&store.disputes, id)?;
    Ok(Effect::ok(render::dispute(found, Shelf::stored(store), &expand)))
}

/// `GET /v1/balance_transactions/{id}`.
pub(crate) fn transaction(store: &Store, id: &str, params: &Params) -> Result<Effect, StripeError> {
    let expand = only_expand(params, &expand::IN_TRANSACTION)?;
    let found = find(&store.transactions, id)?;
    Ok(Effect::ok(render::transaction(found, Shelf::stored(store), &expand)))
}

/// The object that a path names.
pub(crate) fn find<'a, T: Row>(table: &'a Table<T>, id: &str) -> Result<&'a T, StripeError> {
    table.get(id).ok_or_else(|| StripeError::no_such(404, T::KIND, id, "id"))
}

fn only_expand(params: &Params, known: &[&str]) -> Result<Expand, StripeError> {
    params.only(&["expand[]"])?;
    Expand::read(params, "", known)
}

/// One page of a table, narrowed by those of the `groups` that were sent.
fn list<T: Row>(
    table: &Table<T>,
    params: &Params,
    groups: &[&str],
    show: impl Fn(&T) -> Value,
) -> Result<Effect, StripeError> {
    narrowed(table, params, (groups, None), show)
}

/// The same, narrowed by a group besides.
fn narrowed<T: Row>(
    table: &Table<T>,
    params: &Params,
    (groups, besides): (&[&str], Option<&str>),
    show: impl Fn(&T) -> Value,
) -> Result<Effect, StripeError> {
    params.only(&[&PAGING[..], groups].concat())?;
    let limit = limit(params)?;
    let column =
        Column::of(table, groups.iter().filter_map(|name| params.text(name)).chain(besides).collect());
    let range = column.between(params)?;
    let (page, has_more) = column.page(range, limit, params)?;
    let data: Vec<_> = page.into_iter().map(|place| show(table.at(place))).collect();
    Ok(Effect::ok(json!({
        "object": "list",
        "url": format!("/v1/{}s", T::KIND),
        "has_more": has_more,
        "data": data,
    })))
}

/// How long a page is to be.
pub(crate) fn limit(params: &Params) -> Result<usize, StripeError> {
    let limit = params.integer("limit")?.unwrap_or(10);
    let limit = usize::try_from(limit).ok().filter(|limit| (1..=100).contains(limit));
    limit.ok_or_else(|| {
        let message = "This value must be between 1 and 100.";
        StripeError::invalid(message).code("parameter_invalid_integer").param("limit")
    })
}

/// The bounds on `created`: from the first second on, up to but not at the second.
pub(crate) fn bounds(params: &Params) -> Result<Range<i64>, StripeError> {
    let exactly = params.integer("created")?;
    let mut bounds = i64::MIN..i64::MAX;
    for (name, is_start, offset) in [
        ("created[gte]", true, 0),
        ("created[gt]", true, 1),
        ("created[lt]", false, 0),
        ("created[lte]", false, 1),
    ] {
        let Some(time) = params.integer(name)?.or(exactly.filter(|_| name.ends_with("e]"))) else {
            continue;
        };
        let time = time.saturating_add(offset);
        if is_start {
            bounds.start = bounds.start.max(time);
        } else {
            bounds.end = bounds.end.min(time);
        }
    }
    Ok(bounds)
}

/// The places of the objects that are listed, oldest first.
struct Column<'a, T> {
    table: &'a Table<T>,
    places: Places<'a>,
}

enum Places<'a> {
    All(usize),
    Group(&'a [usize]),
    Some(Vec<usize>),
}

impl<'a, T: Row> Column<'a, T> {
    fn of(table: &'a Table<T>, groups: Vec<&str>) -> Self {
        let places = match groups.as_slice() {
            [] => Places::All(table.len()),
            [group] => Places::Group(table.places_of(group)),
            [first, others @ ..] => {
                let in_all = |place: usize| {
                    others.iter().all(|other| table.places_of(other).binary_search(&place).is_ok())
                };
                let places = table.places_of(first).iter().copied();
                Places::Some(places.filter(|place| in_all(*place)).collect())
            }
        };
        Self { table, places }
    }

    fn length(&self) -> usize {
        match &self.places {
            Places::All(count) => *count,
            Places::Group(places) => places.len(),
            Places::Some(places) => places.len(),
        }
    }

    fn place(&self, index: usize) -> usize {
        match &self.places {
            Places::All(_) => index,
            Places::Group(places) => places[index],
            Places::Some(places) => places[index],
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
    fn between(&self, params: &Params) -> Result<Range<usize>, StripeError> {
        let bounds = bounds(params)?;
        let from = |time: i64| self.bisect(|place| self.table.at(place).created() < time);
        let range = from(bounds.start)..from(bounds.end);
        Ok(range.start.min(range.end)..range.end)
    }

    /// One page of a part, newest first, and whether there is more beyond it.
    fn page(
        &self,
        part: Range<usize>,
        limit: usize,
        params: &Params,
    ) -> Result<(Vec<usize>, bool), StripeError> {
        let cursor = |name: &str| {
            let place = params
                .text(name)
                .map(|id| self.table.place(id).ok_or_else(|| StripeError::no_such(400, T::KIND, id, name)));
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
