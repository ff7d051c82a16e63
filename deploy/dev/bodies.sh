# shellcheck shell=bash
# What we send, and the currencies that we know, held against what the gateways and others publish of them. The
# packages come from Python's and Node's indexes, which are not reached from everywhere. Sourced by ./dev.

# Captures what the real processes send, and has it checked by programs that nobody here wrote.
bodies() {
  local tools=$dot/bodies failed=()
  python_index_is_there || return 0
  step "what the gateways publish" install_python "$tools/python" tests/bodies/requirements.txt
  step "tables of others" download_tables "$tools/tables"
  test_all -p tests -- sent_requests contract::currencies
  check "Stripe's parameters" "$tools/python/bin/python" tests/bodies/check_stripe.py target/sent-requests.jsonl
  check "PayPal's descriptions" "$tools/python/bin/python" tests/bodies/check_paypal.py target/sent-requests.jsonl
  check "every currency" python3 tests/bodies/check_amounts.py target/currencies.jsonl "$tools/tables"
  (( ! ${#failed[@]} )) || fail "not as others say: ${failed[*]}"
}

# The sandbox, tried with the libraries that the gateways publish.
sdks() {
  indexes_are_there || return 0
  sandbox/sdk/run
}

indexes_are_there() {
  python_index_is_there || return 1
  npm ping --silent >"$dot/log/npm.log" 2>&1 || { skipped "Node's package index cannot be reached"; return 1; }
}

python_index_is_there() {
  rm -rf "$dot/bodies/probe"
  if ! python3 -m pip --disable-pip-version-check download -q --no-deps -d "$dot/bodies/probe" typing_extensions \
    >"$dot/log/pip.log" 2>&1; then
    skipped "Python's package index cannot be reached, so nothing is checked by what others publish"
    return 1
  fi
}

# A virtual environment with exactly these packages; an older one is made anew.
install_python() { # FOLDER REQUIREMENTS
  cmp -s "$2" "$1/requirements.txt" && return
  rm -rf "$1"
  python3 -m venv "$1" && "$1/bin/pip" --disable-pip-version-check install -q -r "$2" >"$dot/log/pip.log" 2>&1 ||
    fail "the packages of $2 could not be installed." pip
  cp "$2" "$1/requirements.txt"
}

# The packages that a package.json names, into a folder of their own.
install_node() { # FOLDER PACKAGE_JSON
  if ! cmp -s "$2" "$1/package.json"; then
    rm -rf "$1"
    mkdir -p "$1"
    cp "$2" "$1/"
    (cd "$1" && npm install --silent --no-audit --no-fund --no-package-lock >"$dot/log/npm.log" 2>&1) ||
      { rm -rf "$1"; fail "the packages of $2 could not be installed." npm; }
  fi
}

download_tables() { # FOLDER
  cmp -s tests/bodies/tables.txt "$1/tables.txt" && return
  rm -rf "$1"
  python3 -m pip --disable-pip-version-check download -q --no-deps --ignore-requires-python --only-binary :all: \
    -r tests/bodies/tables.txt -d "$1" >"$dot/log/pip.log" 2>&1 || fail "the tables could not be had." pip
  cp tests/bodies/tables.txt "$1/tables.txt"
}
