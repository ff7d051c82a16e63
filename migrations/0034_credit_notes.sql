-- What is given back is money that came in (docs/adr/0038): what was billed and never paid makes its own invoice
-- smaller, by a credit note on it. At most one for each change.
CREATE TABLE credit_notes (
    invoice_id uuid NOT NULL REFERENCES invoices,
    change_seq bigint NOT NULL,
    number     text NOT NULL,
    lines      jsonb NOT NULL,
    total      numeric(19, 4) NOT NULL CHECK (total > 0),
    created_at timestamptz NOT NULL DEFAULT remit_now(),
    PRIMARY KEY (invoice_id, change_seq)
);
-- The sum of the totals of an invoice's credit notes.
ALTER TABLE invoices ADD COLUMN amount_credited numeric(19, 4) NOT NULL DEFAULT 0;
-- What of what it gave to the balance was taken from there again, because it went back by a refund or a dispute as well.
ALTER TABLE invoices ADD COLUMN amount_reclaimed numeric(19, 4) NOT NULL DEFAULT 0;
-- What should be taken: the rest of it is, when something comes into the balance.
ALTER TABLE invoices ADD COLUMN amount_twice numeric(19, 4) NOT NULL DEFAULT 0;
ALTER TABLE invoices ADD CONSTRAINT invoices_settled_once CHECK (
    amount_credited >= 0 AND from_balance + amount_paid + amount_credited <= greatest(total, 0)) NOT VALID;

-- What people took from a balance by hand: with it, the balance is what invoices and payments say it is.
ALTER TABLE customer_balances ADD COLUMN lowered numeric(19, 4) NOT NULL DEFAULT 0;

-- From what was told of it so far: found by the customer, of whom few have a balance.
UPDATE customer_balances b SET lowered = coalesce((
    SELECT sum((data ->> 'amount')::numeric) FROM events e
    WHERE e.subject_id = b.customer_id AND e.type = 'customer.balance_lowered'
      AND e.data ->> 'currency' = b.currency), 0);

-- When a payment method was declined for good: it is asked no more, until it is replaced.
ALTER TABLE customer_payment_methods ADD COLUMN declined_at timestamptz;

-- Seats that came without proration: nothing was billed for them in this period, and nothing is given back.
ALTER TABLE subscriptions ADD COLUMN free_seats bigint NOT NULL DEFAULT 0;
