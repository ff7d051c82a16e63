//! Stripe's settlement report, page by page: all payments first, then all that moved its balance.

use crate::{
    clock::Timestamp,
    gateway::{Line, SettlementReport},
};

use super::{
    http::{Http, root_cause},
    request,
    response::settlement_report,
    wire::List,
};

/// The two lists that make up the settlement report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Payments,
    Movements,
}

impl Part {
    fn list(self) -> &'static str {
        match self {
            Self::Payments => "payment_intents",
            Self::Movements => "balance_transactions",
        }
    }

    /// The cursor at which a page of it begins.
    fn cursor(self, after: &str) -> String {
        format!("{}:{after}", self.list())
    }
}

/// Reads one page.
pub async fn read(
    http: &Http,
    between: (Timestamp, Timestamp),
    cursor: Option<&str>,
) -> Result<SettlementReport, String> {
    let (part, after) = place(cursor)?;
    let created = (between.0.timestamp(), between.1.timestamp());
    let query = match part {
        Part::Payments => request::payments_made(created, after),
        Part::Movements => request::movements_made(created, after),
    };
    let received = http.get(&[part.list()], &query, None).await.map_err(|error| root_cause(&error))?;
    page(part, &List::read(&received)?)
}

/// What a cursor stands for.
fn place(cursor: Option<&str>) -> Result<(Part, Option<&str>), String> {
    let Some(cursor) = cursor else {
        return Ok((Part::Payments, None));
    };
    let (list, after) = cursor.split_once(':').ok_or("not a cursor of this gateway's settlement report")?;
    let part = [Part::Payments, Part::Movements].into_iter().find(|part| part.list() == list);
    Ok((
        part.ok_or("not a cursor of this gateway's settlement report")?,
        Some(after).filter(|id| !id.is_empty()),
    ))
}

fn page(part: Part, list: &List) -> Result<SettlementReport, String> {
    let read = match part {
        Part::Payments => settlement_report::payment,
        Part::Movements => settlement_report::movement,
    };
    let lines: Vec<Line> = list.members().iter().filter_map(read).collect();
    if lines.len() < list.members().len() {
        tracing::warn!(list = part.list(), "lines of the gateway's settlement report could not be read");
    }
    let next = match (list.next()?, part) {
        (Some(last_id), part) => Some(part.cursor(&last_id)),
        (None, Part::Payments) => Some(Part::Movements.cursor("")),
        (None, Part::Movements) => None,
    };
    Ok(SettlementReport { lines, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_to_where_the_last_page_ended() {
        let list = |body: &str| serde_json::from_str::<List>(body).unwrap();
        let more = list(r#"{"data":[{"id":"x_1"}],"has_more":true}"#);
        let last = list(r#"{"data":[],"has_more":false}"#);
        for (part, page_of, expected) in [
            (Part::Payments, &more, Some((Part::Payments, Some("x_1")))),
            (Part::Payments, &last, Some((Part::Movements, None))),
            (Part::Movements, &more, Some((Part::Movements, Some("x_1")))),
            (Part::Movements, &last, None),
        ] {
            let next = page(part, page_of).unwrap().next;
            let next = next.as_deref().map(|next| place(Some(next)).unwrap());
            assert_eq!(next, expected, "{part:?}");
        }
        assert_eq!(place(None), Ok((Part::Payments, None)));
        for stranger in ["", "x", "refunds:re_1"] {
            assert!(place(Some(stranger)).is_err(), "{stranger}");
        }
    }
}
