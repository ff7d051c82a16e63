-- What gateways tell by themselves. An event is a hint and nothing more: whatever it claims, the gateway
-- is asked. So no body is kept, but for one whose signature only the gateway can check, until it did.

CREATE TABLE gateway_events (
    id          uuid PRIMARY KEY,
    gateway     text NOT NULL,
    event_id    text NOT NULL,
    kind        text NOT NULL,
    about       jsonb NOT NULL,
    -- whether the gateway's signature was checked; until then anybody may have sent it
    verified    boolean NOT NULL,
    headers     jsonb,
    body        bytea,
    received_at timestamptz NOT NULL DEFAULT remit_now(),
    handled_at  timestamptz,
    CHECK (NOT verified OR body IS NULL)
);
-- The same event comes several times. One that is not verified must not keep the real one out.
CREATE UNIQUE INDEX gateway_events_once ON gateway_events (gateway, event_id) WHERE verified;
-- Those that wait to be verified are counted before another is taken in.
CREATE INDEX gateway_events_unverified ON gateway_events (received_at) WHERE NOT verified;

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
    standing    text NOT NULL CHECK (standing IN ('open', 'won', 'lost')),
    withdrawn   boolean NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT remit_now(),
    updated_at  timestamptz NOT NULL DEFAULT remit_now(),
    CONSTRAINT disputes_once UNIQUE (gateway, dispute_ref)
);
CREATE INDEX disputes_by_payment ON disputes (payment_id, id);
