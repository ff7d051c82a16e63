# shellcheck shell=bash
# What a reader should not have to check by eye. Every check runs, also after one has failed.
# Sourced by ./dev.

lint() {
  local failed=()
  want shellcheck "$(type -P shellcheck || echo /usr/bin/shellcheck)"
  want python3-yaml /usr/lib/python3/dist-packages/yaml/__init__.py
  (install_wanted) || true             # what is missing is then skipped, and said so
  find_tools
  check "spelling"          lint_spelling
  check "formatting"        cargo fmt --all --check
  check "clippy"            cargo clippy --workspace --all-targets -- -D warnings
  check "documentation"     lint_documentation
  check "shell scripts"     lint_shell
  check "compose file"      lint_compose
  check ".sqlx"             "$root/dev" sqlx --check
  check "migrations"        lint_migrations
  check "dependencies"      lint_dependencies
  check "unused dependencies" lint_unused
  check "the description"   lint_description
  (( ! ${#failed[@]} )) || fail "not clean: ${failed[*]}"
  say "all clean."
}

check() { # NAME COMMAND…
  local name=$1; shift
  say "── $name"
  # In a shell of its own, with errors ending it, as they would not within a condition.
  set +e
  (set -e; "$@")
  local result=$?
  set -e
  (( result == 0 )) || failed+=("$name;")
}

skipped() { say "skipped: $*"; }

lint_shell() {
  type -P shellcheck >/dev/null || { skipped "shellcheck is not installed"; return; }
  local scripts
  mapfile -t scripts < <(grep -rlE --exclude-dir={target,.git,.dev,.github,node_modules} '^#!.*\b(ba)?sh\b' .)
  shellcheck -x "${scripts[@]}"        # -x: with the files that they source
}

lint_compose() {
  if docker compose version >/dev/null 2>&1; then docker compose config --quiet; fi
  /usr/bin/python3 -c 'import yaml' 2>/dev/null || { skipped "python3-yaml is not installed"; return; }
  /usr/bin/python3 deploy/dev/check-compose.py
}

# The advisories come from a public repository, which is not reached from everywhere.
lint_dependencies() {
  has_tool cargo-deny || return 0
  cargo deny check bans licenses sources
  if timeout 60 cargo deny fetch db >"$dot/log/advisories.log" 2>&1; then
    cargo deny check advisories
  else
    skipped "the advisory database cannot be reached"
  fi
}

lint_spelling() { if has_tool typos; then typos; fi; }

# Links between what is documented, private parts included: it is written for those who work here.
lint_documentation() {
  RUSTDOCFLAGS='-D warnings -A rustdoc::private-intra-doc-links' cargo doc --quiet --workspace --no-deps --document-private-items
}

lint_migrations() { if has_tool squawk; then squawk migrations/*.sql; fi; }

lint_unused() { if has_tool cargo-shear; then cargo shear; fi; }
