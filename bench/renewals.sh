# shellcheck shell=bash
# Measures renewals: many subscriptions that are due at the same instant. One scheduler emits them; then two
# schedulers and a worker bill and charge them, and the database is asked whether any was billed twice. Sourced by ./dev.

declare -A renewals=()

bench_renewals() { # HOW_MANY
  local from n=$1
  halt bench-worker
  halt bench-scheduler
  step "made $n subscriptions, due at once" \
    psql -q -v ON_ERROR_STOP=1 -v subscriptions="$n" -f bench/renewals.sql "$bench_db"
  from=${EPOCHREALTIME/[.,]/}
  step "emitted by one scheduler" bench_emit
  renewals[emitted]=$(per_second "$n" "$from")
  from=${EPOCHREALTIME/[.,]/}
  bench_start_scheduler bench-scheduler 2
  bench_start_scheduler bench-scheduler-2 4
  bench_start_worker
  step "paid meanwhile, one at a time" bench_meanwhile
  step "billed with two schedulers" bench_until bench-worker 0.5 "select count(*) = $n from subscriptions where next_period_index = 2"
  renewals[billed]=$(per_second "$n" "$from")
  step "charged" bench_until bench-worker 0.5 "select count(*) = $n from invoices where status = 'paid'"
  renewals[charged]=$(per_second "$n" "$from")
  halt bench-scheduler-2
  renewals[twice]=$(bench_ask "
    select (select count(*) from invoices) - $n + (select count(*) from invoice_payments) - $n
         + (select count(*) from gateway_calls c join payments p on p.id = c.payment_id where p.invoice_id is not null) - $n")
}

# per_second HOW_MANY SINCE: SINCE as EPOCHREALTIME has it, without its point.
per_second() { printf '%d\n' $(( $1 * 1000000 / (${EPOCHREALTIME/[.,]/} - $2) )); }

# bench_until NAME SECONDS QUESTION: asks every so many seconds, because the question itself costs, until the answer
# is yes; NAME is who works on it.
bench_until() {
  local until=$(( SECONDS + 900 ))
  until [[ $(bench_ask "$3") == t ]]; do
    (( SECONDS < until )) || fail "it does not come to an end: $3" "$1"
    sleep "$2"
  done
}

# Emitted is what the broker has confirmed: a scheduler that ends waits for that.
bench_emit() {
  bench_start_scheduler bench-scheduler 2
  bench_until bench-scheduler 0.1 "select not exists (select from jobs where kind = 'renew_subscription' and emits = 0)"
  halt bench-scheduler
}

# What somebody waits for, while the renewals are billed and charged.
bench_meanwhile() {
  local line
  line=$(bench_load 1 5 'wait=10')
  renewals[wait_p50]=$(value p50_ms "$line") renewals[wait_p99]=$(value p99_ms "$line")
}

bench_report_renewals() {
  say "" "$1 subscriptions due at once:"
  row 'emitted per second, one scheduler' "${renewals[emitted]}"
  row 'billed per second, two schedulers' "${renewals[billed]}"
  row '  and charged, per second' "${renewals[charged]}"
  row 'billed or charged twice' "${renewals[twice]}"
  row 'a payment meanwhile (Prefer: wait), p50 ms' "${renewals[wait_p50]}"
  row '  p99 ms' "${renewals[wait_p99]}"
}
