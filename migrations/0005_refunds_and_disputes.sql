-- Money that goes back: given by the merchant, taken by the payer's bank, or moved twice by mistake.

-- One refund row is one gateway operation under one gateway idempotency key (the refund's id), as a payment's stage is.
-- What is held for it is in its payment's `amount_refunding`, what was given back in `amount_refunded`: under one
-- constraint, changed under the payment's lock.
CREATE TABLE refunds (
    id              uuid PRIMARY KEY,
    merchant_id     uuid NOT NULL,
    payment_id      uuid NOT NULL REFERENCES payments,

    -- One that somebody made at the gateway itself is one of ours from then on: its money is gone all the same. Nobody
    -- asked us for it, so it has no key. See docs/adr/0037-what-the-dashboard-gives-back-is-ours.md.
    origin          text NOT NULL DEFAULT 'api',

    -- what the merchant asked for: never changes
    idempotency_key text CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    request_hash    bytea CHECK (octet_length(request_hash) = 32),
    amount          numeric(19, 4) NOT NULL CHECK (amount > 0),
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    reason          text CHECK (reason IN ('duplicate', 'fraudulent', 'requested_by_customer')),
    metadata        jsonb NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT remit_now(),

    -- what has become of it
    status          text NOT NULL DEFAULT 'pending'
                    CHECK (status IN ('pending', 'processing', 'succeeded', 'failed', 'needs_review')),
    failure_code    text,
    failure_message text,
    review_reason   text,
    -- what results count by, as a payment's do
    version         bigint NOT NULL DEFAULT 1,
    updated_at      timestamptz NOT NULL DEFAULT remit_now(),
    settled_at      timestamptz,

    -- the gateway's side: whose name `gateway_ref` is; calls are counted as a payment's are
    gateway         text NOT NULL,
    gateway_ref     text,
    calls_begun     integer NOT NULL DEFAULT 0,
    calls_not_sent  integer NOT NULL DEFAULT 0,
    first_call_at   timestamptz,
    last_call_at    timestamptz,

    CONSTRAINT refunds_idempotency_key_unique UNIQUE (merchant_id, idempotency_key),
    CONSTRAINT refunds_origin_is_known CHECK (origin IN ('api', 'gateway')),
    CONSTRAINT refunds_asked_for_have_a_key CHECK (
        (origin = 'api') = (idempotency_key IS NOT NULL) AND (origin = 'api') = (request_hash IS NOT NULL)),
    CONSTRAINT refunds_told_have_a_name CHECK (origin = 'api' OR gateway_ref IS NOT NULL),
    CONSTRAINT refunds_failure_is_told CHECK ((status = 'failed') = (failure_code IS NOT NULL)),
    CONSTRAINT refunds_review_has_reason CHECK (status <> 'needs_review' OR review_reason IS NOT NULL)
) WITH (fillfactor = 70);

-- One refund of the gateway's is one row here, however often and by whomever it is told.
CREATE UNIQUE INDEX refunds_once ON refunds (gateway, gateway_ref) WHERE gateway_ref IS NOT NULL;

-- Payers' objections. The money may be taken back from us, and given again.
CREATE TABLE disputes (
    id          uuid PRIMARY KEY,
    merchant_id uuid NOT NULL,
    payment_id  uuid NOT NULL REFERENCES payments,
    gateway     text NOT NULL,
    dispute_ref text NOT NULL,
    amount      numeric(19, 4) NOT NULL CHECK (amount > 0),
    currency    text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    reason      text,
    status      text NOT NULL CHECK (status IN ('open', 'won', 'lost')),
    -- whether the money was taken back from us, at least for a time
    funds_withdrawn boolean NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT remit_now(),
    updated_at  timestamptz NOT NULL DEFAULT remit_now(),
    CONSTRAINT disputes_once UNIQUE (gateway, dispute_ref)
);

-- Money that a gateway moved for a payment or a refund beside the one movement that it stands for: charged, or given
-- back, under a second name of the gateway's. It must never happen; should it, the books say so, and a person gives it
-- back.
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
    settled_at   timestamptz,
    -- whoever finds it again (a worker, a reconciliation) finds the same
    CONSTRAINT duplicates_once UNIQUE (gateway, movement_ref),
    CONSTRAINT duplicates_settled_have_a_time CHECK ((settled_at IS NULL) = (status = 'needs_review'))
);

-- What belongs to a payment is read under its lock: no program starts without these.
CREATE INDEX refunds_by_payment ON refunds (payment_id, id);
CREATE INDEX disputes_by_payment ON disputes (payment_id, id);
CREATE INDEX duplicates_of ON duplicates (payment_id);
