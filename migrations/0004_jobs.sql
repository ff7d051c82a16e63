-- Every piece of work, now or later, is a row here, inserted in the transaction that calls for it and
-- deleted in the one that records its result. `due_at` is the moment at which, if the row still exists,
-- the scheduler puts the job on the queue (again): outbox, lease, delay queue, retry timer and reaper
-- in one column.

CREATE TABLE jobs (
    id          uuid PRIMARY KEY,
    kind        text NOT NULL,
    subject_id  uuid NOT NULL,
    state       text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'dead')),
    -- the fencing token: raised by every claim
    attempt     integer NOT NULL DEFAULT 0,
    -- how often it was put on the queue since it was last claimed: each time doubles the next wait
    emits       integer NOT NULL DEFAULT 0,
    -- null: nobody is to look by itself (only for state dead)
    due_at      timestamptz CHECK ((due_at IS NULL) = (state = 'dead')),
    -- how often the job's own code has failed
    panics      integer NOT NULL DEFAULT 0,
    traceparent text,
    last_error  text,
    created_at  timestamptz NOT NULL DEFAULT remit_now(),
    CONSTRAINT jobs_one_per_subject UNIQUE (subject_id, kind)
) WITH (fillfactor = 70);

CREATE INDEX jobs_due ON jobs (due_at) WHERE due_at IS NOT NULL;
