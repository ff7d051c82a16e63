-- no-transaction
-- One refund of the gateway's is one row here, however often and by whomever it is told.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS refunds_once ON refunds (gateway, gateway_ref)
    WHERE gateway_ref IS NOT NULL;
