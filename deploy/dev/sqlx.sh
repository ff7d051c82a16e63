# shellcheck shell=bash
# .sqlx: what the checked queries look like to a database, so that a build needs none.
# The query macros write it themselves when they are compiled against a live database and
# SQLX_OFFLINE_DIR names a folder; no further tool is needed. Sourced by ./dev.

refresh_queries() { # [--check]
  local scratch=$dot/sqlx database=remit_sqlx_$$
  trap release_services EXIT
  trap 'exit 130' INT TERM HUP
  hold_services
  start_services
  if [[ $own_postgres == yes ]]; then step "PostgreSQL on 127.0.0.1:$pg_port" await_postgres; fi
  rm -rf "$scratch"
  mkdir -p "$scratch"
  step "a scratch database, migrated" scratch_database "$database"
  step "compiled against it" compile_live "$(sibling "$DATABASE_URL" "$database")" "$scratch"
  psql -q "$(sibling "$DATABASE_URL" postgres)" -c "drop database \"$database\""
  if diff -rN .sqlx "$scratch" >"$dot/log/sqlx.log"; then
    say ".sqlx is fresh."
  elif [[ ${1:-} == --check ]]; then
    fail ".sqlx is stale: run ./dev sqlx and commit the change." sqlx
  else
    rm -rf .sqlx
    cp -r "$scratch" .sqlx
    say ".sqlx is written: $(find .sqlx -type f | wc -l) queries."
  fi
}

scratch_database() {
  local url file single
  url=$(sibling "$DATABASE_URL" "$1")
  psql -q "$(sibling "$DATABASE_URL" postgres)" -c "create database \"$1\""
  for file in migrations/*.sql; do
    single=(-1)                          # in one transaction, as `remit migrate` does it
    if [[ $(head -n 1 "$file") == '-- no-transaction' ]]; then single=(); fi
    PGOPTIONS='-c client_min_messages=warning' psql -q -v ON_ERROR_STOP=1 "${single[@]}" "$url" -f "$file" \
      >"$dot/log/scratch.log" 2>&1 || fail "the migration $file does not apply." scratch
  done
}

# Cargo does not know that the macros ask a database: the files that hold queries are touched for
# the time of this run, so that just what depends on them is checked anew, and then get their own
# time back, so that no later build sees a change.
compile_live() {
  local files=() times=() i result=0
  mapfile -t files < <(grep -rlE --include='*.rs' --exclude-dir=target '\bquery(_as|_scalar|_file|_file_as|_file_scalar)?!' .)
  (( ${#files[@]} )) || return 0
  for i in "${!files[@]}"; do times[i]=$(stat -c %y "${files[i]}"); done
  touch "${files[@]}" "$dot/run/touched"
  touch -r "$dot/run/touched" "${files[@]}"
  DATABASE_URL=$1 SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$2 cargo check --workspace --all-targets || result=$?
  for i in "${!files[@]}"; do
    if [[ ! ${files[i]} -nt $dot/run/touched ]]; then touch -d "${times[i]}" "${files[i]}"; fi
  done
  (( result == 0 )) || fail "a query does not compile against the migrated database; see above."
}
