# shellcheck shell=bash
# What a real worker sends to real receivers, verified by the libraries that the standard's authors publish. The packages
# come from Python's and Node's indexes, which are not reached from everywhere. Sourced by ./dev.

webhooks() {
  local tools=$dot/webhooks
  indexes_are_there || return 0
  step "the standard's libraries" install_verifiers
  # With the tests: see clients.sh.
  step "built" build --tests
  "$root/dev" up --detach --no-build
  trap '"$root/dev" down' EXIT
  # shellcheck source=/dev/null
  . "$dot/env"
  "$tools/python/bin/python" "$root/tests/webhooks/receive.py"
  (cd "$tools/node" && node receive.js)
}

install_verifiers() {
  local tools=$dot/webhooks from=$root/tests/webhooks
  install_python "$tools/python" "$from/requirements.txt"
  install_node "$tools/node" "$from/package.json"
  cp "$from/receive.js" "$tools/node/"
}
