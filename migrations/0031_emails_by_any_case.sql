-- no-transaction
-- A customer is found by the e-mail address whatever its case: people write it as they like, and mail goes to the same
-- place. `customers_by_email` is for versions that compare it letter by letter; it goes once none of them runs.
CREATE INDEX CONCURRENTLY IF NOT EXISTS customers_by_folded_email ON customers (merchant_id, lower(email), id)
    WHERE email IS NOT NULL;
