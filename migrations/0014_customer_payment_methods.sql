-- How customers pay without being present. What one subscription has saved at the gateway, all of the same customer
-- are paid by.
CREATE TABLE customer_payment_methods (
    id          uuid PRIMARY KEY,
    merchant_id uuid NOT NULL,
    customer_id uuid NOT NULL REFERENCES customers,
    -- it chooses the gateway
    type        text NOT NULL,
    -- the gateway's token for it
    token       text NOT NULL,
    -- the gateway's own name for it, once it was saved there: by its first payment
    saved       jsonb,
    created_at  timestamptz NOT NULL DEFAULT remit_now(),

    CONSTRAINT customer_payment_methods_once UNIQUE (customer_id, type, token),
    -- whoever refers to one says whose it is: nobody is paid for by another customer
    CONSTRAINT customer_payment_methods_of_customer UNIQUE (customer_id, id)
);

-- Those that subscriptions have brought. Each is named for the first subscription that did: that id is nobody else's
-- here.
INSERT INTO customer_payment_methods (id, merchant_id, customer_id, type, token, saved, created_at)
SELECT (array_agg(id ORDER BY id))[1], merchant_id, customer_id, method_type, method_token,
    (array_agg(method_saved ORDER BY id) FILTER (WHERE method_saved IS NOT NULL))[1], min(created_at)
FROM subscriptions WHERE method_type IS NOT NULL
GROUP BY merchant_id, customer_id, method_type, method_token;

ALTER TABLE subscriptions ADD COLUMN method_id uuid;
UPDATE subscriptions s SET method_id = m.id FROM customer_payment_methods m
WHERE (m.customer_id, m.type, m.token) = (s.customer_id, s.method_type, s.method_token);
ALTER TABLE subscriptions
    ADD CONSTRAINT subscriptions_method_is_the_customers
        FOREIGN KEY (customer_id, method_id) REFERENCES customer_payment_methods (customer_id, id),
    DROP CONSTRAINT subscriptions_method_is_whole,
    DROP COLUMN method_type,
    DROP COLUMN method_token,
    DROP COLUMN method_saved;

-- What a new subscription is paid by that names nothing else. Until now: what the last one is paid by that has not
-- ended.
ALTER TABLE customers ADD COLUMN default_method_id uuid;
UPDATE customers c SET default_method_id = last.method_id
FROM (SELECT DISTINCT ON (customer_id) customer_id, method_id FROM subscriptions
      WHERE method_id IS NOT NULL AND status NOT IN ('incomplete_expired', 'canceled')
      ORDER BY customer_id, id DESC) last
WHERE c.id = last.customer_id;
ALTER TABLE customers
    ADD CONSTRAINT customers_default_method_is_theirs
        FOREIGN KEY (id, default_method_id) REFERENCES customer_payment_methods (customer_id, id);
