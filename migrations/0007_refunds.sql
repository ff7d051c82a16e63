-- Money given back. One refund row is one gateway operation under one gateway idempotency key (the
-- refund's id), as a payment is. What is held for it is in its payment's `amount_refunding`, what was
-- given back in `amount_refunded`: under one constraint, changed under the payment's lock.

CREATE TABLE refunds (
    id              uuid PRIMARY KEY,
    merchant_id     uuid NOT NULL,
    payment_id      uuid NOT NULL REFERENCES payments,

    -- what the merchant asked for: never changes
    idempotency_key text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    request_hash    bytea NOT NULL CHECK (octet_length(request_hash) = 32),
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
    updated_at      timestamptz NOT NULL DEFAULT remit_now(),
    settled_at      timestamptz,

    -- the gateway's side; calls are counted as a payment's are
    gateway_ref     text,
    calls_begun     integer NOT NULL DEFAULT 0,
    calls_not_sent  integer NOT NULL DEFAULT 0,
    first_call_at   timestamptz,
    last_call_at    timestamptz,

    CONSTRAINT refunds_idempotency_key_unique UNIQUE (merchant_id, idempotency_key),
    CONSTRAINT refunds_failure_is_told CHECK ((status = 'failed') = (failure_code IS NOT NULL)),
    CONSTRAINT refunds_review_has_reason CHECK (status <> 'needs_review' OR review_reason IS NOT NULL)
) WITH (fillfactor = 70);

CREATE INDEX refunds_by_merchant ON refunds (merchant_id, id);
CREATE INDEX refunds_by_payment ON refunds (payment_id, id);
