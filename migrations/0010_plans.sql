-- What subscriptions are made from. They copy the price, so it never changes here either.

CREATE TABLE plans (
    id             uuid PRIMARY KEY,
    merchant_id    uuid NOT NULL,
    name           text NOT NULL CHECK (name <> ''),
    unit_amount    numeric(19, 4) NOT NULL CHECK (unit_amount >= 0),
    currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    interval_unit  text NOT NULL CHECK (interval_unit IN ('day', 'week', 'month', 'year')),
    interval_count integer NOT NULL CHECK (interval_count > 0),
    trial_days     integer NOT NULL DEFAULT 0 CHECK (trial_days >= 0),
    metadata       jsonb NOT NULL DEFAULT '{}',
    -- a price that is named with a subscription: it is not listed, and nobody else takes it
    inline         boolean NOT NULL DEFAULT false,
    archived       boolean NOT NULL DEFAULT false,
    created_at     timestamptz NOT NULL DEFAULT remit_now(),
    updated_at     timestamptz NOT NULL DEFAULT remit_now()
);

-- The same price is the same row, so that asking twice changes nothing.
CREATE UNIQUE INDEX plans_inline_once
    ON plans (merchant_id, name, unit_amount, currency, interval_unit, interval_count) WHERE inline;
