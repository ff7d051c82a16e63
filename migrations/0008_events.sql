-- What happened: as merchants are told it, and as gateways tell us.

-- What merchants are told, by the subject that it happened to (a payment, a refund, a subscription, …) and its place
-- among what happened to that. Both together are an event's id. Whoever writes has locked the subject.
--
-- `position` puts all events of a merchant in an order that can be read on from, without missing any
-- (docs/adr/0048-the-record-is-read-by-transactions.md): that of the transactions that wrote them, but never before an
-- earlier event of the same subject. One is shown when no transaction is under way any more that could write before it.
CREATE TABLE events (
    subject_id  uuid NOT NULL,
    sequence    bigint NOT NULL CHECK (sequence > 0),
    merchant_id uuid NOT NULL,
    position    bigint NOT NULL,
    type        text NOT NULL,
    data        jsonb NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT remit_now(),
    PRIMARY KEY (subject_id, sequence)
);
CREATE INDEX events_in_order ON events (merchant_id, position, subject_id, sequence);

-- Transactions are numbered by the server, and a server to which a backup was restored begins anew: `base` keeps
-- positions growing. `system_id` names the server that it suits.
CREATE TABLE event_positions (
    only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    base      bigint NOT NULL DEFAULT 0,
    system_id bigint NOT NULL
);
INSERT INTO event_positions (system_id) SELECT system_identifier FROM pg_control_system();

-- Where this transaction writes.
CREATE FUNCTION remit_position() RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT base + pg_current_xact_id()::text::bigint FROM event_positions $$;

-- Nothing will be written before this position any more, and whoever asks for events in a later statement sees all that
-- was. Transactions of other databases of the server do not count, where it can be told whose one is: for all of a
-- database's sessions to a superuser, to whoever has pg_read_all_stats, and where all are of one role.
CREATE FUNCTION remit_settled_position() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT base + CASE WHEN bool_or(session.query = '<insufficient privilege>') THEN min(here.first)
        ELSE min(here.next) - coalesce(max(session.behind), 0) END
    FROM event_positions CROSS JOIN (
        SELECT pg_snapshot_xmin(taken)::text::bigint AS first, pg_snapshot_xmax(taken)::text::bigint AS next
        FROM pg_current_snapshot() taken
    ) here LEFT JOIN LATERAL (
        -- Of a session's transaction only the last 32 bits are told: how far it is behind the next one tells the rest.
        SELECT query, nullif(behind, CASE WHEN behind >= 2147483648 THEN behind END) AS behind
        FROM (
            SELECT query, (here.next - backend_xid::text::bigint & 4294967295) AS behind
            FROM pg_stat_activity WHERE datname = current_database()
        ) found
    ) session ON true
    GROUP BY base
$$;

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
