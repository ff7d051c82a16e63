-- Merchants and the keys they call us with.

CREATE TABLE merchants (
    id         uuid PRIMARY KEY,
    name       text NOT NULL CHECK (name <> ''),
    created_at timestamptz NOT NULL DEFAULT remit_now()
);

-- A key is shown once, when it is made. What stays is its SHA-256, and enough of its text
-- (`rmt_test_…` and the last four characters) for a person to tell two keys apart.
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
