//! Statements that are planned for the values that they are sent with, and values that are hard on them: filters that
//! are left out, that pass almost nothing, and that pass almost all.

/// Words of a statement, and the values it is tried with. `{…}` is the id of one that the largest merchant has.
type Tried = (&'static str, &'static [&'static str]);

/// Everything whose filters may be left out (`… IS NULL OR …`), and what is bounded by a moment.
const TRIED: [Tried; 18] = [
    (
        "WITH told AS (INSERT INTO events",
        &[
            "ARRAY['{merchant}']::uuid[], ARRAY['{payment}']::uuid[], ARRAY['payment.failed'], ARRAY['{}']::jsonb[], now()",
        ],
    ),
    (
        "CASE WHEN ($8::text[] IS NULL OR type = ANY($8))",
        &[
            "'{merchant}', 0, '{payment}', 0, 9000000000, '{payment}', 0, NULL, NULL, NULL, 101",
            "'{merchant}', 70000, '{payment}', 0, 9000000000, '{payment}', 0, '{payment.failed}', NULL, now(), 1000",
        ],
    ),
    (
        "CASE WHEN ($9::text[] IS NULL OR type = ANY($9))",
        &["'{payment}', '{merchant}', 0, '{payment}', 0, 9000000000, '{payment}', 0, NULL, NULL, NULL"],
    ),
    (
        "AND ($3::text IS NULL OR order_id = $3) AND ($4::uuid",
        &[
            "'{merchant}', NULL, NULL, NULL, 101",
            "'{merchant}', 'needs_review', NULL, NULL, 101",
            "'{merchant}', 'processing', NULL, NULL, 101",
            "'{merchant}', 'succeeded', NULL, NULL, 101",
            "'{merchant}', 'failed', NULL, '{payment}', 101",
            "'{merchant}', NULL, 'order-10', NULL, 101",
            "'{merchant}', 'failed', 'order-10', NULL, 101",
        ],
    ),
    (
        "AND ($3::text IS NULL OR order_id = $3) AND id > $4",
        &[
            "'{merchant}', NULL, NULL, '{payment}', 101",
            "'{merchant}', 'needs_review', NULL, '{payment}', 101",
            "'{merchant}', NULL, 'order-10', '{payment}', 101",
        ],
    ),
    (
        "FROM refunds WHERE merchant_id = $1 AND ($2::uuid",
        &[
            "'{merchant}', NULL, NULL, NULL, NULL, 101",
            "'{merchant}', NULL, NULL, NULL, '{payment}', 101",
            "'{merchant}', NULL, 'needs_review', NULL, NULL, 101",
            "'{merchant}', NULL, 'succeeded', '{payment}', NULL, 101",
            "'{merchant}', '{payment}', NULL, NULL, NULL, 101",
            "'{merchant}', '{payment}', 'failed', NULL, NULL, 101",
        ],
    ),
    (
        "FROM customers WHERE merchant_id = $1 AND ($2::text",
        &[
            "'{merchant}', NULL, NULL, NULL, 101",
            "'{merchant}', NULL, NULL, '{customer}', 101",
            "'{merchant}', 'nobody@example.com', NULL, NULL, 101",
        ],
    ),
    (
        "FROM unnest($2::text[]) AS wanted (status)",
        &[
            "'{merchant}', '{active,trialing,past_due}', NULL, NULL, NULL, NULL, 101",
            "'{merchant}', '{unpaid}', NULL, NULL, NULL, '{subscription}', 101",
            "'{merchant}', '{active}', '{customer}', NULL, NULL, NULL, 101",
            "'{merchant}', '{incomplete}', NULL, '{plan}', NULL, NULL, 101",
        ],
    ),
    (
        "FROM invoices WHERE merchant_id = $1 AND ($2::text",
        &[
            "'{merchant}', NULL, NULL, NULL, NULL, NULL, 101",
            "'{merchant}', 'open', NULL, NULL, NULL, NULL, 101",
            "'{merchant}', 'paid', NULL, NULL, NULL, '{invoice}', 101",
            "'{merchant}', NULL, '{subscription}', NULL, NULL, NULL, 101",
            "'{merchant}', 'uncollectible', NULL, '{customer}', NULL, NULL, 101",
        ],
    ),
    (
        "FROM plans WHERE merchant_id = $1 AND NOT inline",
        &["'{merchant}', NULL, NULL, NULL, 101", "'{merchant}', true, NULL, '{plan}', 101"],
    ),
    (
        "FROM invoices\n           WHERE merchant_id = $1 AND first_declined_at",
        &["'{merchant}', now() - interval '30 days', now()"],
    ),
    ("FROM ledger_entries WHERE subject_id >= remit_first_id($1)", &["now() - interval '1 hour'"]),
    ("FROM ledger_entries\n           WHERE $1::uuid IS NULL OR", &["NULL", "'{merchant}'"]),
    (
        "FROM jobs\n         WHERE ($1::text IS NULL OR state = $1 AND NOT held",
        &["NULL, NULL, 50", "'dead', NULL, 50", "'held', NULL, 50", "NULL, 'charge_payment', 50"],
    ),
    ("FROM jobs WHERE due_at <= $1 OR due_at IS NULL OR held", &["now() + interval '15 minutes'"]),
    (
        "WHERE due_at <= $1 AND (lapses",
        &["now() + interval '15 minutes', 3, 400, ARRAY['resolve_payment', 'resolve_refund']"],
    ),
    (
        "FROM webhook_deliveries WHERE endpoint_id = $1 AND merchant_id = $2 AND ($3::text",
        &[
            "'{endpoint}', '{merchant}', NULL, NULL, NULL, 101",
            "'{endpoint}', '{merchant}', 'failed', NULL, NULL, 101",
            "'{endpoint}', '{merchant}', 'pending', NULL, NULL, 101",
            "'{endpoint}', '{merchant}', NULL, '{delivery}', NULL, 101",
            "'{endpoint}', '{merchant}', 'delivered', NULL, '{delivery}', 101",
        ],
    ),
    ("WHERE due_at <= $1 AND flow_id IS NOT NULL AND NOT held", &["now() + interval '15 minutes'"]),
];

/// What a statement is tried with; `None` for one whose plan is the same for all values.
pub fn tried(statement: &str) -> Option<&'static [&'static str]> {
    let mut found = TRIED.iter().filter(|(words, _)| statement.contains(words));
    let values = found.next().map(|(_, values)| *values);
    assert!(found.next().is_none(), "two entries for {statement}");
    values
}
