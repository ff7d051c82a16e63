-- A deployment that has been used for a long time, made by the database alone: `fill.payments` payments in `fill.days`
-- days, and of everything that grows with them what belongs to so many. What is rare is rare here too, and one
-- merchant has half of it all: that is whom a statement without the right index hurts.
SET session_replication_role = replica;   -- no triggers, no foreign keys: the rows are right by construction
SET synchronous_commit = off;
SET maintenance_work_mem = '256MB';
SET work_mem = '128MB';

-- Nobody else looks at the tables meanwhile: an autovacuum that holds a snapshot would keep our own from marking their
-- pages as visible to all, and plans would depend on it.
DO $$
DECLARE
    every regclass;
BEGIN
    FOR every IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
        EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', every);
    END LOOP;
END $$;

-- The id that the n-th thing of a kind has: in the order of time, as ours are. `salt` tells kinds apart.
CREATE FUNCTION pg_temp.nth(salt text, n bigint, at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$ SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(hash, 1, 3)
           || '8' || substr(hash, 4, 15))::uuid
   FROM (SELECT md5(salt || n) AS hash OFFSET 0) hashed $$;

CREATE TEMP TABLE size AS
    SELECT current_setting('fill.payments')::bigint AS payments, current_setting('fill.days')::integer AS days,
        now() - (current_setting('fill.days')::integer + 1) * interval '1 day' AS opened;
CREATE TEMP TABLE shops AS
    SELECT n, pg_temp.nth('merchant', n, opened) AS id FROM size, generate_series(0, 19) n;
INSERT INTO merchants (id, name) SELECT id, 'shop ' || n FROM shops;

-- Every second thing is the first merchant's.
CREATE TEMP TABLE source AS
    SELECT times.n, at, pg_temp.nth('payment', times.n, at) AS id, s.id AS merchant_id,
        CASE WHEN times.n > payments - 200 THEN (ARRAY['pending', 'processing', 'requires_action'])[1 + times.n % 3]
             WHEN times.n % 10007 = 0 THEN 'needs_review' WHEN times.n % 97 = 0 THEN 'authorized'
             WHEN times.n % 31 = 0 THEN 'canceled' WHEN times.n % 13 = 0 THEN 'failed' ELSE 'succeeded' END AS status,
        CASE WHEN times.n % 4 = 0 THEN 'paypal' ELSE 'stripe' END AS gateway
    FROM (SELECT n, payments, now() - days * interval '1 day' * ((payments - n)::double precision / payments) AS at
          FROM size, generate_series(1, payments) n) times
    JOIN shops s ON s.n = CASE WHEN times.n % 2 = 0 THEN 0 ELSE times.n % 20 END;

INSERT INTO payments (id, merchant_id, idempotency_key, request_hash, amount, currency, capture, method_type,
    method_token, gateway, order_id, created_at, status, amount_captured, failure_code, review_reason, updated_at,
    settled_at, gateway_ref, charge_ref, calls_begun, first_call_at, last_call_at)
SELECT id, merchant_id, 'key-' || n, decode(md5(n::text) || md5(n::text), 'hex'), 49.90, 'EUR', 'automatic', 'card',
    'pm_card_visa', gateway, CASE WHEN n % 2 = 0 THEN 'order-' || n / 3 END, at, status,
    CASE status WHEN 'succeeded' THEN 49.90 ELSE 0 END, CASE status WHEN 'failed' THEN 'card_declined' END,
    CASE status WHEN 'needs_review' THEN 'nobody knows' END, at,
    CASE WHEN status NOT IN ('pending', 'processing', 'requires_action') THEN at + interval '1 s' END,
    'pi_' || n, 'ch_' || n, 1, at, at FROM source;

INSERT INTO gateway_calls (payment_id, job_id, attempt, operation, outcome, duration_ms, at)
SELECT id, pg_temp.nth('job', n, at), 1, 'charge', 'succeeded', 120, at FROM source;
INSERT INTO events (subject_id, sequence, merchant_id, position, type, data, created_at)
SELECT id, 1, merchant_id, n, 'payment.' || status, '{"status": "told"}', at FROM source;
INSERT INTO gateway_events (id, gateway, event_id, kind, about, verified, received_at, handled_at)
SELECT pg_temp.nth('received', n, at), gateway, 'evt_' || n, 'charge', '{}', n % 5000 <> 0, at,
    CASE WHEN n % 5000 <> 0 THEN at END FROM source WHERE n % 2 = 0;
INSERT INTO ledger_entries (subject_id, kind, account, merchant_id, gateway, currency, amount, created_at)
SELECT id, kind, account, merchant_id, gateway, 'EUR', side.amount, at
FROM source, (VALUES ('payment.captured', 'gateway_clearing', 49.90), ('payment.captured', 'sales', -49.90),
                     ('payment.fee', 'fees', 1.20), ('payment.fee', 'gateway_clearing', -1.20))
              AS side (kind, account, amount)
-- Of one in a thousand the fee is told late; of another it is not what the gateway says.
WHERE status = 'succeeded' AND NOT (kind = 'payment.fee' AND n % 1000 = 7);
UPDATE ledger_entries e SET amount = amount * 1.1 FROM source s
WHERE s.n % 1000 = 9 AND e.subject_id = s.id AND e.kind = 'payment.fee';

-- One payment in twenty is given back, one in twenty disputed: more than would be, so that even a small
-- database has enough of them for a plan to matter.
INSERT INTO refunds (id, merchant_id, payment_id, origin, idempotency_key, request_hash, amount, currency, created_at,
    status, failure_code, review_reason, updated_at, settled_at, gateway, gateway_ref, calls_begun, first_call_at,
    last_call_at)
SELECT pg_temp.nth('refund', n, at), merchant_id, id, origin, CASE origin WHEN 'api' THEN 'refund-' || n END,
    CASE origin WHEN 'api' THEN decode(md5(n::text) || md5(n::text), 'hex') END,
    10, 'EUR', at, now_is, CASE now_is WHEN 'failed' THEN 'expired_or_canceled_card' END,
    CASE now_is WHEN 'needs_review' THEN 'nobody knows' END, at, at, gateway, 're_' || n, 1, at, at
FROM (SELECT *, CASE WHEN n % 400 = 20 THEN 'gateway' ELSE 'api' END AS origin,
          CASE WHEN n % 20020 = 0 THEN 'needs_review' WHEN n % 200 = 0 THEN 'failed' ELSE 'succeeded' END AS now_is
      FROM source WHERE status = 'succeeded' AND n % 20 = 0) given;
INSERT INTO ledger_entries (subject_id, kind, account, merchant_id, gateway, currency, amount, created_at)
SELECT pg_temp.nth('refund', n, at), 'refund.succeeded', account, merchant_id, gateway, 'EUR', side.amount, at
FROM source, (VALUES ('refunds', 10), ('gateway_clearing', -10)) AS side (account, amount)
WHERE status = 'succeeded' AND n % 20 = 0;
INSERT INTO disputes (id, merchant_id, payment_id, gateway, dispute_ref, amount, currency, status, funds_withdrawn, created_at)
SELECT pg_temp.nth('dispute', n, at), merchant_id, id, gateway, 'dp_' || n, 49.90, 'EUR', 'lost', true, at
FROM source WHERE status = 'succeeded' AND n % 20 = 1;

-- One customer in ten payments, each with a method and a subscription whose renewal is far away.
CREATE TEMP TABLE people AS
    SELECT n, at, merchant_id, pg_temp.nth('customer', n, at) AS id, pg_temp.nth('method', n, at) AS method_id,
        pg_temp.nth('subscription', n, at) AS subscription_id, pg_temp.nth('plan', n % 500, opened) AS plan_id,
        CASE WHEN n % 1000 = 0 THEN 'past_due' WHEN n % 5000 = 10 THEN 'incomplete' WHEN n % 30 = 0 THEN 'canceled'
             ELSE 'active' END AS status
    FROM size, source WHERE n % 10 = 0;
INSERT INTO plans (id, merchant_id, name, unit_amount, currency, interval_unit, interval_count, inline, archived)
SELECT pg_temp.nth('plan', p.n, opened), s.id, 'plan ' || p.n, 9.90, 'EUR', 'month', 1, p.n % 10 <> 0, p.n % 10 <> 0
FROM size, generate_series(0, greatest(500, payments / 100)) p (n) JOIN shops s ON s.n = p.n % 20;
INSERT INTO customers (id, merchant_id, email, created_at, default_method_id)
SELECT id, merchant_id, 'customer-' || n || '@example.com', at, method_id FROM people;
INSERT INTO idempotency_keys (merchant_id, subject, idempotency_key, request_hash, subject_id)
    SELECT merchant_id, 'customer', id::text, sha256(id::text::bytea), id FROM customers;
INSERT INTO customer_payment_methods (id, merchant_id, customer_id, type, token, created_at)
SELECT method_id, merchant_id, id, 'card', 'pm_' || n, at FROM people;
INSERT INTO customer_refs (customer_id, gateway, customer_ref) SELECT id, 'stripe', 'cus_' || n FROM people;
INSERT INTO customer_balances (customer_id, currency, amount) SELECT id, 'EUR', n % 3 FROM people;
INSERT INTO subscriptions (id, merchant_id, customer_id, idempotency_key, request_hash, created_at, plan_id, name,
    unit_amount, currency, interval_unit, interval_count, quantity, anchor_date, zone, next_period_index, without_method,
    status, method_id, missed_renewals)
SELECT subscription_id, merchant_id, id, 'sub-' || n, decode(md5(n::text) || md5(n::text), 'hex'), at, plan_id, 'Basic',
    9.90, 'EUR', 'month', 1, 1, at::date, 'UTC', 3, 'pause', status, method_id, CASE WHEN n % 20000 = 0 THEN 7 END
FROM people;
INSERT INTO subscription_periods (subscription_id, period_index, from_date, to_date, starts_at, ends_at)
SELECT subscription_id, i, (at + i * interval '30 days')::date, (at + (i + 1) * interval '30 days')::date,
    at + i * interval '30 days', at + (i + 1) * interval '30 days' FROM people, generate_series(0, 2) i;
INSERT INTO invoices (id, merchant_id, customer_id, subscription_id, period_index, number, currency, status, lines,
    total, amount_paid, dunning, created_at, opened_at, ended_at, first_declined_at)
SELECT pg_temp.nth('invoice', n * 3 + i, at), merchant_id, id, subscription_id, i, 'INV-' || n * 3 + i, 'EUR',
    CASE WHEN n % 1000 = 0 AND i = 2 THEN 'open' ELSE 'paid' END, '[]', 9.90, CASE WHEN n % 1000 = 0 AND i = 2 THEN 0 ELSE 9.90 END,
    '{}', at, at, CASE WHEN n % 1000 = 0 AND i = 2 THEN NULL ELSE at END, CASE WHEN n % 100 = 0 THEN at END
FROM people, generate_series(0, 2) i;
INSERT INTO credit_notes (invoice_id, change_seq, number, lines, total, created_at)
SELECT pg_temp.nth('invoice', n * 3 + i, at), 1, 'INV-' || n * 3 + i || '-C1', '[]', 1.00, at
FROM people, generate_series(0, 1) i;
INSERT INTO invoice_payments (invoice_id, attempt_no, payment_id, reason, open)
SELECT pg_temp.nth('invoice', n * 3, at), 1, pg_temp.nth('payment', n, at), 'schedule', n % 500 = 0 FROM people;
INSERT INTO events (subject_id, sequence, merchant_id, position, type, data, created_at)
SELECT subscription_id, 1, merchant_id, n, 'subscription.' || status,
    jsonb_build_object('status', status, 'quantity', 1, 'plan', 'plan_' || replace(plan_id::text, '-', '')), at FROM people;

-- Every shop is told of its payments; one delivery in fifty was given up, and a hundred are on their way.
INSERT INTO webhook_endpoints (id, merchant_id, url, payload, delivery_order, secret)
SELECT pg_temp.nth('endpoint', n, opened), id, 'https://shop-' || n || '.example/', 'full', 'per_object', 'v1.k.x' FROM size, shops;
INSERT INTO webhook_deliveries (id, endpoint_id, merchant_id, subject_id, sequence, type, status, body, attempts,
    next_attempt_at, created_at, updated_at)
SELECT pg_temp.nth('delivery', source.n, at), pg_temp.nth('endpoint', shops.n, opened), merchant_id, source.id, 1,
    'payment.' || status, CASE WHEN source.n > payments - 100 THEN 'pending' WHEN source.n % 50 = 0 THEN 'failed'
    WHEN source.n % 50 = 1 THEN 'skipped' ELSE 'delivered' END, '{}', 1,
    CASE WHEN source.n > payments - 100 THEN at END, at, at
FROM size, source JOIN shops ON shops.id = merchant_id;
INSERT INTO webhook_attempts (delivery_id, number, status, duration_ms, at)
SELECT pg_temp.nth('delivery', n, at), 1, 200, 40, at FROM source;
INSERT INTO jobs (id, kind, subject_id, flow_id, due_at, created_at)
SELECT pg_temp.nth('telling', source.n, at), 'deliver_webhook', pg_temp.nth('delivery', source.n, at),
    pg_temp.nth('endpoint', shops.n, opened), now() + interval '10 s', at
FROM size, source JOIN shops ON shops.id = merchant_id WHERE source.n > payments - 100;

-- The work: renewals of a month to come, what is under way now, a hundred that nobody could do.
INSERT INTO jobs (id, kind, subject_id, due_at, created_at)
SELECT pg_temp.nth('renewal', n, at), 'renew_subscription', subscription_id, now() + interval '30 days' * (n % 1000) / 1000 + interval '1 day', at
FROM people WHERE status IN ('active', 'past_due', 'incomplete');
INSERT INTO jobs (id, kind, subject_id, flow_id, held, due_at, created_at, state, attempt)
SELECT pg_temp.nth('job', n, at), 'charge_payment', id, merchant_id, n % 4 = 1,
    now() + CASE WHEN n % 4 = 1 THEN interval '1 hour' ELSE interval '10 s' END, at,
    CASE WHEN n % 2 = 0 THEN 'running' ELSE 'queued' END, 1
FROM source WHERE status IN ('pending', 'processing', 'requires_action');
INSERT INTO jobs (id, kind, subject_id, state, created_at)
SELECT pg_temp.nth('dead', n, now()), 'handle_event', pg_temp.nth('received', n, now()), 'dead', now() FROM generate_series(1, 100) n;

-- A comparison of each gateway and day; the last is under way, and has what we have, but for a few lines.
INSERT INTO reconciliations (id, gateway, from_at, to_at, state, lines, finished_at, created_at)
SELECT pg_temp.nth('reconciliation-' || gateway, day, now() - day * interval '1 day'), gateway,
    now() - (day + 3) * interval '1 day', now() - day * interval '1 day', CASE day WHEN 0 THEN 'reading' ELSE 'done' END,
    1000, CASE day WHEN 0 THEN NULL ELSE now() END, now() - day * interval '1 day'
FROM size, generate_series(0, greatest(days, 90)) day, (VALUES ('stripe'), ('paypal')) AS g (gateway);
INSERT INTO reconciliation_findings (reconciliation_id, kind, reference, gateway_ref, detail, remedy)
SELECT r.id, 'unknown_here', NULL, 'ch_' || n, 'a charge that is none of ours', 'needs_review'
FROM size, reconciliations r, generate_series(1, 1 + (payments / 5000)::int) n WHERE state = 'done';
INSERT INTO reconciliation_lines (reconciliation_id, reference, gateway_ref, movement, amount, currency, fee, fee_currency)
SELECT r.id, 'pay_' || replace(s.id::text, '-', ''), 'ch_' || s.n, 'charge', 49.90, 'EUR', 1.20, 'EUR'
FROM source s JOIN reconciliations r ON r.gateway = s.gateway AND r.state = 'reading'
WHERE s.status = 'succeeded' AND s.at >= r.from_at
UNION ALL
SELECT r.id, CASE f.origin WHEN 'api' THEN 're_' || replace(f.id::text, '-', '') END, f.gateway_ref, 'refund', f.amount, 'EUR', NULL, NULL
FROM refunds f JOIN payments p ON p.id = f.payment_id
JOIN reconciliations r ON r.gateway = p.gateway AND r.state = 'reading'
WHERE f.status = 'succeeded' AND f.created_at >= r.from_at
UNION ALL
SELECT r.id, 'pay_' || replace(d.payment_id::text, '-', ''), d.dispute_ref, 'dispute', 49.90, 'EUR', 15, 'EUR'
FROM disputes d JOIN reconciliations r ON r.gateway = d.gateway AND r.state = 'reading'
WHERE d.created_at >= r.from_at
UNION ALL
SELECT r.id, CASE WHEN n % 2 = 0 THEN 'somebody else''s' END, 'txn_foreign_' || n, 'charge', 5, 'EUR', 0.10, 'EUR'
FROM reconciliations r, generate_series(1, 50) n WHERE state = 'reading';

DROP TABLE people, source, shops, size;
SET session_replication_role = origin;
