-- The rules of 0032 and 0034 hold for the rows that are older: they have their keys and defaults, no payment gave back
-- more than it took, and nothing had credit notes.
ALTER TABLE refunds VALIDATE CONSTRAINT refunds_origin_is_known;
ALTER TABLE refunds VALIDATE CONSTRAINT refunds_asked_for_have_a_key;
ALTER TABLE refunds VALIDATE CONSTRAINT refunds_told_have_a_name;
ALTER TABLE payments VALIDATE CONSTRAINT payments_refunded_within_capture;
ALTER TABLE merchants VALIDATE CONSTRAINT merchants_on_dispute_is_known;
ALTER TABLE subscriptions VALIDATE CONSTRAINT subscriptions_on_dispute_is_known;
ALTER TABLE invoices VALIDATE CONSTRAINT invoices_settled_once;
