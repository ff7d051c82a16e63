-- What a key may do, for how long, from where and up to which amounts; and two sides of every merchant.
--
-- The live side and the test side of a merchant are two rows with one name. Whatever belongs to a merchant names its row
-- already, so a query that keeps merchants apart keeps live and test apart: docs/adr/0049-two-sides-of-a-merchant.md.

ALTER TABLE merchants ADD COLUMN livemode boolean NOT NULL DEFAULT false;

-- A merchant is found by its name. Two of one name came of two commands at once; the older one was found from then on.
UPDATE merchants SET name = name || ' (' || id || ')'
WHERE EXISTS (SELECT FROM merchants older WHERE older.name = merchants.name AND older.id < merchants.id);
-- They are few: it is there before anybody has waited.
-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX merchants_name_unique ON merchants (name, livemode);

ALTER TABLE api_keys
    -- what people call it
    ADD COLUMN name              text,
    -- what it may do (`common/src/merchant/scope.rs`)
    ADD COLUMN scopes            text[] NOT NULL DEFAULT '{admin}',
    ADD COLUMN expires_at        timestamptz,
    -- another was put in its place: until when it still works
    ADD COLUMN overlap_ends_at   timestamptz,
    -- to the minute
    ADD COLUMN last_used_at      timestamptz,
    -- networks such as 203.0.113.0/24; null: from anywhere
    ADD COLUMN allowed_addresses text[],
    -- up to which amounts, and what it refunds (`common/src/merchant/caps.rs`); null: no caps
    ADD COLUMN caps              jsonb,
    -- The key that it has come from by rotation, over however many: what was done with any of them was done with it.
    -- Null: it is the first.
    ADD COLUMN first_key_id      uuid;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_can_something CHECK (cardinality(scopes) > 0) NOT VALID;

-- By which key a payment was made; null for what was made before this was remembered, and for payments of invoices.
ALTER TABLE payments ADD COLUMN api_key_id uuid;

-- What was accepted with a key in a day (UTC), where a day's amount is capped. Written in the transaction that accepts
-- the payment, under the row's lock: however many are asked for at once, together they stay within the cap.
CREATE TABLE api_key_days (
    -- the first of the keys that have come from each other
    api_key_id uuid NOT NULL,
    currency   text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    day        date NOT NULL,
    amount     numeric(19, 4) NOT NULL CHECK (amount > 0),
    PRIMARY KEY (api_key_id, currency, day)
);
