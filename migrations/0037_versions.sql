-- What results count by (docs/adr/0008): a number that goes up with every change that a worker at a gateway would have
-- to know of. Until now `updated_at` stood for it, and had to move at every change, however the clock stood; it only
-- tells people when, now. Workers from before this do not raise it: they are stopped before those that count by it start.
ALTER TABLE payments ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE refunds ADD COLUMN version bigint NOT NULL DEFAULT 1;
