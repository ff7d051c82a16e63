-- Subscriptions, and the periods that they are billed for: no period begins twice, no two overlap, nobody pays with
-- another customer's method.

CREATE EXTENSION IF NOT EXISTS btree_gist;

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
    -- seats that came without proration: nothing was billed for them in this period, and nothing is given back
    free_seats      bigint NOT NULL DEFAULT 0,
    discounts       jsonb NOT NULL DEFAULT '[]',
    tax             jsonb,

    -- how it is paid, and what happens without
    method_id       uuid,
    without_method  text NOT NULL CHECK (without_method IN ('pause', 'cancel')),
    on_dispute      text NOT NULL DEFAULT 'keep',

    -- when: boundary n is counted from here, never from the boundary before
    anchor_date     date NOT NULL,
    anchor_index    bigint NOT NULL DEFAULT 0,
    zone            text NOT NULL,
    next_period_index bigint NOT NULL,
    change_seq      bigint NOT NULL DEFAULT 0,
    trial_ends_at   timestamptz,

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
    CONSTRAINT subscriptions_method_is_the_customers
        FOREIGN KEY (customer_id, method_id) REFERENCES customer_payment_methods (customer_id, id),
    CONSTRAINT subscriptions_on_dispute_is_known CHECK (on_dispute IN ('keep', 'cancel')),
    CONSTRAINT subscriptions_go_on_from_their_anchor CHECK (next_period_index >= anchor_index)
);
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
    ends_at         timestamptz NOT NULL,
    PRIMARY KEY (subscription_id, period_index),
    CONSTRAINT subscription_periods_end_after_their_start CHECK (ends_at >= starts_at),
    CONSTRAINT subscription_periods_never_overlap
        EXCLUDE USING gist (subscription_id WITH =, tstzrange(starts_at, ends_at) WITH &&)
);
