-- no-transaction
-- The queue of each flow, oldest first (docs/adr/0052-a-flow-has-a-bound.md). What is not held is not in it, and pays
-- nothing for it.
CREATE INDEX CONCURRENTLY IF NOT EXISTS jobs_held ON jobs (kind, flow_id, id) WHERE held;
