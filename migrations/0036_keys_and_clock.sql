-- What a merchant's key has made, of what needs none: the same key and the same request are the same thing again. What
-- must have a key keeps it in its own row. A row is written in the transaction that makes the thing, and never changes.
CREATE TABLE idempotency_keys (
    merchant_id     uuid NOT NULL,
    -- what was made: `customer`, `plan`
    subject         text NOT NULL,
    idempotency_key text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    request_hash    bytea NOT NULL CHECK (octet_length(request_hash) = 32),
    subject_id      uuid NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT remit_now(),
    PRIMARY KEY (merchant_id, subject, idempotency_key)
);

-- Where the clock of a test deployment is to come to, and why it came no further. While somebody moves it, an advisory
-- lock is held (`common/src/db/clock.rs`).
ALTER TABLE test_clock
    ADD COLUMN target timestamptz,
    ADD COLUMN stopped_code text,
    ADD COLUMN stopped_why text;
