-- no-transaction
-- What lists and searches are read by, however much there is of everything else
-- (docs/adr/0026-a-filter-has-an-index.md): indexes alone. They are built beside what runs, statement by statement, and a
-- program starts without them.
--
-- A status comes first, so that the same index serves one merchant's list and the search for all that is under way.

CREATE INDEX CONCURRENTLY IF NOT EXISTS customers_by_merchant ON customers (merchant_id, id);
-- Whatever its case: people write an address as they like, and mail goes to the same place.
CREATE INDEX CONCURRENTLY IF NOT EXISTS customers_by_folded_email ON customers (merchant_id, lower(email), id)
    WHERE email IS NOT NULL;

CREATE INDEX CONCURRENTLY IF NOT EXISTS payments_by_merchant ON payments (merchant_id, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS payments_by_order ON payments (merchant_id, order_id, id)
    WHERE order_id IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS payments_by_status ON payments (status, merchant_id, id);

CREATE INDEX CONCURRENTLY IF NOT EXISTS refunds_by_merchant ON refunds (merchant_id, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS refunds_by_status ON refunds (status, merchant_id, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS duplicates_open ON duplicates (found_at) WHERE status = 'needs_review';

CREATE INDEX CONCURRENTLY IF NOT EXISTS jobs_dead ON jobs (id) WHERE state = 'dead';

CREATE INDEX CONCURRENTLY IF NOT EXISTS plans_listed ON plans (merchant_id, id) WHERE NOT inline;

CREATE INDEX CONCURRENTLY IF NOT EXISTS subscriptions_by_merchant ON subscriptions (merchant_id, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS subscriptions_by_customer ON subscriptions (customer_id, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS subscriptions_by_plan ON subscriptions (plan_id, status, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS subscriptions_by_status ON subscriptions (status, merchant_id, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS subscriptions_missed ON subscriptions (id) WHERE missed_renewals IS NOT NULL;

CREATE INDEX CONCURRENTLY IF NOT EXISTS invoices_by_merchant ON invoices (merchant_id, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS invoices_by_subscription ON invoices (subscription_id, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS invoices_by_customer ON invoices (customer_id, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS invoices_by_status ON invoices (status, merchant_id, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS invoices_declined ON invoices (merchant_id, first_declined_at)
    WHERE first_declined_at IS NOT NULL;
