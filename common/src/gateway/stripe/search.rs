//! A payment in Stripe's list of payments, by our reference: page by page, the likeliest seconds first. Stripe's own
//! search is not used: it lags. What was read is remembered in a cursor, so that a list that is too long for one
//! look-up is read on by the next.

use crate::gateway::{
    LookUp,
    window::{self, Seconds},
};

/// How far the gateway's clock may be from ours, in seconds.
const CLOCKS_APART_SECONDS: i64 = 120;

/// Where in the list the next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What is left of the time, in the order in which it is searched; the first is being read.
    parts: Vec<Seconds>,
    /// The last payment of that part that was read.
    after: Option<String>,
}

impl Place {
    /// Where the question stands: at its beginning, or where an earlier look-up of it has stopped.
    #[must_use]
    pub fn of(question: &LookUp) -> Self {
        let (first, last) = question.made_between;
        let parts = window::parts((first.timestamp(), last.timestamp()), CLOCKS_APART_SECONDS);
        let kept = question.cursor.as_deref().and_then(|cursor| Self::at(cursor, &parts));
        kept.unwrap_or(Self { parts, after: None })
    }

    /// The time that is being read, and after which payment.
    #[must_use]
    pub fn page(&self) -> Option<(Seconds, Option<&str>)> {
        self.parts.first().map(|part| (*part, self.after.as_deref()))
    }

    /// The part has more, after this payment.
    pub fn go_on(&mut self, after: String) {
        self.after = Some(after);
    }

    /// The part was read to its end; `false`: it was the last.
    pub fn next_part(&mut self) -> bool {
        self.parts.remove(0);
        self.after = None;
        !self.parts.is_empty()
    }

    /// As text.
    #[must_use]
    pub fn cursor(&self) -> Option<String> {
        let ((from, to), after) = self.page()?;
        Some(format!("{from}.{to}.{}", after.unwrap_or_default()))
    }

    /// Reads such a text. Of another time it is worth nothing.
    fn at(cursor: &str, parts: &[Seconds]) -> Option<Self> {
        let mut fields = cursor.splitn(3, '.');
        let part = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let after = fields.next()?;
        let reached = parts.iter().position(|known| *known == part)?;
        let after = Some(after.to_owned()).filter(|after| !after.is_empty());
        Some(Self { parts: parts[reached..].to_vec(), after })
    }
}

#[cfg(test)]
mod tests {
    use crate::clock::Timestamp;

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
        let mut place = Place::of(&question(None));
        assert_eq!(place.page(), Some(((1_699_999_999, 1_700_000_002), None)));
        loop {
            assert_eq!(Place::of(&question(place.cursor())), place);
            place.go_on("pi_1.2".into());
            assert_eq!(Place::of(&question(place.cursor())), place);
            if !place.next_part() {
                break;
            }
        }
        assert_eq!(place.cursor(), None);
        let whole = Place::of(&question(None));
        for stranger in ["", "x", "1.2.3", "1699999999.1700000002", "1699999999.1700000003.pi_1"] {
            assert_eq!(Place::of(&question(Some(stranger.into()))), whole, "{stranger}");
        }
    }
}
