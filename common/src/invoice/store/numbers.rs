//! The numbers of a merchant's invoices, one after the other.

use std::collections::{BTreeMap, HashMap};

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{db, id::MerchantId};

/// The next numbers of merchants. The rows of their counters are held until the end of the transaction, so that
/// what fails gives them back.
pub(crate) struct Numbers {
    next: HashMap<MerchantId, i64>,
}

impl Numbers {
    /// Takes one for each time that a merchant is named.
    pub async fn take(db: &mut PgConnection, merchants: &[MerchantId]) -> sqlx::Result<Self> {
        let mut counts = BTreeMap::<_, i64>::new();
        for merchant in merchants {
            *counts.entry(merchant.0).or_default() += 1;
        }
        let rows = sqlx::query!(
            "INSERT INTO invoice_counters AS c (merchant_id, last)
             SELECT * FROM unnest($1::uuid[], $2::bigint[])
             ON CONFLICT (merchant_id) DO UPDATE SET last = c.last + excluded.last
             RETURNING merchant_id, last",
            &counts.keys().copied().collect::<Vec<_>>(),
            &counts.values().copied().collect::<Vec<_>>(),
        )
        .fetch_all(db)
        .await?;
        let first = |merchant: Uuid, last| last - counts.get(&merchant).copied().unwrap_or_default() + 1;
        let next =
            rows.into_iter().map(|row| (MerchantId(row.merchant_id), first(row.merchant_id, row.last)));
        Ok(Self { next: next.collect() })
    }

    /// The next one of a merchant.
    pub fn give(&mut self, merchant: MerchantId) -> db::Result<String> {
        let next = self.next.get_mut(&merchant);
        let next = next.ok_or_else(|| db::Error::broken("an invoice needs a number that was not taken"))?;
        let number = format!("{next:06}");
        *next += 1;
        Ok(number)
    }
}
