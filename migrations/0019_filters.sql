-- no-transaction
-- What merchants can filter their lists by, and what must always hold, is found by an index, however much there is
-- of everything else. A status comes first, so that the same index serves one merchant's list and the search for all
-- that is under way.
--
-- A payment's status changes twice, and no longer within its page: docs/adr/0026-a-filter-has-an-index.md has what
-- that costs.
CREATE INDEX CONCURRENTLY IF NOT EXISTS payments_by_status ON payments (status, merchant_id, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS refunds_by_status ON refunds (status, merchant_id, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS customers_by_email ON customers (merchant_id, email, id) WHERE email IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS subscriptions_by_status ON subscriptions (status, merchant_id, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS subscriptions_by_plan ON subscriptions (plan_id, status, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS subscriptions_missed ON subscriptions (id) WHERE missed_renewals IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS invoices_by_status ON invoices (status, merchant_id, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS invoices_by_customer ON invoices (customer_id, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS invoices_declined ON invoices (merchant_id, first_declined_at)
    WHERE first_declined_at IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS plans_listed ON plans (merchant_id, id) WHERE NOT inline;
CREATE INDEX CONCURRENTLY IF NOT EXISTS jobs_dead ON jobs (id) WHERE state = 'dead';
CREATE INDEX CONCURRENTLY IF NOT EXISTS gateway_events_waiting ON gateway_events (gateway, event_id) WHERE NOT verified;
