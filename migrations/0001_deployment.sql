-- The data model, a file for each noun. How to read it:
--
-- `common/src/…/state` decides what becomes of a row, and its `store` writes it. What must never happen is made
-- impossible here, whatever the code does: a constraint that says so is named for what it says. One that bounds a
-- single column has PostgreSQL's own name (`payments_amount_check`, `payments_pkey`).
--
-- Ids are UUIDv7, so they are in the order of their birth. An amount is in the currency beside it. Time is
-- `remit_now()`, below.
--
-- Locks are taken in one order: customer, payment method, payment, refund, subscription, invoice, the customer's
-- balance, the merchant's invoice counter; several of a kind in the order of their ids. The lock of a payment stands for
-- those of its refunds and disputes, whose rows may not be there yet.
--
-- No foreign key points at merchants from where much is inserted: each insert would lock its merchant's row, and a busy
-- merchant's payments would wait for each other. Whoever writes has just read the key that names the merchant.
--
-- From here on the schema only grows, by new files: docs/adr/0027-expand-then-contract.md.

-- Which programs can work with this schema. Migrations expand: what runs goes on beside them. One that takes something
-- away writes here which migration a program must know at least, to need it no more; programs look when they start.
CREATE TABLE schema_contractions (
    version bigint PRIMARY KEY,
    needs   bigint NOT NULL,
    CONSTRAINT schema_contractions_need_what_there_is CHECK (needs <= version)
);

-- Time is the database's, so that hosts whose clocks differ agree on what is due, and a lease is compared where it is
-- stored. Outside production an operator may move it ahead, to live through a year of subscriptions in seconds; in
-- production `ahead` stays zero. While somebody moves it, an advisory lock is held (`common/src/db/clock.rs`).
CREATE TABLE test_clock (
    only_row     boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    ahead        interval NOT NULL DEFAULT '0',
    -- where it is to come to, and why it came no further
    target       timestamptz,
    stopped_code text,
    stopped_why  text
);
INSERT INTO test_clock DEFAULT VALUES;

-- In a statement over many rows write `(SELECT remit_now())`: it is then evaluated once.
CREATE FUNCTION remit_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT now() + (SELECT ahead FROM test_clock) $$;
