-- What happened: as merchants are told it, and as gateways tell us.

-- In order, for each subject: a payment, a refund, a subscription, …
CREATE TABLE events (
    id          uuid NOT NULL,
    merchant_id uuid NOT NULL,
    subject_id  uuid NOT NULL,
    type        text NOT NULL,
    data        jsonb NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT remit_now(),
    PRIMARY KEY (subject_id, id)
);

-- What gateways tell by themselves. An event is a hint and nothing more: whatever it claims, the gateway is asked. So
-- no body is kept, but for one whose signature only the gateway can check, until it did.
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
    CONSTRAINT gateway_events_verified_keep_no_body CHECK (NOT verified OR body IS NULL)
);
-- The same event comes several times. One that is not verified must not keep the real one out.
CREATE UNIQUE INDEX gateway_events_once ON gateway_events (gateway, event_id) WHERE verified;
-- Those that wait to be verified are counted before another is taken in, and copies of one are worked off together.
CREATE INDEX gateway_events_waiting ON gateway_events (gateway, event_id) WHERE NOT verified;

-- Where those of PayPal's certificates are that have proved an event to be PayPal's. Whoever invents names of
-- certificates uses up what the API fetches of unknown ones; these it fetches all the same, after a start too.
-- See docs/adr/0030-certificates-are-fetched-where-events-come-in.md.
CREATE TABLE paypal_certificates (
    url       text PRIMARY KEY,
    proved_at timestamptz NOT NULL DEFAULT now()
);
