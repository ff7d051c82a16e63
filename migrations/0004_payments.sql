-- Payments. One row goes through several operations at its gateway, one after the other: the charge itself, its
-- completion after the payer has approved, then a capture or a cancellation of what was reserved. Each is a stage with
-- a gateway key of its own (the payment's id and the stage's number).
--
-- The fill factor leaves room in the page for the two updates that a payment's life has. Of what changes after the
-- insert only `status` is in an index (docs/adr/0026-a-filter-has-an-index.md has what that costs): no further one.

CREATE TABLE payments (
    id               uuid PRIMARY KEY,
    merchant_id      uuid NOT NULL,

    -- what the merchant asked for: never changes, but for method and gateway, where the fallback takes over
    idempotency_key  text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    request_hash     bytea NOT NULL CHECK (octet_length(request_hash) = 32),
    amount           numeric(19, 4) NOT NULL CHECK (amount > 0),
    currency         text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    capture          text NOT NULL CHECK (capture IN ('automatic', 'manual')),
    method_type      text NOT NULL,
    -- null: the payer chooses at the gateway
    method_token     text,
    gateway          text NOT NULL,
    -- where else it may be charged; null once that was done
    fallback         jsonb,
    customer         jsonb,
    description      text,
    order_id         text,
    metadata         jsonb NOT NULL DEFAULT '{}',
    return_url       text,
    created_at       timestamptz NOT NULL DEFAULT remit_now(),

    -- a payment of an invoice knows it from the start
    invoice_id       uuid,
    -- the payer is not there to do anything
    off_session      boolean NOT NULL DEFAULT false,
    -- what is charged instead of the token, once it is known: written before the first call
    saved            jsonb,

    -- what has become of it
    status           text NOT NULL DEFAULT 'pending' CHECK (status IN (
                         'pending', 'processing', 'requires_action', 'authorized',
                         'succeeded', 'failed', 'canceled', 'needs_review')),
    amount_captured  numeric(19, 4) NOT NULL DEFAULT 0,
    -- what was given back, and what is held for refunds that have no end yet
    amount_refunded  numeric(19, 4) NOT NULL DEFAULT 0 CHECK (amount_refunded >= 0),
    amount_refunding numeric(19, 4) NOT NULL DEFAULT 0 CHECK (amount_refunding >= 0),
    failure_code     text,
    failure_message  text,
    decline_class    text CHECK (decline_class IN ('soft', 'customer', 'hard')),
    next_action_url  text,
    review_reason    text,
    -- what results count by (docs/adr/0008): raised by every change that a worker at a gateway would have to know of
    version          bigint NOT NULL DEFAULT 1,
    updated_at       timestamptz NOT NULL DEFAULT remit_now(),
    settled_at       timestamptz,

    -- the gateway's side
    gateway_ref      text,
    charge_ref       text,
    card             jsonb,
    stage            text NOT NULL DEFAULT 'charge' CHECK (stage IN ('charge', 'complete', 'capture', 'cancel')),
    stage_number     integer NOT NULL DEFAULT 0,
    -- how much a capture is to take; the rest is released
    stage_amount     numeric(19, 4),
    -- Calls of the present stage. Those begun are counted before the call, those that provably never left us after it:
    -- while the two are equal nothing can have been charged.
    calls_begun      integer NOT NULL DEFAULT 0,
    calls_not_sent   integer NOT NULL DEFAULT 0,
    first_call_at    timestamptz,
    last_call_at     timestamptz,

    CONSTRAINT payments_idempotency_key_unique UNIQUE (merchant_id, idempotency_key),
    CONSTRAINT payments_captured_within_amount CHECK (amount_captured BETWEEN 0 AND amount),
    CONSTRAINT payments_capture_has_amount CHECK (stage <> 'capture' OR stage_amount IS NOT NULL),
    CONSTRAINT payments_capture_within_amount CHECK (stage_amount BETWEEN 0 AND amount),
    -- What the gateway has given back is a fact, also while a refund of ours is under way that it will refuse for want
    -- of room: what is held may exceed what is left until then. What was given back never does. New refunds are
    -- measured by both, under the payment's lock (`refund::state::accept`).
    CONSTRAINT payments_refunded_within_capture CHECK (amount_refunded <= amount_captured),
    -- A capture or a cancellation that did not happen leaves its reason on a payment that goes on.
    CONSTRAINT payments_failure_is_told CHECK (
        CASE status WHEN 'failed' THEN failure_code IS NOT NULL
                    WHEN 'authorized' THEN true
                    ELSE failure_code IS NULL END),
    CONSTRAINT payments_review_has_reason CHECK (status <> 'needs_review' OR review_reason IS NOT NULL)
) WITH (fillfactor = 60);

-- Every call to a gateway, for the people who must explain one. Never a body.
CREATE TABLE gateway_calls (
    payment_id  uuid NOT NULL,
    job_id      uuid NOT NULL,
    attempt     integer NOT NULL,
    operation   text NOT NULL,
    outcome     text NOT NULL,
    detail      text,
    http_status integer,
    request_id  text,
    duration_ms integer NOT NULL,
    at          timestamptz NOT NULL DEFAULT remit_now(),
    PRIMARY KEY (payment_id, job_id, attempt)
);
