-- Merchants' own accounts at gateways. Who has none is charged for by the deployment's own.
--
-- An account's row is never deleted, and its secrets are kept after another has taken its place: what was begun at an
-- account is finished, given back and asked about there, however much later (docs/adr/0051-a-payment-stays-with-its-account.md).
CREATE TABLE gateway_accounts (
    id          uuid PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchants,
    gateway     text NOT NULL,
    -- the gateway's name for it: Stripe's `acct_…`, PayPal's client id
    account_ref text NOT NULL,
    -- whether new payments go there
    active      boolean NOT NULL,
    -- the key, and by what its events are known: sealed for this row
    secrets     text NOT NULL,
    -- raised by every change of the secrets: by this programs see that theirs are old
    version     bigint NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT remit_now(),
    updated_at  timestamptz NOT NULL DEFAULT remit_now(),
    CONSTRAINT gateway_accounts_once UNIQUE (merchant_id, gateway, account_ref)
);
CREATE UNIQUE INDEX gateway_accounts_one_is_active ON gateway_accounts (merchant_id, gateway) WHERE active;

-- Which account it was, and will be, charged with: decided with its first call, which alone knows the gateway's
-- idempotency key. Null: the deployment's own.
ALTER TABLE payments ADD COLUMN gateway_account_id uuid;

-- Whose secret has proved it. Null: the deployment's own.
ALTER TABLE gateway_events ADD COLUMN gateway_account_id uuid;
