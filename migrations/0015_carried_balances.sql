-- What a gateway cannot charge of an invoice is carried forward: the balance pays it, and is below zero until a
-- later invoice asks for it. On that invoice, `from_balance` is below zero.
ALTER TABLE customer_balances DROP CONSTRAINT customer_balances_amount_check;
ALTER TABLE invoices DROP CONSTRAINT invoices_from_balance_check;
