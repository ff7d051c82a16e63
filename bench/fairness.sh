# shellcheck shell=bash
# Measures fairness and overload. While one merchant has REMIT_BENCH_FLOOD payments queued, another pays one at a time: from
# its acceptance to its settlement is compared with what that takes while nobody else is there. The gateway is the sandbox,
# which takes REMIT_BENCH_GATEWAY_MS for a charge, as real ones do. Sourced by ./dev.

declare -A fair=()

bench_fairness() {
  local flood=${REMIT_BENCH_FLOOD:-50000} other
  export TOKEN=pm_sandbox_slow_before_${REMIT_BENCH_GATEWAY_MS:-100}
  bench_stop
  bench_gateway=sandbox
  step "made a database for the flood" bench_database flood
  other=$(DATABASE_URL=$bench_db target/release/remit keys create --merchant other --quiet) || fail "no API key could be made."
  bench_start
  step "measured one merchant alone" bench_fairness_idle "$other"
  halt bench-worker
  step "one merchant has $flood payments queued" bench_fairness_flood "$flood"
  bench_start_worker
  sleep 2                                          # it works as it does for the next minutes
  step "measured another beside it" bench_fairness_beside "$other"
  bench_stop
  bench_gateway=nginx
  unset TOKEN
}

bench_fairness_idle() { # KEY
  bench_key=$1 bench_load 1 2 '' >/dev/null        # as in a running system
  bench_settle
  bench_fairness_one idle "$1"
}

# One payment at a time, waited for.
bench_fairness_one() { # NAME KEY
  local since
  since=$(bench_ask 'select now()')
  bench_key=$2 bench_load 1 20 'wait=30' >/dev/null
  fair[$1]=$(bench_ask "
    select round(1000 * percentile_cont(0.50) within group (order by took)::numeric, 1) || ' ' ||
           round(1000 * percentile_cont(0.99) within group (order by took)::numeric, 1) || ' ' || count(*)
    from (select extract(epoch from settled_at - p.created_at) as took from payments p join merchants m on m.id = merchant_id
          where m.name = 'other' and p.created_at > '$since' and settled_at is not null) as timed")
}

bench_fairness_flood() { # HOW_MANY
  local until=$(( SECONDS + 300 ))
  until (( $(bench_count '') >= $1 )); do
    (( SECONDS < until )) || fail "the flood does not come." bench-api
    bench_load 64 2 '' >/dev/null
  done
}

bench_fairness_beside() { # KEY
  local before
  before=$(bench_count "where status = 'succeeded'")
  bench_fairness_one beside "$1"
  fair[settled]=$(( ($(bench_count "where status = 'succeeded'") - before) / 20 ))
  fair[left]=$(bench_count "where status <> 'succeeded'")
  (( fair[left] > 0 )) || fail "the flood was over before the end of the measurement." bench-worker
}

# Twice the load that it bears: as many again come as were accepted, each when its time comes and not when there is room.
bench_overload() {
  local line rate=$(( 2 * remit[accepted] ))
  line=$(INTERVAL_MS=$(( 1000 * 1024 / rate )) bench_load 1024 "$seconds" '')
  fair[offered]=$(value requests "$line") fair[refused]=$(value refused "$line")
  fair[accepted]=$(awk "BEGIN { printf \"%.0f\", (${fair[offered]} - ${fair[refused]}) / $(value seconds "$line") }")
  fair[offered]=$(awk "BEGIN { printf \"%.0f\", ${fair[offered]} / $(value seconds "$line") }")
  bench_settle
}

bench_report_fairness() {
  local -a idle beside
  read -ra idle <<<"${fair[idle]}"
  read -ra beside <<<"${fair[beside]}"
  say "" "another merchant, while one has ${fair[left]} payments queued and ${fair[settled]} are settled a second:"
  row '' alone beside ratio
  row 'accepted to settled, p50 ms' "${idle[0]}" "${beside[0]}" "$(ratio "${beside[0]}" "${idle[0]}")"
  row '  p99 ms' "${idle[1]}" "${beside[1]}" "$(ratio "${beside[1]}" "${idle[1]}")"
  row '  payments' "${idle[2]}" "${beside[2]}"
  say "" "twice the load: ${fair[accepted]} accepted per second of ${fair[offered]} asked for (${remit[accepted]} before)"
}
