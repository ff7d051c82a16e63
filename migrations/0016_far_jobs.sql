-- The renewals of years to come stand in `jobs` beside the work of this second, which comes and goes thousands of
-- times a second. It is cleaned up by what has gone, not by its share of all that stands there.
ALTER TABLE jobs SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000);

-- Dead jobs are found by it too: they are not due.
DROP INDEX jobs_due;
CREATE INDEX jobs_due ON jobs (due_at);
