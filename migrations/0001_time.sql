-- Time is the database's, so that hosts whose clocks differ agree on what is due and a lease is
-- compared where it is stored. Outside production an operator may move it ahead, to live through a
-- year of subscriptions in seconds; in production `ahead` stays zero.

CREATE TABLE test_clock (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    ahead    interval NOT NULL DEFAULT '0'
);
INSERT INTO test_clock DEFAULT VALUES;

-- In a statement over many rows write `(SELECT remit_now())`: it is then evaluated once.
CREATE FUNCTION remit_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT now() + (SELECT ahead FROM test_clock) $$;
