-- Merchants, the keys they call us with, and what they have asked for by an idempotency key.

CREATE TABLE merchants (
    id         uuid PRIMARY KEY,
    name       text NOT NULL CHECK (name <> ''),
    created_at timestamptz NOT NULL DEFAULT remit_now(),
    -- When a declined invoice is tried again. Copied onto every invoice as it opens, so that an edit here never
    -- rewrites history.
    dunning    jsonb NOT NULL DEFAULT '{"retry_after_days": [1, 3, 7, 14], "then": "cancel"}',
    -- What a dispute of a payment does to the subscription that was paid by it. Copied onto every subscription as it is
    -- made, so that an edit here never rewrites what was agreed.
    on_dispute text NOT NULL DEFAULT 'keep',
    CONSTRAINT merchants_on_dispute_is_known CHECK (on_dispute IN ('keep', 'cancel'))
);

-- A key is shown once, when it is made. What stays is its SHA-256, and enough of its text (`rmt_test_…` and the last
-- four characters) for a person to tell two keys apart.
CREATE TABLE api_keys (
    id          uuid PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchants,
    hash        bytea NOT NULL CHECK (octet_length(hash) = 32),
    prefix      text NOT NULL,
    last4       text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT remit_now(),
    revoked_at  timestamptz,
    CONSTRAINT api_keys_hash_unique UNIQUE (hash)
);

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
