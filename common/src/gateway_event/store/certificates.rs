//! The rows of `paypal_certificates`: where those are that have proved an event to be PayPal's, for every process and
//! every start.

use sqlx::PgPool;

/// Tells of these, whose order is the same for all, and answers with the newest of all that were told of: PayPal has
/// one or two at a time.
pub async fn share(pool: &PgPool, proved: &[String]) -> sqlx::Result<Vec<String>> {
    // Real time: nobody moves PayPal's clock.
    sqlx::query!(
        "INSERT INTO paypal_certificates (url) SELECT unnest($1::text[])
         ON CONFLICT (url) DO UPDATE SET proved_at = now()
         WHERE paypal_certificates.proved_at < now() - interval '1 day'",
        proved,
    )
    .execute(pool)
    .await?;
    sqlx::query_scalar!("SELECT url FROM paypal_certificates ORDER BY proved_at DESC LIMIT 32")
        .fetch_all(pool)
        .await
}
