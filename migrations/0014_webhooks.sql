-- Where merchants are told of events by themselves, and what became of each telling.

CREATE TABLE webhook_endpoints (
    id              uuid PRIMARY KEY,
    merchant_id     uuid NOT NULL,
    url             text NOT NULL,
    description     text,
    -- of which types; null: of all, also of those to come
    types           text[] CHECK (cardinality(types) > 0),
    payload         text NOT NULL CHECK (payload IN ('thin', 'full')),
    delivery_order  text NOT NULL CHECK (delivery_order IN ('any', 'per_object')),
    -- why it is told nothing now; null: it is
    disabled_why    text CHECK (disabled_why IN ('merchant', 'gone', 'failing')),
    -- both sealed: docs/adr/0054-a-delivery-is-a-job.md
    secret          text NOT NULL,
    previous_secret text,
    -- until then the one before signs beside it
    previous_until  timestamptz,
    -- since when nothing has got there
    failing_since   timestamptz,
    version         integer NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT remit_now(),
    updated_at      timestamptz NOT NULL DEFAULT remit_now(),
    -- what it was told stays, and it is asked for no more
    deleted_at      timestamptz,
    CONSTRAINT webhook_endpoints_previous_secret_has_an_end CHECK ((previous_secret IS NULL) = (previous_until IS NULL))
);
-- Every event asks it.
CREATE INDEX webhook_endpoints_of_merchant ON webhook_endpoints (merchant_id, id) WHERE deleted_at IS NULL;

-- An event on its way to an endpoint: its job is in `jobs` for as long as it is pending. No foreign keys: it is inserted in
-- the transactions of payments.
CREATE TABLE webhook_deliveries (
    id              uuid PRIMARY KEY,
    endpoint_id     uuid NOT NULL,
    merchant_id     uuid NOT NULL,
    subject_id      uuid NOT NULL,
    sequence        bigint NOT NULL,
    type            text NOT NULL,
    -- skipped: its endpoint was disabled, or deleted
    status          text NOT NULL CHECK (status IN ('pending', 'delivered', 'failed', 'skipped')),
    -- What is signed and sent, the same in each attempt: it is rendered once.
    body            bytea NOT NULL,
    attempts        integer NOT NULL DEFAULT 0,
    -- failures in a row since it was called for: each makes the next wait longer
    failures        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CONSTRAINT webhook_deliveries_only_pending_are_tried CHECK (status = 'pending' OR next_attempt_at IS NULL),
    -- An event comes to an endpoint as one delivery, however often it is sent again. It is the order of an object's too.
    CONSTRAINT webhook_deliveries_one_per_event UNIQUE (endpoint_id, subject_id, sequence)
);
CREATE INDEX webhook_deliveries_of_endpoint ON webhook_deliveries (endpoint_id, merchant_id, id);
CREATE INDEX webhook_deliveries_by_status ON webhook_deliveries (endpoint_id, merchant_id, status, id);

CREATE TABLE webhook_attempts (
    delivery_id uuid NOT NULL,
    number      integer NOT NULL,
    -- null: no answer came
    status      integer,
    duration_ms integer NOT NULL,
    -- what the answer began with, a kilobyte at most
    answer      text,
    error       text,
    at          timestamptz NOT NULL,
    PRIMARY KEY (delivery_id, number)
);

-- What a merchant wants to be told again, which may be much: a job of its own calls for it, part by part.
CREATE TABLE webhook_replays (
    id              uuid PRIMARY KEY,
    endpoint_id     uuid NOT NULL,
    merchant_id     uuid NOT NULL,
    -- everything since then; null: what was missed
    since           timestamptz,
    -- it is not over before everything that was written before it can be read
    position        bigint NOT NULL DEFAULT remit_position(),
    -- deliveries that were called for so far
    called_for      bigint NOT NULL DEFAULT 0,
    -- how far it has come: the last event, or the last delivery, that was looked at
    after_subject   uuid,
    after_sequence  bigint,
    after_delivery  uuid,
    created_at      timestamptz NOT NULL DEFAULT remit_now(),
    ended_at        timestamptz
);
