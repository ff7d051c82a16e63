# shellcheck shell=bash
# Debian packages: installed where this account may, named where it may not. Sourced by ./dev.

wanted=()

# want PACKAGE FILE-PATTERN: the package is wanted if no such file is there.
want() { compgen -G "$2" >/dev/null || wanted+=("$1"); }

install_wanted() {
  (( ${#wanted[@]} )) || return 0
  local become=() command="apt-get install --no-install-recommends ${wanted[*]}"
  type -P apt-get >/dev/null || fail "missing: ${wanted[*]} (Debian's names). Install them, and try again."
  if (( EUID )); then
    sudo -n true 2>/dev/null || fail "missing packages. Please run: sudo $command"
    become=(sudo -n)
  fi
  step "installed ${wanted[*]}" run_install "${become[@]}"
  wanted=()
}

run_install() {
  "$@" bash -c "$install_script" - "${wanted[@]}" >"$dot/log/install.log" 2>&1 </dev/null ||
    fail "the packages could not be installed: ${wanted[*]}" install
}

# Run as root. Only the programs are wanted: while this runs, no service is started and no system
# cluster is made for the packages, and what came new does not start at the next boot either.
# shellcheck disable=SC2016
install_script='
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d cluster=/etc/postgresql-common/createcluster.d/programs-only.conf
made=("$cluster")
trap '\''rm -f "${made[@]}"'\'' EXIT
if [[ ! -e $policy ]]; then
  made+=("$policy")
  printf "#!/bin/sh\nexit 101\n" >"$policy"
  chmod +x "$policy"
fi
mkdir -p "${cluster%/*}"
echo "create_main_cluster = false" >"$cluster"
apt-get -o DPkg::Lock::Timeout=120 -q update
apt-get -o DPkg::Lock::Timeout=120 -qy install --no-install-recommends "$@"
if [[ -d /run/systemd/system ]]; then
  for package; do
    case $package in
      rabbitmq-server) systemctl disable --quiet rabbitmq-server ;;
      nginx-light) systemctl disable --quiet nginx ;;
    esac
  done
fi
'
