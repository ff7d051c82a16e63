-- A price that is named with a subscription is a plan that is not listed and that nobody else takes. The same
-- price is the same row, so that asking twice changes nothing.
ALTER TABLE plans
    ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN inline   boolean NOT NULL DEFAULT false;
CREATE UNIQUE INDEX plans_inline_once
    ON plans (merchant_id, name, unit_amount, currency, interval_unit, interval_count) WHERE inline;
