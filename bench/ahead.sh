# shellcheck shell=bash
# Measures whether the renewals of the years to come slow the payments of today. Two databases on one server, with
# and without them, are loaded in turns, so that what happens to the machine happens to both. Sourced by ./dev.

declare -A ahead=() ahead_cost=()

bench_ahead() { # HOW_MANY ROUNDS
  local n=$1 rounds=$2 side round
  bench_stop
  for side in without with; do step "made a database $side them" bench_database "$side"; done
  step "called for $n renewals to come" bench_ahead_call "$n"
  for (( round = 1; round <= rounds; round++ )); do
    if (( round % 2 )); then set -- without with; else set -- with without; fi     # neither is always the first
    for side; do bench_ahead_load "$side"; done
    say "$(printf '  round %2d: %6d settled per second without, %6d with; %4d and %4d µs each' "$round" \
      "${ahead[without]##* }" "${ahead[with]##* }" "${ahead_cost[without]##* }" "${ahead_cost[with]##* }")"
  done
  bench_use bench
  bench_start
}

bench_ahead_call() { # HOW_MANY
  psql -q -v ON_ERROR_STOP=1 "$bench_db" -c "
    insert into jobs (id, kind, subject_id, due_at, created_at)
    select $(bench_id_of made), 'renew_subscription', $(bench_id_of made), due, due
    from generate_series(1, $1) n, lateral (select now() - n * interval '30 seconds' as made,
        now() + interval '1 day' + n * interval '1 minute' as due) moment" \
    -c 'vacuum analyze jobs' -c checkpoint
}

# An id as ours are, which begins with the moment when it was made (RFC 9562, version 7).
bench_id_of() { # MOMENT
  printf '%s' "(lpad(to_hex((extract(epoch from $1) * 1000)::bigint), 12, '0') || '7' ||
    substr(md5(random()::text), 1, 3) || 'a' || substr(md5(random()::text), 1, 15))::uuid"
}

bench_ahead_load() { # SIDE
  bench_use "$1"
  bench_start
  bench_load "$connections" 1 '' >/dev/null        # as in a running system
  bench_settle
  local before busy paid
  before=$(bench_busy) paid=$(bench_count '')
  bench_throughput
  busy=$(( $(bench_busy) - before )) paid=$(( $(bench_count '') - paid ))
  bench_stop
  ahead[$1]+=" ${measured[settled]}"
  ahead_cost[$1]+=" $(( busy / paid ))"
}

# What the processors have worked since the machine started, in µs: everything is on them.
bench_busy() {
  awk -v tick="$(getconf CLK_TCK)" '/^cpu / { print ($2 + $3 + $4 + $7 + $8) * 1000000 / tick }' OFMT=%.0f /proc/stat
}

# The same round of both sides is compared, and the middle of the rounds counts.
bench_report_ahead() { # HOW_MANY
  say "" "$1 renewals to come, loaded for $seconds s in turns:"
  row '' without with 'more, middle' 'middle half'
  bench_row_ahead 'payments settled per second' "${ahead[without]}" "${ahead[with]}"
  bench_row_ahead 'processor time of one, µs' "${ahead_cost[without]}" "${ahead_cost[with]}"
}

bench_row_ahead() { # TEXT WITHOUT WITH
  local without with pairs
  without=$(bench_quartile 2 "$2") with=$(bench_quartile 2 "$3")
  pairs=$(paste <(tr ' ' '\n' <<<"${2# }") <(tr ' ' '\n' <<<"${3# }") | awk '{ printf " %.1f", 100 * ($2 / $1 - 1) }')
  row "$1" "$without" "$with" "$(bench_quartile 2 "$pairs") %" "$(bench_quartile 1 "$pairs") to $(bench_quartile 3 "$pairs")"
}

bench_quartile() { # 1|2|3 NUMBERS
  tr ' ' '\n' <<<"${2# }" | sort -g | awk -v q="$1" '{ of[NR] = $1 } END { print of[int((NR - 1) * q / 4 + 1.5)] }'
}
