-- What a subscription may be made from besides a plan, and how a customer pays for the next one.

-- A price that is named with a subscription is a plan that is not listed and that nobody else takes. The same
-- price is the same row, so that asking twice changes nothing.
ALTER TABLE plans
    ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN inline   boolean NOT NULL DEFAULT false;
CREATE UNIQUE INDEX plans_inline_once
    ON plans (merchant_id, name, unit_amount, currency, interval_unit, interval_count) WHERE inline;

-- How a customer pays without being present. `saved` is the gateway's own name for it, once it was saved there:
-- whoever charges the same token again charges that instead, because a token may be good for one use only. It takes
-- the place of `subscriptions.method_saved`, which a later release removes.
CREATE TABLE payment_methods (
    id           uuid PRIMARY KEY,
    customer_id  uuid NOT NULL REFERENCES customers,
    method_type  text NOT NULL,
    method_token text NOT NULL,
    saved        jsonb,
    -- what a new subscription is paid with that names nothing else
    is_default   boolean NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT remit_now(),
    CONSTRAINT payment_methods_unique UNIQUE (customer_id, method_type, method_token)
);
CREATE UNIQUE INDEX payment_methods_one_default ON payment_methods (customer_id) WHERE is_default;

INSERT INTO payment_methods (id, customer_id, method_type, method_token, saved, is_default)
SELECT DISTINCT ON (customer_id, method_type, method_token)
       gen_random_uuid(), customer_id, method_type, method_token, method_saved, false
FROM subscriptions WHERE method_saved IS NOT NULL AND method_token IS NOT NULL
ORDER BY customer_id, method_type, method_token, id DESC;
UPDATE payment_methods SET is_default = true WHERE id IN (
    SELECT DISTINCT ON (m.customer_id) m.id
    FROM payment_methods m
    JOIN subscriptions s USING (customer_id, method_type, method_token)
    ORDER BY m.customer_id, s.id DESC);
