//! What merchants read: the record of what happened to what is theirs. It is read on from a place without missing
//! anything, or back from the end.

use chrono::TimeDelta;
use sqlx::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    db::{column, row::word},
    event::{EventId, EventType, Recorded},
    id::MerchantId,
};

/// Events that one page looks at, at most: a filter that passes little does not read all of the record at once.
pub const LOOKED_AT_MAX: u16 = 1000;

/// How far two events may be from the order of their moments: a moment is that of a transaction's beginning.
const OUT_OF_ORDER_MAX: TimeDelta = TimeDelta::minutes(15);

/// Which events.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of these types; `None`: of all.
    pub types: Option<Vec<EventType>>,
    /// About this.
    pub object: Option<Uuid>,
    /// Not before this moment.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
}

/// In which direction the record is read, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// On from here, as it happened.
    After(Place),
    /// Back from the end.
    End,
    /// Back from this event.
    Before(Place),
}

/// A place in the record: that of an event, or between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    position: i64,
    subject: Uuid,
    sequence: i64,
}

impl Place {
    /// Before everything.
    pub const BEGINNING: Self = Self { position: i64::MIN, subject: Uuid::nil(), sequence: 0 };

    /// The event that is there.
    #[must_use]
    pub fn id(&self) -> EventId {
        EventId { subject: self.subject, sequence: self.sequence }
    }

    /// Before everything at this position.
    fn at(position: i64) -> Self {
        Self { position, subject: Uuid::nil(), sequence: 0 }
    }
}

/// A part of the record.
#[derive(Debug, Clone)]
pub struct Part {
    /// Those that pass the filter, in the direction of reading.
    pub events: Vec<Recorded>,
    /// The last event that was looked at, whether it passes or not: where to read on.
    pub last: Option<Place>,
    /// Whether there are more to look at.
    pub has_more: bool,
}

struct Row {
    subject_id: Uuid,
    sequence: i64,
    position: i64,
    r#type: String,
    created_at: Timestamp,
    data: Option<serde_json::Value>,
}

impl Row {
    fn place(&self) -> Place {
        Place { position: self.position, subject: self.subject_id, sequence: self.sequence }
    }

    /// `None`: it does not pass.
    fn passed(self, merchant_id: MerchantId) -> sqlx::Result<Option<Recorded>> {
        let id = self.place().id();
        let Some(data) = self.data else { return Ok(None) };
        let r#type = word("type", &self.r#type)?;
        Ok(Some(Recorded { id, merchant_id, r#type, created_at: self.created_at, data }))
    }
}

/// A part of a merchant's record: `limit` that pass, at most. Only what is settled is there: whatever is written later
/// comes after it.
pub async fn read(
    db: &mut PgConnection,
    merchant: MerchantId,
    filter: &Filter,
    from: From,
    limit: u16,
) -> sqlx::Result<Part> {
    let everything = filter.types.is_none() && filter.from.is_none() && filter.until.is_none();
    let looked_at = if everything { limit.min(LOOKED_AT_MAX - 1) + 1 } else { LOOKED_AT_MAX };
    let mut between = Between::new(from, settled(&mut *db).await?);
    let rows = match filter.object {
        Some(object) => of_object(db, merchant, object, filter, &between).await?,
        None => {
            between.narrow(db, merchant, filter).await?;
            of_merchant(db, merchant, filter, &between, looked_at).await?
        }
    };
    let was_cut = filter.object.is_none() && rows.len() == usize::from(looked_at);
    let mut part = Part { events: Vec::new(), last: None, has_more: was_cut && !everything };
    for row in rows {
        if part.events.len() == usize::from(limit) {
            part.has_more = true;
            break;
        }
        part.last = Some(row.place());
        part.events.extend(row.passed(merchant)?);
    }
    Ok(part)
}

/// Where a part lies: after `low`, before `high`.
struct Between {
    low: Place,
    high: Place,
    oldest_first: bool,
}

impl Between {
    /// Before what is not settled yet.
    fn new(from: From, settled: i64) -> Self {
        let (low, end) = (Place::BEGINNING, Place::at(settled));
        let high = match from {
            From::Before(place) if place.position < settled => place,
            _ => end,
        };
        match from {
            From::After(low) => Self { low, high, oldest_first: true },
            From::End | From::Before(_) => Self { low, high, oldest_first: false },
        }
    }

    /// What lies far before or after the moments that are asked for is not looked at.
    async fn narrow(
        &mut self,
        db: &mut PgConnection,
        merchant: MerchantId,
        filter: &Filter,
    ) -> sqlx::Result<()> {
        if let Some(moment) = filter.from {
            let position = position_at(db, merchant, moment - OUT_OF_ORDER_MAX, self.high.position).await?;
            if position > self.low.position {
                self.low = Place::at(position);
            }
        }
        if let Some(moment) = filter.until {
            let position = position_at(db, merchant, moment + OUT_OF_ORDER_MAX, self.high.position).await?;
            if position < self.high.position {
                self.high = Place::at(position);
            }
        }
        Ok(())
    }
}

/// The first position of a merchant whose moment is not before this one. Their order is nearly that of moments, so it
/// is found by halves.
async fn position_at(
    db: &mut PgConnection,
    merchant: MerchantId,
    moment: Timestamp,
    end: i64,
) -> sqlx::Result<i64> {
    let (mut low, mut high) = (0, end);
    while low < high {
        let middle = low + (high - low) / 2;
        let next = sqlx::query!(
            "SELECT position, created_at FROM events WHERE merchant_id = $1 AND position >= $2
             ORDER BY position, subject_id, sequence LIMIT 1",
            merchant.0,
            middle,
        )
        .fetch_optional(&mut *db)
        .await?;
        match next {
            Some(next) if next.created_at < moment => low = next.position + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

async fn of_merchant(
    db: &mut PgConnection,
    merchant: MerchantId,
    filter: &Filter,
    Between { low, high, oldest_first }: &Between,
    limit: u16,
) -> sqlx::Result<Vec<Row>> {
    macro_rules! between {
        ($order:literal) => {
            sqlx::query_as!(
                Row,
                r#"SELECT subject_id, sequence, position, type, created_at, CASE WHEN ($8::text[] IS NULL OR type = ANY($8))
                       AND ($9::timestamptz IS NULL OR created_at >= $9)
                       AND ($10::timestamptz IS NULL OR created_at < $10) THEN data END AS data
                   FROM events
                   WHERE merchant_id = $1 AND (position, subject_id, sequence) > ($2, $3, $4)
                     AND (position, subject_id, sequence) < ($5, $6, $7)
                   ORDER BY "# + $order + " LIMIT $11",
                merchant.0,
                low.position,
                low.subject,
                low.sequence,
                high.position,
                high.subject,
                high.sequence,
                names(filter) as _,
                filter.from,
                filter.until,
                i64::from(limit)
            )
            .fetch_all(db)
            .await
        };
    }
    match oldest_first {
        true => between!("position, subject_id, sequence"),
        false => between!("position DESC, subject_id DESC, sequence DESC"),
    }
}

/// What happened to one object is not much.
async fn of_object(
    db: &mut PgConnection,
    merchant: MerchantId,
    object: Uuid,
    filter: &Filter,
    Between { low, high, oldest_first }: &Between,
) -> sqlx::Result<Vec<Row>> {
    let mut rows = sqlx::query_as!(
        Row,
        "SELECT subject_id, sequence, position, type, created_at, CASE WHEN ($9::text[] IS NULL OR type = ANY($9))
             AND ($10::timestamptz IS NULL OR created_at >= $10)
             AND ($11::timestamptz IS NULL OR created_at < $11) THEN data END AS data
         FROM events
         WHERE subject_id = $1 AND merchant_id = $2 AND (position, subject_id, sequence) > ($3, $4, $5)
           AND (position, subject_id, sequence) < ($6, $7, $8)
         ORDER BY sequence",
        object,
        merchant.0,
        low.position,
        low.subject,
        low.sequence,
        high.position,
        high.subject,
        high.sequence,
        names(filter) as _,
        filter.from,
        filter.until,
    )
    .fetch_all(db)
    .await?;
    if !oldest_first {
        rows.reverse();
    }
    Ok(rows)
}

fn names(filter: &Filter) -> Option<Vec<String>> {
    filter.types.as_ref().map(|types| types.iter().map(|one| one.as_str().to_owned()).collect())
}

/// One event of this merchant. Another merchant's is not found.
pub async fn find(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    id: EventId,
) -> sqlx::Result<Option<Recorded>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT subject_id, sequence, position, type, created_at, data AS "data?" FROM events
           WHERE subject_id = $1 AND sequence = $2 AND merchant_id = $3"#,
        id.subject,
        id.sequence,
        merchant.0,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| row.passed(merchant)).transpose()?.flatten())
}

/// Where an event of this merchant is in the record. Another merchant's is nowhere.
pub async fn place(
    db: impl PgExecutor<'_>,
    merchant: MerchantId,
    id: EventId,
) -> sqlx::Result<Option<Place>> {
    let position = sqlx::query_scalar!(
        "SELECT position FROM events WHERE subject_id = $1 AND sequence = $2 AND merchant_id = $3",
        id.subject,
        id.sequence,
        merchant.0,
    )
    .fetch_optional(db)
    .await?;
    Ok(position.map(|position| Place { position, subject: id.subject, sequence: id.sequence }))
}

/// Which of these merchants have something after these places.
pub async fn has_more(db: &PgPool, waiting: &[(MerchantId, Place)]) -> sqlx::Result<Vec<bool>> {
    let settled = settled(db).await?;
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM events
               WHERE merchant_id = waiting.merchant AND position < $5
                 AND (position, subject_id, sequence) > (waiting.position, waiting.subject, waiting.sequence)
           ) AS "has_more!"
           FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::bigint[])
               WITH ORDINALITY AS waiting (merchant, position, subject, sequence, place)
           ORDER BY waiting.place"#,
        &column(waiting, |(merchant, _)| merchant.0),
        &column(waiting, |(_, place)| place.position),
        &column(waiting, |(_, place)| place.subject),
        &column(waiting, |(_, place)| place.sequence),
        settled,
    )
    .fetch_all(db)
    .await
}

/// Where the record may still change. In a statement of its own, before the one that reads: whoever was at it here has
/// written by then.
async fn settled(db: impl PgExecutor<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"SELECT remit_settled_position() AS "settled!""#).fetch_one(db).await
}
