# shellcheck shell=bash
# Remit's own processes, and the demonstration that they work. Sourced by ./dev.

bin=$root/target/debug

build() { # [TARGETS…]: besides the programs
  type -P cargo >/dev/null || fail "cargo is missing: install the Rust toolchain (rustup)."
  say "… building (minutes the first time)"
  cargo build --workspace --bins "$@" || fail "the build failed; its messages are above."
}

migrate() {
  "$bin/remit" migrate >"$dot/log/migrate.log" 2>&1 ||
    fail "the database could not be migrated. To forget its data: ./dev down --wipe" migrate
}

start_sandbox() {
  mkdir -p "$dot/sandbox"
  spawn sandbox env REMIT_SANDBOX_ADDR="127.0.0.1:$sandbox_port" REMIT_SANDBOX_DIR="$dot/sandbox" "$bin/remit-sandbox"
}
# The sandbox plays both gateways, and tells the API by webhooks what happens by itself.
webhook_secret=whsec_sandbox webhook_id=SANDBOXWEBHOOK
start_api() {
  spawn api env REMIT_API_ADDR="127.0.0.1:$api_port" REMIT_METRICS_ADDR="127.0.0.1:$metrics_port" REMIT_TEST_CLOCK=true \
    REMIT_WEBHOOK_ALLOW_PRIVATE=true \
    REMIT_STRIPE_WEBHOOK_SECRETS="$webhook_secret" REMIT_PAYPAL_WEBHOOK_ID="$webhook_id" \
    REMIT_PAYPAL_CERT_HOSTS="127.0.0.1:$sandbox_port" REMIT_PAYPAL_TEST_ROOT="$root/sandbox/certificates/root.pem" "$bin/remit-api"
}
start_worker() { # [NAME [NUMBER]]
  spawn "${1:-worker}" env REMIT_METRICS_ADDR="127.0.0.1:$((worker_port + ${2:-1} - 1))" \
    REMIT_STRIPE_URL="$REMIT_SANDBOX_URL" REMIT_STRIPE_SECRET_KEY="${REMIT_STRIPE_SECRET_KEY:-sk_test_sandbox}" \
    REMIT_PAYPAL_URL="$REMIT_SANDBOX_URL" REMIT_PAYPAL_CLIENT_ID=test_sandbox REMIT_PAYPAL_CLIENT_SECRET=test_sandbox \
    REMIT_PAYPAL_WEBHOOK_ID="$webhook_id" REMIT_STRIPE_PER_SECOND=0 REMIT_PAYPAL_PER_SECOND=0 REMIT_TEST_CLOCK=true \
    REMIT_WEBHOOK_ALLOW_PRIVATE=true \
    "$bin/remit-worker"
}
start_scheduler() {
  spawn scheduler env REMIT_METRICS_ADDR="127.0.0.1:$scheduler_port" REMIT_RECONCILE=stripe,paypal "$bin/remit-scheduler"
}

# Where the sandbox sends its webhooks; it remembers.
connect_sandbox() {
  curl -fsS -m 5 -o /dev/null "$REMIT_SANDBOX_URL/control/webhooks" -H 'Content-Type: application/json' -d @- <<-JSON ||
	{"stripe": {"url": "$REMIT_API_URL/gateways/stripe/webhook", "secret": "$webhook_secret"},
	 "paypal": {"url": "$REMIT_API_URL/gateways/paypal/webhook", "webhook_id": "$webhook_id"}}
	JSON
    fail "the sandbox does not take the address of our webhooks." sandbox
}

answers() { curl -fsS -m 2 -o "${2:-/dev/null}" "$1"; }
await_sandbox() { await sandbox 20 answers "$REMIT_SANDBOX_URL/livez" && connect_sandbox; }
await_api() { await api 30 answers "$REMIT_API_URL/readyz"; }
await_worker() { await "${1:-worker}" 30 answers "http://127.0.0.1:$((worker_port + ${2:-1} - 1))/health"; }
await_scheduler() { await scheduler 30 answers "http://127.0.0.1:$scheduler_port/health"; }

worker_name() { if (( $1 == 1 )); then echo worker; else echo "worker-$1"; fi; }

stop_app() {
  local name
  for name in api scheduler worker worker-{2..5} sandbox; do halt "$name"; done
}

# ---- the demonstration

# A merchant and a key; the last one is kept as long as the database knows it.
demo_key() {
  REMIT_API_KEY=$(cat "$dot/key" 2>/dev/null || true)
  if [[ -n $REMIT_API_KEY && $(status_of "$REMIT_API_URL/payments/pay_none") != 401 ]]; then return; fi
  (umask 077 && "$bin/remit" keys create --merchant demo --quiet >"$dot/key" 2>"$dot/log/key.log") ||
    fail "no API key could be made." key
  REMIT_API_KEY=$(<"$dot/key")
}

write_env() {
  local name REMIT_STRIPE_URL=$REMIT_SANDBOX_URL REMIT_PAYPAL_URL=$REMIT_SANDBOX_URL
  (
    umask 077
    for name in REMIT_MODE DATABASE_URL AMQP_URL REMIT_API_URL REMIT_SANDBOX_URL REMIT_STRIPE_URL REMIT_PAYPAL_URL REMIT_API_KEY; do
      printf "export %s='%s'\n" "$name" "${!name:-}"
    done >"$dot/env.new"
  )
  mv "$dot/env.new" "$dot/env"
}

demo_body='{"amount":"49.90","currency":"EUR","payment_method":{"type":"card","token":"pm_card_visa"},"order_id":"demo-1"}'

pay() {
  local id status until=$(( SECONDS + 30 ))
  curl -sS -m 20 "$REMIT_API_URL/process-payment" -H "Authorization: Bearer $REMIT_API_KEY" \
    -H "Idempotency-Key: demo-$EPOCHREALTIME" -H 'Prefer: wait=10' -H 'Content-Type: application/json' \
    -d "$demo_body" >"$dot/log/payment.log" || fail "the API took no payment." api
  id=$(field id "$dot/log/payment.log")
  [[ $id == pay_* ]] || fail "the API took no payment; it answered:" payment
  until status=$(field status "$dot/log/payment.log") && [[ $status == succeeded ]]; do
    (( SECONDS < until )) || fail "the payment $id stays $status." worker
    sleep 0.2
    curl -sS -m 5 "$REMIT_API_URL/payments/$id" -H "Authorization: Bearer $REMIT_API_KEY" >"$dot/log/payment.log"
  done
  demo_payment=$id
}

status_of() { curl -sS -m 5 -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $REMIT_API_KEY" "$1"; }

# field NAME FILE: of a JSON object, the first such string; enough for here, and needs no tool.
field() { grep -oE "\"$1\": ?\"[^\"]*\"" "$2" | head -n 1 | cut -d'"' -f4; }

demonstrate() {
  step "a demo merchant and its key" demo_key
  write_env
  step "one payment, accepted, charged, settled" pay
  cat <<-TEXT

	$demo_payment succeeded.

	  API        $REMIT_API_URL   its reference: $REMIT_API_URL/docs
	  sandbox    $REMIT_SANDBOX_URL   its books: $REMIT_SANDBOX_URL/books
	  metrics    http://127.0.0.1:$metrics_port/metrics, worker :$worker_port, scheduler :$scheduler_port
	  logs       ./dev logs [NAME]

	Pay once more:

	curl -i $REMIT_API_URL/process-payment \\
	  -H 'Authorization: Bearer $REMIT_API_KEY' \\
	  -H "Idempotency-Key: \$(date +%s%N)" \\
	  -H 'Prefer: wait=10' -H 'Content-Type: application/json' \\
	  -d '$demo_body'

	Live through a year of a subscription, in seconds (the README has more of it):

	. .dev/env
	api() {
	  path=\$1; shift
	  curl -sS "\$REMIT_API_URL\$path" -H "Authorization: Bearer \$REMIT_API_KEY" -H "Idempotency-Key: \$(date +%s%N)" \\
	    -H 'Prefer: wait=10' -H 'Content-Type: application/json' "\$@"; echo
	}
	customer=\$(api /customers -d '{"email":"ada@example.com"}' | grep -o 'cus_[0-9a-f]*' | head -n 1)
	api /create-subscription -d '{"customer":"'"\$customer"'","price":{"name":"Basic","amount":"9.90","currency":"EUR","interval":"month"},"payment_method":{"type":"card","token":"pm_card_visa"}}'
	api /test-clock/advance -d '{"seconds":31536000}' && api "/invoices?customer=\$customer&limit=100"

	TEXT
}
