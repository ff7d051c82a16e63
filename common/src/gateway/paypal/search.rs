//! A payment in PayPal's report of transactions, by our reference: page by page, the likeliest seconds first. What was
//! read, and what was found so far, is remembered in a cursor, so that a report that is too long for one look-up is
//! read on by the next.

use crate::{
    clock::Timestamp,
    gateway::{
        LookUp,
        window::{self, Seconds},
    },
};

use super::response::settlement_report::{Place, Trace};

/// How far from our time of a call PayPal's time of its transaction may be, in seconds.
const CLOCKS_APART_SECONDS: i64 = 600;

/// How far a search has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// What is left of the time, in the order in which it is searched; the first is being read.
    parts: Vec<Seconds>,
    /// Where in that part.
    place: Option<Place>,
    best: Option<Trace>,
}

impl Search {
    /// Where the question stands: at its beginning, or where an earlier look-up of it has stopped.
    #[must_use]
    pub fn of(question: &LookUp) -> Self {
        let (first, last) = question.made_between;
        let parts = window::parts((first.timestamp(), last.timestamp()), CLOCKS_APART_SECONDS);
        let kept = question.cursor.as_deref().and_then(|cursor| Self::at(cursor, &parts));
        kept.unwrap_or(Self { parts, place: None, best: None })
    }

    /// The place that is to be read next, and the end of its part; `None` when all is known.
    #[must_use]
    pub fn page(&self) -> Option<(Place, Timestamp)> {
        if matches!(self.best, Some(Trace::Taken(_))) {
            return None;
        }
        let (from, to) = self.parts.first()?;
        // A second ends with the next one: too much is better than a gap.
        let (from, until) = (Timestamp::from_timestamp(*from, 0)?, Timestamp::from_timestamp(to + 1, 0)?);
        Some((self.place.unwrap_or(Place::first((from, until))), until))
    }

    /// A page was read: the best that is on it, and where the part goes on.
    pub fn read(&mut self, found: Option<Trace>, next: Option<Place>) {
        self.best = self.best.take().max(found);
        self.place = next;
        if next.is_none() {
            self.parts.remove(0);
        }
    }

    /// The best that was found.
    #[must_use]
    pub fn best(&self) -> Option<&Trace> {
        self.best.as_ref()
    }

    /// As text; `None` before the first page, and when all was read.
    #[must_use]
    pub fn cursor(&self) -> Option<String> {
        let (place, _) = self.page()?;
        let (from, to) = self.parts.first()?;
        let best = match &self.best {
            Some(Trace::Reserved(id)) => format!("reserved {id}"),
            Some(Trace::Tried(id)) => format!("tried {id}"),
            Some(Trace::Taken(_)) | None => String::new(),
        };
        Some(format!("{from}.{to} {} {best}", place.cursor()))
    }

    /// Reads such a text. Of another time it is worth nothing.
    fn at(cursor: &str, parts: &[Seconds]) -> Option<Self> {
        let mut fields = cursor.splitn(3, ' ');
        let (from, to) = fields.next()?.split_once('.')?;
        let part = (from.parse().ok()?, to.parse().ok()?);
        let place = Place::at(fields.next()?)?;
        let best = match fields.next()?.split_once(' ') {
            Some(("reserved", id)) => Some(Trace::Reserved(id.to_owned())),
            Some(("tried", id)) => Some(Trace::Tried(id.to_owned())),
            _ => None,
        };
        let reached = parts.iter().position(|known| *known == part)?;
        Some(Self { parts: parts[reached..].to_vec(), place: Some(place), best })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(cursor: Option<String>) -> LookUp {
        let at = Timestamp::from_timestamp(1_700_000_000, 0).unwrap();
        LookUp {
            reference: "pay_1".into(),
            gateway_ref: None,
            made_between: (at, at),
            cursor,
            traceparent: None,
        }
    }

    #[test]
    fn a_cursor_leads_to_where_an_earlier_look_up_stopped() {
        let again = |search: &Search| Search::of(&question(search.cursor()));
        let mut search = Search::of(&question(None));
        let (place, until) = search.page().unwrap();
        assert_eq!(place.cursor().split('.').next(), Some("1699999999"));
        assert_eq!(again(&search).page(), search.page());
        let halved = place.halved(until).unwrap();
        search.read(Some(Trace::Tried("3C 1".into())), Some(halved));
        assert_eq!(again(&search), search);
        search.read(Some(Trace::Reserved("2A1".into())), None);
        assert_eq!(search.best(), Some(&Trace::Tried("3C 1".into())), "the later decides");
        assert_eq!((again(&search).page(), again(&search).best()), (search.page(), search.best()));
        while search.page().is_some() {
            search.read(None, None);
        }
        assert_eq!(search.cursor(), None);
        let whole = Search::of(&question(None));
        for stranger in ["", "x", "1.2 3.4.5 ", "1699999999.1700000002", "1699999999.1700000002 x "] {
            assert_eq!(Search::of(&question(Some(stranger.into()))), whole, "{stranger}");
        }
    }

    #[test]
    fn what_was_taken_ends_the_search() {
        let mut search = Search::of(&question(None));
        search.read(Some(Trace::Taken("3C1".into())), None);
        assert_eq!((search.page(), search.cursor()), (None, None));
        assert_eq!(search.best(), Some(&Trace::Taken("3C1".into())));
    }
}
