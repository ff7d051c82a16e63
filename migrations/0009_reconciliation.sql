-- Comparing a gateway's settlement report with our books, both ways.

CREATE TABLE reconciliations (
    id          uuid PRIMARY KEY,
    gateway     text NOT NULL,
    from_at     timestamptz NOT NULL,
    to_at       timestamptz NOT NULL,
    state       text NOT NULL DEFAULT 'reading' CHECK (state IN ('reading', 'done', 'failed')),
    -- where in the settlement report the next part begins
    cursor      text,
    -- how many lines were read, and how many of them were put right without a person
    lines       integer NOT NULL DEFAULT 0,
    repairs     integer NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT remit_now(),
    finished_at timestamptz,
    CONSTRAINT reconciliations_once UNIQUE (gateway, from_at, to_at),
    CONSTRAINT reconciliations_end_after_their_start CHECK (to_at > from_at)
);

-- The gateway's lines, while they are compared. It may tell the same line twice, where one part of its report ends and
-- the next begins.
CREATE TABLE reconciliation_lines (
    reconciliation_id uuid NOT NULL REFERENCES reconciliations,
    -- how money moved; 'payment': not a movement, but what became of a payment
    movement     text NOT NULL,
    gateway_ref  text NOT NULL,
    -- our name for the subject, as the gateway keeps it: 'pay_…', 're_…'
    reference    text,
    outcome      text,
    amount       numeric(19, 4),
    currency     text,
    fee          numeric(19, 4),
    fee_currency text,
    PRIMARY KEY (reconciliation_id, movement, gateway_ref)
);
CREATE INDEX reconciliation_lines_by_reference ON reconciliation_lines (reconciliation_id, reference);

-- What differs, and what was done about it. One subject may differ in several ways, and in one way several times.
CREATE TABLE reconciliation_findings (
    reconciliation_id uuid NOT NULL REFERENCES reconciliations,
    number      bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    kind        text NOT NULL CHECK (kind IN (
                    'unknown_here', 'missing_there', 'amount_differs', 'state_differs', 'fee_differs')),
    reference   text,
    gateway_ref text,
    detail      text NOT NULL,
    -- 'asked': the gateway is asked, and the answer changes what is wrong; 'needs_review': for a person
    remedy      text NOT NULL CHECK (remedy IN ('asked', 'needs_review')),
    created_at  timestamptz NOT NULL DEFAULT remit_now(),
    PRIMARY KEY (reconciliation_id, number)
);

-- The id in a reference of that prefix; null for anything else.
CREATE FUNCTION remit_id(prefix text, reference text) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN reference ~ ('^' || prefix || '[0-9a-f]{32}$')
               THEN substr(reference, length(prefix) + 1)::uuid END $$;

-- The lowest UUIDv7 of a moment: ids are in the order of their birth.
CREATE FUNCTION remit_first_id(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid $$;
