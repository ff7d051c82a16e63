-- Money that a gateway moved for a payment or a refund beside the one movement that it stands for: charged, or
-- given back, under a second name of the gateway's. It must never happen; should it, the books say so, and a person
-- gives it back.

CREATE TABLE duplicates (
    id           uuid PRIMARY KEY,
    merchant_id  uuid NOT NULL,
    payment_id   uuid NOT NULL,
    -- null: of the charge itself
    refund_id    uuid,
    -- who moved it, and its names for the operation and for the movement
    gateway      text NOT NULL,
    gateway_ref  text NOT NULL,
    movement_ref text NOT NULL,
    amount       numeric(19, 4) NOT NULL CHECK (amount > 0),
    currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    status       text NOT NULL DEFAULT 'needs_review' CHECK (status IN ('needs_review', 'settled')),
    -- how it was put right
    note         text,
    found_at     timestamptz NOT NULL DEFAULT remit_now(),
    settled_at   timestamptz CHECK ((settled_at IS NULL) = (status = 'needs_review')),
    -- whoever finds it again (a worker, a reconciliation) finds the same
    CONSTRAINT duplicates_once UNIQUE (gateway, movement_ref)
);
CREATE INDEX duplicates_of ON duplicates (payment_id);
CREATE INDEX duplicates_open ON duplicates (found_at) WHERE status = 'needs_review';

-- What was moved twice belongs to nobody here until it is given back. The rule is validated in the next migration: here
-- the lock is held for the change alone.
ALTER TABLE ledger_entries
    ADD CONSTRAINT ledger_entries_account_is_known CHECK (account IN (
        'gateway_clearing', 'sales', 'refunds', 'fees', 'disputes', 'duplicates')) NOT VALID,
    DROP CONSTRAINT ledger_entries_account_check;
