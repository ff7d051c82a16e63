# shellcheck shell=bash
# The published description, judged by programs that nobody here wrote, and clients that they make of it. The packages
# come from Python's and Node's indexes, which are not reached from everywhere. Sourced by ./dev.

# Clients that two generators make of a running deployment's description compile, pay, and read it again.
clients() {
  local tools=$dot/clients
  indexes_are_there || return 0
  step "generators of clients" install_generators
  # With the tests, as they are built for `./dev test`: the programs alone want libraries with fewer features, and all that
  # depends on those would be built once more.
  step "built" build --tests
  "$root/dev" up --detach --no-build
  trap '"$root/dev" down' EXIT
  # shellcheck source=/dev/null
  . "$dot/env"
  curl -fsS -m 10 -o "$tools/openapi.json" "$REMIT_API_URL/openapi.json"
  pay_with_python
  pay_with_typescript
}

pay_with_python() {
  rm -rf "$tools/remit_client"
  (
    cd "$tools"
    # Beside it is the formatter that it calls.
    PATH=$tools/python/bin:$PATH
    openapi-python-client generate --path openapi.json --output-path remit_client --meta none --fail-on-warning \
      >"$dot/log/generate.log" 2>&1 || fail "openapi-python-client makes no client." generate
    python/bin/python -m compileall -q remit_client
    PYTHONPATH=. python/bin/python pay.py
  )
}

pay_with_typescript() {
  (
    cd "$tools/node"
    npx --no-install openapi-typescript ../openapi.json -o api.d.ts >"$dot/log/generate.log" 2>&1 ||
      fail "openapi-typescript makes no client." generate
    npx --no-install tsc -p .
    node built/pay.js
  )
}

# What merchants and generators read must be what OpenAPI 3.1 allows, and what a linter has nothing to say of.
lint_description() {
  local tools=$dot/clients
  cargo test --quiet --workspace --lib -- router::tests >"$dot/log/description.log" 2>&1 ||
    fail "the description could not be written." description
  indexes_are_there || return 0
  install_generators
  "$tools/python/bin/openapi-spec-validator" target/openapi.json
  (cd "$tools/node" && REDOCLY_TELEMETRY=off npx --no-install redocly lint --config redocly.yaml "$root/target/openapi.json") \
    >"$dot/log/redocly.log" 2>&1 || { cat "$dot/log/redocly.log"; return 1; }
}

install_generators() {
  local tools=$dot/clients from=$root/tests/clients
  install_python "$tools/python" "$from/requirements.txt"
  install_node "$tools/node" "$from/package.json"
  cp "$from/pay.py" "$tools/"
  cp "$from"/{pay.ts,tsconfig.json,redocly.yaml} "$tools/node/"
}
