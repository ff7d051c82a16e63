-- Invoices, and how they are paid: no period and no change is billed twice, no invoice has two payments under way, none
-- is paid more than it asks for, no number has a gap.

CREATE TABLE invoices (
    id              uuid PRIMARY KEY,
    merchant_id     uuid NOT NULL,
    customer_id     uuid NOT NULL REFERENCES customers,
    subscription_id uuid NOT NULL,
    period_index    bigint NOT NULL,
    -- null: it bills the whole period; otherwise the change within it that it bills
    change_seq      bigint,
    number          text,
    status          text NOT NULL CHECK (status IN ('draft', 'open', 'paid', 'void', 'uncollectible')),

    -- what is asked for, and what has come of it
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    lines           jsonb NOT NULL,
    total           numeric(19, 4) NOT NULL,
    -- below zero: what the balance owed is asked for here
    from_balance    numeric(19, 4) NOT NULL DEFAULT 0,
    amount_paid     numeric(19, 4) NOT NULL DEFAULT 0,
    -- the sum of the totals of its credit notes
    amount_credited numeric(19, 4) NOT NULL DEFAULT 0,
    -- What of what it gave to the balance was taken from there again, because it went back by a refund or a dispute as
    -- well; and what should be taken: the rest of it is, when something comes into the balance.
    amount_reclaimed numeric(19, 4) NOT NULL DEFAULT 0,
    amount_twice    numeric(19, 4) NOT NULL DEFAULT 0,

    -- the retries: the policy of the day on which it opened, and how far they have come
    dunning         jsonb NOT NULL,
    first_declined_at timestamptz,
    retries_used    integer NOT NULL DEFAULT 0,
    retries_held    boolean NOT NULL DEFAULT false,
    next_attempt_at timestamptz,
    -- There is a new payment method, or somebody asked for an attempt, and none was made since that reached anybody: a
    -- payment had no outcome yet, or the gateway could not be reached. It is made as soon as it can be.
    attempt_asked   boolean NOT NULL DEFAULT false,

    created_at      timestamptz NOT NULL DEFAULT remit_now(),
    updated_at      timestamptz NOT NULL DEFAULT remit_now(),
    opened_at       timestamptz,
    ended_at        timestamptz,

    CONSTRAINT invoices_bill_a_period FOREIGN KEY (subscription_id, period_index) REFERENCES subscription_periods,
    CONSTRAINT invoices_number_unique UNIQUE (merchant_id, number),
    CONSTRAINT invoices_number_from_opening CHECK ((status = 'draft') = (number IS NULL)),
    CONSTRAINT invoices_paid_once CHECK (
        amount_paid >= 0 AND amount_credited >= 0
        AND from_balance + amount_paid + amount_credited <= greatest(total, 0))
);
CREATE UNIQUE INDEX invoices_one_per_period ON invoices (subscription_id, period_index)
    WHERE change_seq IS NULL AND status <> 'void';
CREATE UNIQUE INDEX invoices_one_per_change ON invoices (subscription_id, change_seq)
    WHERE change_seq IS NOT NULL AND status <> 'void';

-- What is given back is money that came in (docs/adr/0038-a-credit-is-money-that-came-in.md): what was billed and never
-- paid makes its own invoice smaller, by a credit note on it. At most one for each change.
CREATE TABLE credit_notes (
    invoice_id uuid NOT NULL REFERENCES invoices,
    change_seq bigint NOT NULL,
    number     text NOT NULL,
    lines      jsonb NOT NULL,
    total      numeric(19, 4) NOT NULL CHECK (total > 0),
    created_at timestamptz NOT NULL DEFAULT remit_now(),
    PRIMARY KEY (invoice_id, change_seq)
);

-- The last number given. Whoever takes one holds the row until the end of the transaction, and gives it back by
-- failing: so numbers have no gaps.
CREATE TABLE invoice_counters (
    merchant_id uuid PRIMARY KEY,
    last        bigint NOT NULL
);

-- The payments of an invoice, in their order. Only one of them may be without an outcome.
CREATE TABLE invoice_payments (
    invoice_id uuid NOT NULL REFERENCES invoices,
    attempt_no integer NOT NULL CHECK (attempt_no > 0),
    payment_id uuid NOT NULL REFERENCES payments,
    -- whether the retry schedule called for it, or somebody asked
    reason     text NOT NULL CHECK (reason IN ('schedule', 'asked')),
    open       boolean NOT NULL,
    PRIMARY KEY (invoice_id, attempt_no),
    CONSTRAINT invoice_payments_pay_one_invoice UNIQUE (payment_id)
);
CREATE UNIQUE INDEX invoice_payments_one_open ON invoice_payments (invoice_id) WHERE open;
