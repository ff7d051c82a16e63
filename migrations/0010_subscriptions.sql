-- Subscriptions, and the invoices that they are paid by. `common/src/subscription/state.rs` and
-- `common/src/invoice/state.rs` decide; what must never happen is made impossible here: no period is
-- billed twice, no two periods overlap, no invoice has two payments under way, no number has a gap.

CREATE EXTENSION IF NOT EXISTS btree_gist;

-- When a declined invoice is tried again. Copied onto every invoice as it opens, so that an edit here
-- never rewrites history.
ALTER TABLE merchants ADD COLUMN dunning jsonb NOT NULL
    DEFAULT '{"retry_after_days": [1, 3, 7, 14], "then": "cancel"}';

-- What subscriptions are made from. They copy the price, so it never changes here either.
CREATE TABLE plans (
    id             uuid PRIMARY KEY,
    merchant_id    uuid NOT NULL,
    name           text NOT NULL CHECK (name <> ''),
    unit_amount    numeric(19, 4) NOT NULL CHECK (unit_amount >= 0),
    currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    interval_unit  text NOT NULL CHECK (interval_unit IN ('day', 'week', 'month', 'year')),
    interval_count integer NOT NULL CHECK (interval_count > 0),
    trial_days     integer NOT NULL DEFAULT 0 CHECK (trial_days >= 0),
    archived       boolean NOT NULL DEFAULT false,
    created_at     timestamptz NOT NULL DEFAULT remit_now(),
    updated_at     timestamptz NOT NULL DEFAULT remit_now()
);
CREATE INDEX plans_by_merchant ON plans (merchant_id, id);

CREATE TABLE customers (
    id          uuid PRIMARY KEY,
    merchant_id uuid NOT NULL,
    name        text,
    email       text,
    metadata    jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT remit_now(),
    updated_at  timestamptz NOT NULL DEFAULT remit_now()
);
CREATE INDEX customers_by_merchant ON customers (merchant_id, id);

-- Whom a gateway knows a customer as. It is learnt when the first payment method is saved there.
CREATE TABLE customer_refs (
    customer_id  uuid NOT NULL REFERENCES customers,
    gateway      text NOT NULL,
    customer_ref text NOT NULL,
    PRIMARY KEY (customer_id, gateway)
);

-- What a customer has with a merchant: credits, and money that came when nothing was owed. It pays the
-- next invoices first.
CREATE TABLE customer_balances (
    customer_id uuid NOT NULL REFERENCES customers,
    currency    text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount      numeric(19, 4) NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (customer_id, currency)
);

CREATE TABLE subscriptions (
    id              uuid PRIMARY KEY,
    merchant_id     uuid NOT NULL,
    customer_id     uuid NOT NULL REFERENCES customers,
    idempotency_key text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    request_hash    bytea NOT NULL CHECK (octet_length(request_hash) = 32),
    metadata        jsonb NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT remit_now(),

    -- what is billed, as it was agreed
    plan_id         uuid NOT NULL REFERENCES plans,
    name            text NOT NULL,
    unit_amount     numeric(19, 4) NOT NULL CHECK (unit_amount >= 0),
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    interval_unit   text NOT NULL CHECK (interval_unit IN ('day', 'week', 'month', 'year')),
    interval_count  integer NOT NULL CHECK (interval_count > 0),
    quantity        bigint NOT NULL CHECK (quantity > 0),
    discounts       jsonb NOT NULL DEFAULT '[]',
    tax             jsonb,

    -- how it is paid; `method_saved` is the gateway's own name for it, once it was saved there
    method_type     text,
    method_token    text,
    method_saved    jsonb,

    -- when: boundary n is counted from here, never from the boundary before
    anchor_date     date NOT NULL,
    anchor_index    bigint NOT NULL DEFAULT 0,
    zone            text NOT NULL,
    next_period_index bigint NOT NULL CHECK (next_period_index >= anchor_index),
    change_seq      bigint NOT NULL DEFAULT 0,
    trial_ends_at   timestamptz,
    without_method  text NOT NULL CHECK (without_method IN ('pause', 'cancel')),

    -- where it stands
    status          text NOT NULL CHECK (status IN (
                        'incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'unpaid',
                        'paused', 'canceled')),
    cancel_at_period_end boolean NOT NULL DEFAULT false,
    pause_at_period_end  boolean NOT NULL DEFAULT false,
    pending_terms   jsonb,
    pending_zone    text,
    -- so many renewals were missed that a person must decide; up to which one that was done
    missed_renewals bigint,
    catch_up_to     bigint,
    -- the ETag: raised by every change
    version         bigint NOT NULL DEFAULT 1,
    updated_at      timestamptz NOT NULL DEFAULT remit_now(),
    ended_at        timestamptz,

    CONSTRAINT subscriptions_idempotency_key_unique UNIQUE (merchant_id, idempotency_key),
    CONSTRAINT subscriptions_method_is_whole CHECK ((method_type IS NULL) = (method_token IS NULL))
);
CREATE INDEX subscriptions_by_merchant ON subscriptions (merchant_id, id);
CREATE INDEX subscriptions_by_customer ON subscriptions (customer_id, id);
-- Those that time will change: they must have a job.
CREATE INDEX subscriptions_live ON subscriptions (id)
    WHERE status IN ('incomplete', 'trialing', 'active', 'past_due');

-- The periods that have begun: each once, by its number, and never two at a time.
CREATE TABLE subscription_periods (
    subscription_id uuid NOT NULL REFERENCES subscriptions,
    period_index    bigint NOT NULL CHECK (period_index >= 0),
    -- its days, by which it is prorated: [from, to)
    from_date       date NOT NULL,
    to_date         date NOT NULL,
    -- its instants: [starts, ends)
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL CHECK (ends_at >= starts_at),
    PRIMARY KEY (subscription_id, period_index),
    CONSTRAINT subscription_periods_never_overlap
        EXCLUDE USING gist (subscription_id WITH =, tstzrange(starts_at, ends_at) WITH &&)
);

CREATE TABLE invoices (
    id              uuid PRIMARY KEY,
    merchant_id     uuid NOT NULL,
    customer_id     uuid NOT NULL REFERENCES customers,
    subscription_id uuid NOT NULL,
    period_index    bigint NOT NULL,
    -- null: it bills the whole period; otherwise the change within it that it bills
    change_seq      bigint,
    number          text,
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    status          text NOT NULL CHECK (status IN ('draft', 'open', 'paid', 'void', 'uncollectible')),
    lines           jsonb NOT NULL,
    total           numeric(19, 4) NOT NULL,
    from_balance    numeric(19, 4) NOT NULL DEFAULT 0 CHECK (from_balance >= 0),
    amount_paid     numeric(19, 4) NOT NULL DEFAULT 0,

    -- the retries: the policy of the day on which it opened, and how far they have come
    dunning         jsonb NOT NULL,
    first_declined_at timestamptz,
    rungs_used      integer NOT NULL DEFAULT 0,
    retries_held    boolean NOT NULL DEFAULT false,
    next_attempt_at timestamptz,

    created_at      timestamptz NOT NULL DEFAULT remit_now(),
    updated_at      timestamptz NOT NULL DEFAULT remit_now(),
    opened_at       timestamptz,
    ended_at        timestamptz,

    FOREIGN KEY (subscription_id, period_index) REFERENCES subscription_periods,
    CONSTRAINT invoices_number_unique UNIQUE (merchant_id, number),
    CONSTRAINT invoices_number_from_opening CHECK ((status = 'draft') = (number IS NULL)),
    CONSTRAINT invoices_paid_once
        CHECK (amount_paid >= 0 AND from_balance + amount_paid <= greatest(total, 0))
);
CREATE UNIQUE INDEX invoices_one_per_period ON invoices (subscription_id, period_index)
    WHERE change_seq IS NULL AND status <> 'void';
CREATE UNIQUE INDEX invoices_one_per_change ON invoices (subscription_id, change_seq)
    WHERE change_seq IS NOT NULL AND status <> 'void';
CREATE INDEX invoices_by_merchant ON invoices (merchant_id, id);
CREATE INDEX invoices_by_subscription ON invoices (subscription_id, id);

-- The last number given. Whoever takes one holds the row until the end of the transaction, and gives it
-- back by failing: so numbers have no gaps.
CREATE TABLE invoice_counters (
    merchant_id uuid PRIMARY KEY,
    last        bigint NOT NULL
);

-- The payments of an invoice, in their order. Only one of them may be without an outcome.
CREATE TABLE invoice_payments (
    invoice_id uuid NOT NULL REFERENCES invoices,
    attempt_no integer NOT NULL CHECK (attempt_no > 0),
    payment_id uuid NOT NULL UNIQUE REFERENCES payments,
    -- whether the ladder called for it, or somebody asked
    reason     text NOT NULL CHECK (reason IN ('ladder', 'asked')),
    open       boolean NOT NULL,
    PRIMARY KEY (invoice_id, attempt_no)
);
CREATE UNIQUE INDEX invoice_payments_one_open ON invoice_payments (invoice_id) WHERE open;

-- A payment of an invoice knows it from the start. Nothing here is indexed: updates stay in their page.
ALTER TABLE payments
    ADD COLUMN invoice_id  uuid,
    -- the payer is not there to do anything
    ADD COLUMN off_session boolean NOT NULL DEFAULT false,
    -- what is charged instead of the token, once it is known: written before the first call
    ADD COLUMN saved       jsonb;
