-- What `./dev bench --renewals` begins with: :subscriptions of 20 merchants, a month old and paid for, whose
-- next period has begun this midnight. One transaction: they all become due at its commit.
BEGIN;
INSERT INTO merchants (id, name)
SELECT gen_random_uuid(), 'renewals-' || n FROM generate_series(1, 20) n;

CREATE TEMP TABLE made ON COMMIT DROP AS
SELECT gen_random_uuid() AS subscription, gen_random_uuid() AS customer, gen_random_uuid() AS method, plan.merchant_id, plan.id AS plan
FROM generate_series(1, :subscriptions) n
JOIN (SELECT id AS merchant_id, gen_random_uuid() AS id, row_number() OVER () - 1 AS place
      FROM merchants WHERE name LIKE 'renewals-%') plan ON plan.place = n % 20;

INSERT INTO plans (id, merchant_id, name, unit_amount, currency, interval_unit, interval_count)
SELECT DISTINCT plan, merchant_id, 'Basic', 19.99, 'USD', 'month', 1 FROM made;

INSERT INTO customers (id, merchant_id) SELECT customer, merchant_id FROM made;

INSERT INTO customer_payment_methods (id, merchant_id, customer_id, type, token, saved)
SELECT method, merchant_id, customer, 'card', 'pm_card_visa', '{"customer_ref": "cus_bench", "method_ref": "pm_bench"}'
FROM made;

INSERT INTO subscriptions (id, merchant_id, customer_id, idempotency_key, request_hash, plan_id, name, unit_amount,
    currency, interval_unit, interval_count, quantity, method_id, anchor_date, zone,
    next_period_index, without_method, status)
SELECT subscription, merchant_id, customer, subscription::text, sha256(''), plan, 'Basic', 19.99,
    'USD', 'month', 1, 1, method,
    (remit_now() AT TIME ZONE 'UTC')::date - interval '1 month', 'UTC', 1, 'pause', 'active'
FROM made;

INSERT INTO subscription_periods (subscription_id, period_index, from_date, to_date, starts_at, ends_at)
SELECT id, 0, anchor_date, (anchor_date + interval '1 month')::date,
    anchor_date::timestamp AT TIME ZONE 'UTC', (anchor_date + interval '1 month') AT TIME ZONE 'UTC'
FROM subscriptions WHERE next_period_index = 1;

INSERT INTO jobs (id, kind, subject_id, due_at, created_at)
SELECT gen_random_uuid(), 'renew_subscription', subscription, moment, moment
FROM made, date_trunc('day', remit_now(), 'UTC') moment;
COMMIT;
-- Not the tables that are still empty: who believes that reads them from end to end.
ANALYZE merchants, plans, customers, subscriptions, subscription_periods, jobs;
