-- One payment row is one gateway operation under one gateway idempotency key (the payment's id), for
-- life. Only the functions of `common/src/payment/store.rs` write here, and `state.rs` decides what.
--
-- No index touches a column that changes after the insert, so that every update can stay in its page
-- (HOT); the fill factor leaves room for the two updates that a payment's life has. Here and below no
-- foreign key points at merchants: each insert would lock its merchant's row, and a busy merchant's
-- payments would wait for each other. Whoever writes has just read the key that names the merchant.

CREATE TABLE payments (
    id              uuid PRIMARY KEY,
    merchant_id     uuid NOT NULL,

    -- what the merchant asked for: never changes
    idempotency_key text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    request_hash    bytea NOT NULL CHECK (octet_length(request_hash) = 32),
    amount          numeric(19, 4) NOT NULL CHECK (amount > 0),
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    capture         text NOT NULL CHECK (capture IN ('automatic', 'manual')),
    method_type     text NOT NULL,
    method_token    text NOT NULL,
    gateway         text NOT NULL,
    customer        jsonb,
    description     text,
    order_id        text,
    metadata        jsonb NOT NULL DEFAULT '{}',
    return_url      text,
    created_at      timestamptz NOT NULL DEFAULT remit_now(),

    -- what has become of it
    status          text NOT NULL DEFAULT 'pending' CHECK (status IN (
                        'pending', 'processing', 'requires_action', 'authorized',
                        'succeeded', 'failed', 'canceled', 'needs_review')),
    amount_captured numeric(19, 4) NOT NULL DEFAULT 0 CHECK (amount_captured BETWEEN 0 AND amount),
    failure_code    text,
    failure_message text,
    decline_class   text CHECK (decline_class IN ('soft', 'customer', 'hard')),
    next_action_url text,
    review_reason   text,
    updated_at      timestamptz NOT NULL DEFAULT remit_now(),
    settled_at      timestamptz,

    -- the gateway's side
    gateway_ref     text,
    charge_ref      text,
    card            jsonb,
    -- Calls begun are counted before the call, calls that provably never left us after it: while the
    -- two are equal nothing can have been charged.
    calls_begun     integer NOT NULL DEFAULT 0,
    calls_not_sent  integer NOT NULL DEFAULT 0,
    first_call_at   timestamptz,
    last_call_at    timestamptz,

    CONSTRAINT payments_idempotency_key_unique UNIQUE (merchant_id, idempotency_key),
    CONSTRAINT payments_failure_is_told CHECK ((status = 'failed') = (failure_code IS NOT NULL)),
    CONSTRAINT payments_review_has_reason CHECK (status <> 'needs_review' OR review_reason IS NOT NULL)
) WITH (fillfactor = 60);

CREATE INDEX payments_by_merchant ON payments (merchant_id, id);
CREATE INDEX payments_by_order ON payments (merchant_id, order_id, id) WHERE order_id IS NOT NULL;

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

-- What happened, in order, as merchants are told it.
CREATE TABLE events (
    id          uuid NOT NULL,
    merchant_id uuid NOT NULL,
    subject_id  uuid NOT NULL,
    type        text NOT NULL,
    data        jsonb NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT remit_now(),
    PRIMARY KEY (subject_id, id)
);
