-- The books: double entry, written in the transaction of the change that they record.
--
-- A ledger transaction is the entries that share a subject (payment, refund, dispute or duplicate) and a kind
-- ('payment.captured'): so nothing can be posted twice, by the primary key. Positive amounts are debits, negative ones
-- credits. Accounts are per merchant and currency:
--
--   gateway_clearing   what the gateway owes us
--   sales              what was taken from payers          (credit)
--   refunds            what was given back to them
--   fees               what the gateway keeps
--   disputes           what payers' banks took back
--   duplicates         what was moved twice: nobody's here, until it is given back
--
-- Nothing is ever changed here: what turns out wrong is reversed by new entries.

CREATE TABLE ledger_entries (
    subject_id  uuid NOT NULL,
    kind        text NOT NULL,
    account     text NOT NULL,
    merchant_id uuid NOT NULL,
    gateway     text NOT NULL,
    currency    text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount      numeric(19, 4) NOT NULL CHECK (amount <> 0),
    created_at  timestamptz NOT NULL DEFAULT remit_now(),
    PRIMARY KEY (subject_id, kind, account),
    CONSTRAINT ledger_entries_account_is_known CHECK (account IN (
        'gateway_clearing', 'sales', 'refunds', 'fees', 'disputes', 'duplicates'))
);

-- Every statement that adds entries adds whole transactions: their sum is zero, per currency. Checked once for the
-- statement, at once; a constraint deferred to the commit would be asked for every row.
CREATE FUNCTION ledger_is_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT subject_id, kind, currency, sum(amount) AS off INTO wrong
    FROM added GROUP BY subject_id, kind, currency HAVING sum(amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'ledger transaction % of % is off by % %', wrong.kind, wrong.subject_id, wrong.off, wrong.currency
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_is_balanced';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_is_balanced AFTER INSERT ON ledger_entries
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_balanced();

CREATE FUNCTION ledger_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ledger entries are never changed: reverse them with new ones'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ledger_is_immutable';
END $$;
CREATE TRIGGER ledger_is_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_immutable();
