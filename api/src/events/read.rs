//! `GET /events` and `GET /events/{id}`.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use common::{
    event::{
        EventId, EventType,
        store::record::{self, Filter, From, Part, Place},
    },
    id::MerchantId,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::{
    App, answer,
    auth::{Caller, EventsRead},
    docs::{ListProblems, ReadProblems, named},
    error::{ApiError, Fault},
    extract::{Given, PathId, QueryFields, moment},
};

use super::{EventView, view::EventList};

/// Where the record begins, for `after`.
const BEGINNING: &str = "beginning";

/// How long somebody may wait, in seconds.
const WAIT_MAX: u64 = 30;

/// Types that a filter names, at most.
const TYPES_MAX: usize = 50;

/// Get an event
///
/// As it was sent to your endpoints.
#[utoipa::path(
    get, path = "/events/{id}", operation_id = "getEvent", tag = "Events",
    params(PathId<EventId>),
    responses((status = 200, body = EventView, description = "It never changes."), ReadProblems),
)]
pub async fn get(
    State(app): State<App>,
    caller: Caller<EventsRead>,
    PathId(id): PathId<EventId>,
) -> Result<Response, ApiError> {
    let mut db = app.reads.of(caller.merchant).await?;
    let event = record::find(&mut *db, caller.merchant, id).await?.ok_or(ApiError::NotFound)?;
    Ok(answer::one(true, &EventView::new(caller.livemode, event)))
}

/// Which part of the record is asked for.
struct Query {
    filter: Filter,
    after: Option<After>,
    starting_after: Option<EventId>,
    limit: u16,
    wait: Duration,
}

#[derive(Clone, Copy)]
enum After {
    Beginning,
    Event(EventId),
}

/// List events
///
/// Newest first; with `after`, as they happened from there on, which misses nothing: keep `next_after`, and send it as
/// `after` the next time, after whatever outage. With `wait` the answer comes when there is something to tell.
#[utoipa::path(
    get, path = "/events", operation_id = "listEvents", tag = "Events",
    params(
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 100, description = "How many, at most; 10 by default."),
        ("after" = Option<String>, Query, description = "Read on from this event, oldest first; `beginning`: from the first.", example = "beginning"),
        ("wait" = Option<u16>, Query, minimum = 0, maximum = 30, description = "With `after`: how many seconds to wait for something new."),
        ("starting_after" = Option<named::EventId>, Query, description = "Newest first: the page after this one, towards older ones."),
        ("types" = Option<String>, Query, description = "Only those of these types, separated by commas.", example = "payment.succeeded,payment.failed"),
        ("object" = Option<String>, Query, description = "Only what happened to what has this id.", example = "pay_0193a3f1c2d87b51a9f0c4d2e8b7a601"),
        ("from" = Option<String>, Query, format = DateTime, description = "Not before this moment, RFC 3339."),
        ("until" = Option<String>, Query, format = DateTime, description = "Before this moment."),
    ),
    responses(
        (status = 200, body = EventList, description = "A page looks at 1000 events at most: with a filter that passes little it may be empty, and `has_more` all the same. `Link` with `rel=\"next\"` goes on.",
            example = json!({ "has_more": false })),
        ListProblems,
    ),
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller<EventsRead>,
    query: QueryFields,
) -> Result<Response, ApiError> {
    let (query, given) = read(query)?;
    let deadline = Instant::now() + query.wait;
    let mut from = start(&app, caller.merchant, &query).await?;
    loop {
        let mut db = app.reads.of(caller.merchant).await?;
        let part = record::read(&mut db, caller.merchant, &query.filter, from, query.limit).await?;
        // Nothing is held while somebody waits.
        drop(db);
        if let Some(place) = part.last.filter(|_| query.after.is_some()) {
            from = From::After(place);
        }
        let is_told = !part.events.is_empty() || Instant::now() >= deadline;
        if is_told || (!part.has_more && !happens(&app, caller.merchant, from, deadline).await?) {
            return Ok(answer(&app, caller.livemode, &query, &given, from, part));
        }
    }
}

fn read(mut query: QueryFields) -> Result<(Query, Given), ApiError> {
    let after = query.optional("after", |text| match text {
        BEGINNING => Ok(After::Beginning),
        id => id.parse().map(After::Event).map_err(|_| format!("must be the id of an event, or {BEGINNING}")),
    });
    let wait = query.optional("wait", |text| match text.parse() {
        Ok(seconds @ 0..=WAIT_MAX) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("must be a number of seconds from 0 to {WAIT_MAX}")),
    });
    let starting_after = query.name("starting_after");
    if after.is_some() && starting_after.is_some() {
        query.fault("starting_after", "cannot be used together with after");
    }
    if after.is_none() && wait.is_some() {
        query.fault("wait", "needs after: what is waited for comes after something");
    }
    let filter = Filter {
        types: query.optional("types", types),
        object: query.optional("object", object),
        from: query.optional("from", moment),
        until: query.optional("until", moment),
    };
    let limit = query.limit();
    let query_read = Query { filter, after, starting_after, limit, wait: wait.unwrap_or_default() };
    Ok((query_read, query.finish()?))
}

fn types(text: &str) -> Result<Vec<EventType>, String> {
    let types: Result<Vec<EventType>, _> = text.split(',').map(|name| name.trim().parse()).collect();
    match types {
        Ok(types) if types.len() <= TYPES_MAX => Ok(types),
        Ok(_) => Err(format!("names more than {TYPES_MAX} types")),
        Err(error) => Err(format!("must be types of events, separated by commas, not {:?}", error.found)),
    }
}

/// The digits of any id of ours.
fn object(text: &str) -> Result<Uuid, String> {
    let digits = text.rsplit_once('_').map(|(_, digits)| digits).filter(|digits| digits.len() == 32);
    let id = digits.and_then(|digits| Uuid::try_parse(digits).ok());
    id.ok_or_else(|| "must be the id of a payment, refund, subscription or whatever it happened to".into())
}

async fn start(app: &App, merchant: MerchantId, query: &Query) -> Result<From, ApiError> {
    let unknown = |parameter: &str| {
        let (parameter, detail) = (Some(parameter.to_owned()), "is none of your events".into());
        ApiError::InvalidQuery(vec![Fault { pointer: None, parameter, detail }])
    };
    let place = async |id: EventId, parameter| -> Result<Place, ApiError> {
        let mut db = app.reads.of(merchant).await?;
        record::place(&mut *db, merchant, id).await?.ok_or_else(|| unknown(parameter))
    };
    Ok(match (query.after, query.starting_after) {
        (Some(After::Event(id)), _) => From::After(place(id, "after").await?),
        (Some(After::Beginning), _) => From::After(Place::BEGINNING),
        (None, Some(id)) => From::Before(place(id, "starting_after").await?),
        (None, None) => From::End,
    })
}

/// Whether something more happens before the time is over, or this process is told to stop.
async fn happens(app: &App, merchant: MerchantId, from: From, deadline: Instant) -> Result<bool, ApiError> {
    let From::After(place) = from else { return Ok(false) };
    tokio::select! {
        more = timeout_at(deadline, app.waits.for_more(merchant, place)) => match more {
            Ok(more) => Ok(more.map(|()| true)?),
            Err(_) => Ok(false),
        },
        () = app.draining.cancelled() => Ok(false),
    }
}

fn answer(app: &App, livemode: bool, query: &Query, given: &Given, from: From, part: Part) -> Response {
    let next_after = match (query.after, from) {
        (Some(_), From::After(place)) if place != Place::BEGINNING => Some(place.id().to_string()),
        (Some(_), _) => Some(BEGINNING.to_owned()),
        (None, _) => None,
    };
    let next = match &next_after {
        Some(id) => Some(format!("after={id}")),
        None => part.last.map(|last| format!("starting_after={}", last.id())),
    };
    let has_more = part.has_more;
    let data = part.events.into_iter().map(|event| EventView::new(livemode, event)).collect();
    let list = EventList { object: "list", data, has_more, url: "/events", next_after };
    let mut response = Json(list).into_response();
    if let Some(next) = next.filter(|_| has_more) {
        let mut url = app.url(&format!("/events?limit={}&{next}", query.limit));
        for (name, value) in given.filter().filter(|(name, _)| !["after", "wait"].contains(&name.as_str())) {
            url += &format!("&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
        }
        if let Ok(link) = HeaderValue::from_str(&format!("<{url}>; rel=\"next\"")) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    response
}
