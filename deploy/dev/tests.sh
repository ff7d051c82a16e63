# shellcheck shell=bash
# Running tests: what is asked for in the words of `cargo test`, done by cargo-nextest where it can be had. Then a test
# that hangs is ended, target/nextest/PROFILE/junit.xml tells of all, and the slowest are named. Sourced by ./dev.

test_all() {
  read_arguments "$@"
  find_tools
  trap release_services EXIT
  trap 'exit 130' INT TERM HUP
  hold_services
  start_services
  step "built" build_tests
  await_services
  run_tests
}

# Splits what `cargo test` takes: what is built, and how; and what the tests themselves are told. The system tests are
# built as a part of the whole: alone they want some libraries with fewer features, and all that depends on those would
# be built once more.
read_arguments() {
  scope=() options=() told=()
  while (( $# )); do
    case $1 in
      --) shift; told=("$@"); break ;;
      -p | --package | --test) scope+=("$1" "${2:?what}"); shift ;;
      -p* | --package=* | --test=* | --tests | --lib | --bin* | --workspace) scope+=("$1") ;;
      *) options+=("$1") ;;
    esac
    shift
  done
  case ${scope[*]-} in
    '') scope=(--workspace) ;;
    '-p tests') scope=(--workspace --test '*') ;;
    '-p tests --test '*) scope=(--workspace "${scope[@]:2}") ;;
  esac
}

# The tests, and the programs that they start; together, for the same reason.
build_tests() {
  local tests=()
  case ${scope[*]} in
    --workspace) tests=(--tests) ;;
    --workspace\ *) tests=("${scope[@]:1}") ;;
  esac
  build "${tests[@]}"
}

run_tests() {
  local report=target/nextest/${NEXTEST_PROFILE:-default}/junit.xml result=0
  if ! type -P cargo-nextest >/dev/null; then
    say "cargo-nextest cannot be had: cargo test runs the tests, ends none that hangs, and names no slow ones"
    cargo test "${scope[@]}" "${options[@]}" -- "${told[@]}"
    return
  fi
  tell_nextest
  rm -f "$report"
  # Half of a test's time is waiting: twice as many as there are processors.
  if [[ " ${options[*]} " != *' --test-threads='* && " ${options[*]} " != *' --no-capture '* ]]; then
    options+=("--test-threads=$(( 2 * $(nproc) ))")
  fi
  cargo nextest run "${scope[@]}" "${options[@]}" -- "${told[@]}" || result=$?
  /usr/bin/python3 deploy/dev/slowest-tests.py "$report"
  return "$result"
}

# What a test binary is told by `cargo test`, in the runner's own words.
tell_nextest() {
  local words=("${told[@]}") word
  told=()
  for word in "${words[@]}"; do
    case $word in
      --nocapture) options+=(--no-capture) ;;
      --show-output) options+=(--success-output immediate) ;;
      --test-threads=*) options+=("$word") ;;
      *) told+=("$word") ;;
    esac
  done
}
