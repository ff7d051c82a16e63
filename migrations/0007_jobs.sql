-- Every piece of work, now or later, is a row here, inserted in the transaction that calls for it and deleted in the
-- one that records its result. `due_at` is the moment at which, if the row still exists, the scheduler puts the job on
-- the queue (again): outbox, lease, delay queue, retry timer and reaper in one column.
--
-- The renewals of years to come stand here beside the work of this second, which comes and goes thousands of times a
-- second. The table is cleaned up by what has gone, not by its share of all that stands here.

CREATE TABLE jobs (
    id          uuid PRIMARY KEY,
    kind        text NOT NULL,
    subject_id  uuid NOT NULL,
    state       text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'dead')),
    -- the fencing token: raised by every claim
    attempt     integer NOT NULL DEFAULT 0,
    -- null: nobody is to look by itself
    due_at      timestamptz,
    -- how often it was put on the queue since it was last claimed: each time doubles the next wait
    emits       integer NOT NULL DEFAULT 0,
    -- how often it was snoozed because its gateway was given a rest: not counted against it
    snoozes     integer NOT NULL DEFAULT 0,
    -- How often a lease has ended without a word of its worker: it has died, or hangs. A job that does that to one
    -- worker after the other never comes to its end, and nothing else would tell.
    lapses      integer NOT NULL DEFAULT 0,
    -- how often the job's own code has failed
    panics      integer NOT NULL DEFAULT 0,
    -- Where a question that ran out of time goes on: a list at a gateway may have more pages than can be read in one
    -- attempt. It belongs to the question, and goes when that is asked anew.
    cursor      text,
    traceparent text,
    last_error  text,
    created_at  timestamptz NOT NULL DEFAULT remit_now(),
    CONSTRAINT jobs_one_per_subject UNIQUE (subject_id, kind),
    CONSTRAINT jobs_only_dead_are_never_due CHECK ((due_at IS NULL) = (state = 'dead'))
) WITH (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000);

-- The dead are found by it too: nulls are in it.
CREATE INDEX jobs_due ON jobs (due_at);
