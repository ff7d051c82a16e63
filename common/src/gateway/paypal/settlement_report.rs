//! PayPal's settlement report, page by page, from its report of transactions.

use crate::{clock::Timestamp, gateway::SettlementReport};

use super::{
    Paypal,
    http::{Silence, Talk},
    response::settlement_report::{self, NoPage, Page, Place, Records},
    wire::Transaction,
};

impl Paypal {
    pub(super) async fn part_of_statement(
        &self,
        between: (Timestamp, Timestamp),
        cursor: Option<&str>,
    ) -> Result<SettlementReport, String> {
        let place = match cursor {
            Some(cursor) => Place::at(cursor).ok_or("a cursor that is none of ours")?,
            None => Place::first(between),
        };
        let mut talk = Talk::begin(self, "statement", None);
        let (place, page) = page(&mut talk, place, between.1, Records::Moved).await?;
        Ok(SettlementReport {
            lines: page.transactions.iter().filter_map(Transaction::line).collect(),
            next: place.next(between.1, &page).map(|place| place.cursor()),
        })
    }
}

/// Reads a page. A time with too many transactions is asked about in shorter parts.
pub async fn page(
    talk: &mut Talk<'_>,
    mut place: Place,
    until: Timestamp,
    records: Records,
) -> Result<(Place, Page), String> {
    loop {
        let received = talk
            .get(&["v1", "reporting", "transactions"], &place.query(until, records))
            .await
            .map_err(Silence::why)?;
        match settlement_report::read(&received, &place) {
            Ok(page) => return Ok((place, page)),
            Err(NoPage::Unreadable(why)) => return Err(why),
            Err(NoPage::TooMany) => {
                place = place.halved(until).ok_or("a second with too many transactions to tell")?;
            }
        }
    }
}
