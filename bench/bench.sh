# shellcheck shell=bash
# Measures Remit as it ships: release build, real PostgreSQL and RabbitMQ with durability on, one API,
# one worker, one scheduler, and a gateway that answers at once. All on loopback. Sourced by ./dev.

bench() {
  local peers='' languages=(node) seconds=8 connections=32 subscriptions=0 to_come=1000000 rounds=0 fairness=no
  while (( $# )); do
    case $1 in
      --peers) peers=${2:?a folder}; shift ;;
      --python) languages+=(python) ;;
      --renewals) subscriptions=100000 rounds=12 ;;
      --subscriptions) subscriptions=${2:?a number}; shift ;;
      --fairness) fairness=yes ;;
      --rounds) rounds=${2:?a number}; shift ;;
      --seconds) seconds=${2:?a number}; shift ;;
      *) usage_error "bench $1" ;;
    esac
    shift
  done
  trap end_bench EXIT
  trap 'exit 130' INT TERM HUP
  want nginx-light "$(type -P nginx || echo /usr/sbin/nginx)"
  want wrk "$(type -P wrk || echo /usr/bin/wrk)"
  if [[ -n $peers ]]; then want bc "$(type -P bc || echo /usr/bin/bc)"; fi
  hold_services
  start_services
  step "built for release" bench_build
  await_services
  bench_remit
  if [[ $fairness == yes ]]; then
    step "measured twice the load" bench_overload
    bench_fairness
    bench_use bench
    bench_start
  fi
  if (( rounds )); then bench_ahead "$to_come" "$rounds"; fi     # first: the other leaves much to clean up
  if (( subscriptions )); then bench_renewals "$subscriptions"; fi
  local language
  if [[ -n $peers ]]; then
    for language in "${languages[@]}"; do step "measured the $language peer" bench_peer "$peers" "$language"; done
  fi
  say ""
  {
    bench_report "${languages[@]}"
    if (( subscriptions )); then bench_report_renewals "$subscriptions"; fi
    if [[ $fairness == yes ]]; then bench_report_fairness; fi
    if (( rounds )); then bench_report_ahead "$to_come"; fi
  } | tee "$dot/bench.txt"
}

bench_build() {
  say "… building (minutes the first time)"
  cargo build --release --workspace --bins || fail "the build failed; its messages are above."
}

end_bench() {
  trap '' INT TERM HUP
  set +e
  local name
  bench_stop
  for name in "${bench_made[@]}"; do
    if alive postgres; then
      bench_use "$name"
      psql -q "$(sibling "$DATABASE_URL" postgres)" -c "drop database if exists \"${bench_db##*/}\" with (force)" 2>/dev/null
    fi
  done
  release_services
}

# ---- Remit

bench_remit() {
  step "made a database of its own" bench_database bench
  step "started an instance" bench_start
  bench_load 32 1 '' >/dev/null                    # connections and caches are warm, as in a running system
  step "everything of the warm-up settled" bench_settle
  step "measured $connections connections for $seconds s" bench_throughput
  local name
  for name in "${!measured[@]}"; do remit[$name]=${measured[$name]}; done
  step "measured one payment at a time" bench_latency
}

# A new database, which is used from now on, and a key to it.
bench_database() { # NAME
  bench_use "$1"
  create_database "$bench_db"
  bench_made+=("$1")
  DATABASE_URL=$bench_db target/release/remit migrate >"$dot/log/migrate.log" 2>&1 || fail "not migrated." migrate
  bench_keys[$1]=$(DATABASE_URL=$bench_db target/release/remit keys create --merchant bench --quiet) || fail "no API key could be made."
  bench_use "$1"
}
declare -A bench_keys=()
bench_made=()

bench_use() { # NAME
  bench_db=$(sibling "$DATABASE_URL" "remit_$1_$$") bench_key=${bench_keys[$1]:-}
}

bench_start() {
  mkdir -p "$dot/bench"
  if [[ $bench_gateway == sandbox ]]; then
    spawn bench-gateway env REMIT_SANDBOX_ADDR="127.0.0.1:$((bench_port + 3))" \
      REMIT_SANDBOX_DIR="$dot/bench/sandbox" REMIT_LOG=warn target/release/remit-sandbox
  else
    sed "s/@PORT@/$((bench_port + 3))/" bench/gateway.conf >"$dot/bench/gateway.conf"
    spawn bench-gateway nginx -e stderr -p "$dot/bench" -c "$dot/bench/gateway.conf"
  fi
  bench_api=http://127.0.0.1:$bench_port
  bench_settings=(DATABASE_URL="$bench_db" REMIT_QUEUE_PREFIX=remit-bench REMIT_LOG=warn
    REMIT_KEY_WRITES_PER_SECOND=1000000)      # one key is all merchants here
  spawn bench-api env "${bench_settings[@]}" REMIT_API_ADDR="127.0.0.1:$bench_port" \
    REMIT_METRICS_ADDR="127.0.0.1:$((bench_port + 5))" target/release/remit-api
  await bench-gateway 10 listening $((bench_port + 3))
  await bench-api 30 answers "$bench_api/readyz"
  bench_start_worker
  bench_start_scheduler bench-scheduler 2
}

bench_stop() {
  local name
  for name in api worker scheduler scheduler-2 gateway; do halt "bench-$name"; done
}
bench_settings=() bench_gateway=nginx

bench_start_worker() {
  spawn bench-worker env "${bench_settings[@]}" REMIT_METRICS_ADDR="127.0.0.1:$((bench_port + 1))" \
    REMIT_STRIPE_URL="http://127.0.0.1:$((bench_port + 3))" REMIT_STRIPE_SECRET_KEY=sk_test_bench \
    REMIT_STRIPE_PER_SECOND=0 REMIT_STRIPE_CONCURRENCY=4096 target/release/remit-worker
  await bench-worker 30 answers "http://127.0.0.1:$((bench_port + 1))/health"
}

bench_start_scheduler() { # NAME PORT
  spawn "$1" env "${bench_settings[@]}" REMIT_METRICS_ADDR="127.0.0.1:$((bench_port + $2))" \
    REMIT_RECONCILE= target/release/remit-scheduler
  await "$1" 30 answers "http://127.0.0.1:$((bench_port + $2))/health"
}

# bench_load CONNECTIONS SECONDS PREFER: prints wrk's RESULT line.
bench_load() {
  local -a prefer=()
  if [[ -n $3 ]]; then prefer=(PREFER="$3"); fi
  env AUTH="Bearer $bench_key" "${prefer[@]}" wrk -t1 -c"$1" -d"$2s" --timeout 30s -s bench/pay.lua "$bench_api" >"$dot/log/wrk.log" 2>&1 ||
    fail "wrk did not succeed." wrk
  grep '^RESULT' "$dot/log/wrk.log" || fail "wrk gave no result." wrk
}

# value NAME LINE: of NAME=VALUE.
value() { sed -E "s/.*\b$1=([^ ]*).*/\1/" <<<"$2"; }

bench_ask() { psql -qAt -v ON_ERROR_STOP=1 "$bench_db" -c "$1"; }

bench_count() { bench_ask "select count(*) from payments $1"; }

# Until every payment that was accepted is told as succeeded.
bench_settle() {
  local until=$(( SECONDS + 300 ))
  until [[ $(bench_count "where status <> 'succeeded'") == 0 ]]; do
    (( SECONDS < until )) || fail "$(bench_count "where status <> 'succeeded'") payments do not settle." bench-worker
    sleep 0.1
  done
}

declare -A measured=()
bench_throughput() {
  local before from line took
  before=$(bench_count '')
  from=${EPOCHREALTIME/[.,]/}
  line=$(bench_load "$connections" "$seconds" '')
  bench_settle
  took=$(( ${EPOCHREALTIME/[.,]/} - from ))
  measured=(
    [accepted]=$(awk "BEGIN { printf \"%.0f\", ($(value requests "$line") - $(value refused "$line")) / $(value seconds "$line") }")
    [p50]=$(value p50_ms "$line") [p99]=$(value p99_ms "$line")
    [refused]=$(value refused "$line") [errors]=$(value errors "$line")
    [settled]=$(( ($(bench_count '') - before) * 1000000 / took ))
  )
}

declare -A remit=()
bench_latency() {
  local line since times
  since=$(bench_ask 'select now()')
  line=$(bench_load 1 5 'wait=10')
  bench_settle
  remit[wait_p50]=$(value p50_ms "$line") remit[wait_p99]=$(value p99_ms "$line")
  times=$(psql -qAt -F ' ' "$bench_db" -c "
    select round(1000 * percentile_cont(0.50) within group (order by took)::numeric, 2),
           round(1000 * percentile_cont(0.99) within group (order by took)::numeric, 2)
    from (select extract(epoch from settled_at - created_at) as took from payments where created_at > '$since') as timed")
  remit[settle_p50]=${times% *} remit[settle_p99]=${times#* }
}

# ---- what others would write

bench_peer() { # DIR LANGUAGE
  local database=remit_peer_$2 line
  psql -q "$(sibling "$DATABASE_URL" postgres)" -c "drop database if exists $database with (force)" -c "create database $database" 2>/dev/null
  DB=$(sibling "$DATABASE_URL" "$database") MQ=$AMQP_URL bash "$1/run.sh" "$2" "$seconds" "$connections" >"$dot/log/peer-$2.log" 2>&1 ||
    fail "the $2 peer did not run." "peer-$2"
  line=$(grep '^RESULT' "$dot/log/peer-$2.log") || fail "the $2 peer gave no result." "peer-$2"
  peer_accepted[$2]=$(value rps "$line") peer_p50[$2]=$(value p50_ms "$line") peer_p99[$2]=$(value p99_ms "$line")
  peer_settled[$2]=$(value per_second "$(grep '^E2E' "$dot/log/peer-$2.log")")
  psql -q "$(sibling "$DATABASE_URL" postgres)" -c "drop database if exists $database with (force)"
}
declare -A peer_accepted=() peer_p50=() peer_p99=() peer_settled=()

# ---- the report

bench_report() { # LANGUAGE…
  say "$(date -u +%F), $(nproc) cores, everything on them, commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
  say "$connections connections for $seconds s; PostgreSQL fsync on, quorum queues, publisher confirms"
  say ""
  local language
  row '' Remit "${@/%/ peer}"
  row 'accepted per second' "${remit[accepted]}" "${peer_accepted[@]}"
  row '  answered in, p50 ms' "${remit[p50]}" "${peer_p50[@]}"
  row '  answered in, p99 ms' "${remit[p99]}" "${peer_p99[@]}"
  row 'settled per second, end to end' "${remit[settled]}" "${peer_settled[@]}"
  row 'one at a time: settled after, p50 ms' "${remit[settle_p50]}"
  row '  p99 ms' "${remit[settle_p99]}"
  row '  waited for (Prefer: wait), p50 ms' "${remit[wait_p50]}"
  row '  p99 ms' "${remit[wait_p99]}"
  for language; do
    [[ -n ${peer_settled[$language]:-} ]] || continue
    say "" "beside $language: $(ratio "${remit[accepted]}" "${peer_accepted[$language]}") times accepted, $(ratio "${remit[settled]}" "${peer_settled[$language]}") times settled"
  done
  if (( remit[refused] + remit[errors] )); then say "" "refused: ${remit[refused]}, errors: ${remit[errors]}"; fi
}

row() { printf '%-44s' "$1"; shift; printf '%14s' "$@"; printf '\n'; }
ratio() { awk "BEGIN { printf \"%.1f\", $1 / $2 }"; }
