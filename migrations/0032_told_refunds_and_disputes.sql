-- A refund that somebody made at the gateway itself is one of ours from then on: its money is gone all the same. Nobody
-- asked us for it, so it has no key. See docs/adr/0037-what-the-dashboard-gives-back-is-ours.md.
ALTER TABLE refunds
    ADD COLUMN origin text NOT NULL DEFAULT 'api',
    -- whose name `gateway_ref` is; null only in rows that are older than this
    ADD COLUMN gateway text,
    ALTER COLUMN idempotency_key DROP NOT NULL,
    ALTER COLUMN request_hash DROP NOT NULL,
    -- Every row that is older is as these say: it has its key, and the default.
    ADD CONSTRAINT refunds_origin_is_known CHECK (origin IN ('api', 'gateway')) NOT VALID,
    ADD CONSTRAINT refunds_asked_for_have_a_key CHECK (
        (origin = 'api') = (idempotency_key IS NOT NULL) AND (origin = 'api') = (request_hash IS NOT NULL)) NOT VALID,
    ADD CONSTRAINT refunds_told_have_a_name CHECK (
        origin = 'api' OR (gateway IS NOT NULL AND gateway_ref IS NOT NULL)) NOT VALID;

-- What the gateway has given back is a fact, also while a refund of ours is under way that it will refuse for want of
-- room: what is held may exceed what is left until then. What was given back never does. New refunds are measured
-- by both, under the payment's lock (`refund::state::accept`).
ALTER TABLE payments
    ADD CONSTRAINT payments_refunded_within_capture CHECK (amount_refunded <= amount_captured) NOT VALID,
    DROP CONSTRAINT payments_refunds_within_capture;

-- What a dispute of a payment does to the subscription that was paid by it. Copied onto every subscription as it is
-- made, so that an edit here never rewrites what was agreed.
ALTER TABLE merchants ADD COLUMN on_dispute text NOT NULL DEFAULT 'keep';
ALTER TABLE merchants
    ADD CONSTRAINT merchants_on_dispute_is_known CHECK (on_dispute IN ('keep', 'cancel')) NOT VALID;
ALTER TABLE subscriptions ADD COLUMN on_dispute text NOT NULL DEFAULT 'keep';
ALTER TABLE subscriptions
    ADD CONSTRAINT subscriptions_on_dispute_is_known CHECK (on_dispute IN ('keep', 'cancel')) NOT VALID;
