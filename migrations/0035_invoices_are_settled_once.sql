-- No invoice was settled twice before the rule was there: nothing had credit notes.
ALTER TABLE invoices VALIDATE CONSTRAINT invoices_settled_once;
