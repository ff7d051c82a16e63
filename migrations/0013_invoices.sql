-- There is a new payment method, or somebody asked for an attempt, and none was made since that reached anybody:
-- a payment had no outcome yet, or the gateway could not be reached. It is made as soon as it can be.
ALTER TABLE invoices ADD COLUMN attempt_asked boolean NOT NULL DEFAULT false;
