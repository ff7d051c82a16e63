-- A retry schedule has steps: how many were used up, and whether an attempt is one of them.
ALTER TABLE invoices RENAME COLUMN rungs_used TO retries_used;
ALTER TABLE invoice_payments DROP CONSTRAINT invoice_payments_reason_check;
UPDATE invoice_payments SET reason = 'schedule' WHERE reason = 'ladder';
ALTER TABLE invoice_payments ADD CONSTRAINT invoice_payments_reason_check CHECK (reason IN ('schedule', 'asked'));
-- How often a job was snoozed.
ALTER TABLE jobs RENAME COLUMN put_off TO snoozes;
-- A dispute has a status, as the API calls it, and its funds were withdrawn, or not.
ALTER TABLE disputes RENAME COLUMN standing TO status;
ALTER TABLE disputes RENAME CONSTRAINT disputes_standing_check TO disputes_status_check;
ALTER TABLE disputes RENAME COLUMN withdrawn TO funds_withdrawn;
