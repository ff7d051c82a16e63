# shellcheck shell=bash
# PostgreSQL and RabbitMQ: private, throw-away instances of this clone, on loopback and on ports of
# their own. No system service, no system cluster is used or touched. Sourced by ./dev.

broker_server=/usr/lib/rabbitmq/bin/rabbitmq-server   # the one in /usr/sbin changes the user

# A server named in the environment is used instead of a private one (unless what it names is the
# private one, because .dev/env was sourced).
choose_servers() {
  local base
  base=$(cat "$dot/ports" 2>/dev/null || echo $(( 20000 + 20 * ($(clone_number) % 600) )))
  own_postgres=no own_broker=no
  if [[ ${DATABASE_URL:-$(private_postgres "$base")} == "$(private_postgres "$base")" ]]; then own_postgres=yes; fi
  if [[ ${AMQP_URL:-$(private_broker "$base")} == "$(private_broker "$base")" ]]; then own_broker=yes; fi
  if [[ -z $(running) ]]; then
    base=$(free_ports "$base")
    echo "$base" >"$dot/ports"
  fi
  pg_port=$base amqp_port=$((base + 1)) dist_port=$((base + 2)) epmd_port=$((base + 3))
  sandbox_port=$((base + 4)) api_port=$((base + 5)) scheduler_port=$((base + 6)) worker_port=$((base + 7))
  metrics_port=$((base + 12)) bench_port=$((base + 14))
  REMIT_API_URL=http://127.0.0.1:$api_port REMIT_SANDBOX_URL=http://127.0.0.1:$sandbox_port
  if [[ $own_postgres == yes ]]; then DATABASE_URL=$(private_postgres "$base"); fi
  if [[ $own_broker == yes ]]; then AMQP_URL=$(private_broker "$base"); fi
  export DATABASE_URL AMQP_URL
}

clone_number() { cksum <<<"$root" | cut -d' ' -f1; }
private_postgres() { echo "postgres://postgres@127.0.0.1:$1/remit"; }
private_broker() { echo "amqp://guest:guest@127.0.0.1:$(( $1 + 1 ))/%2f"; }

# free_ports FIRST: twenty ports in a row belong to this clone, below those the system gives to
# outgoing connections. They stay the same, unless a stranger has taken one.
free_ports() {
  local base=$1 port try
  for try in {1..100}; do
    for (( port = base; port < base + 20; port++ )); do
      if listening "$port"; then
        base=$(( 20000 + (base + 20 * try) % 12000 ))
        continue 2
      fi
    done
    break
  done
  echo "$base"
}

# sibling URL NAME: the same server, another database.
sibling() { sed -E "s|^([a-z]+://[^/]+)/[^?]*|\1/$2|" <<<"$1"; }

# ---- PostgreSQL

# PostgreSQL refuses to be root: root lends it the package's own user.
as_postgres() {
  if (( EUID == 0 )); then
    exec setpriv --reuid postgres --regid postgres --clear-groups -- "$@"
  else
    exec "$@"
  fi
}

# Where the servers keep their data: in .dev, or in a folder of this clone's under REMIT_DATA_DIR.
data_home() {
  if [[ -n ${REMIT_DATA_DIR-} ]]; then echo "$REMIT_DATA_DIR/remit-$(clone_number)"; else echo "$dot"; fi
}

# In that home, unless PostgreSQL's user cannot reach it there (a clone under /root, say).
find_pg_home() {
  pg_home=$(data_home)/postgres
  if [[ -z ${REMIT_DATA_DIR-} ]] && (( EUID == 0 )) && ! (as_postgres test -x "$dot") 2>/dev/null; then
    pg_home=/var/tmp/remit-$(clone_number)/postgres
  fi
  pg_bin=$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1)
  pg_bin=${pg_bin%/initdb}
  local made_by
  if made_by=$(cat "$pg_home/PG_VERSION" 2>/dev/null); then
    pg_bin=/usr/lib/postgresql/$made_by/bin
    [[ -x $pg_bin/postgres ]] || fail "PostgreSQL $made_by, which made the data, is gone. Forget them: ./dev wipe postgres"
  fi
}

make_cluster() {
  if (( EUID == 0 )); then
    install -d "${pg_home%/*}"
    [[ -O ${pg_home%/*} ]] || fail "${pg_home%/*} belongs to somebody else."
    install -d -o postgres -g postgres -m 700 "$pg_home"
  fi
  (cd / && as_postgres "$pg_bin/initdb" -D "$pg_home" -U postgres -A trust --encoding=UTF8 --locale=C.UTF-8 --no-sync) \
    >"$dot/log/initdb.log" 2>&1 || fail "initdb did not succeed." initdb
}

# What a crash left: children of a killed server end by themselves in a moment; a server whose pid
# file was lost is still at work in the data's folder and is stopped; a lock file of nobody is removed.
clear_postgres_leftovers() {
  local until=$(( SECONDS + 10 )) process found
  while :; do
    found=
    for process in /proc/[0-9]*; do
      if [[ $(readlink "$process/cwd" 2>/dev/null) == "$pg_home" ]]; then found=${process#/proc/}; fi
    done
    [[ -n $found ]] || break
    kill -QUIT "$(head -n 1 "$pg_home/postmaster.pid" 2>/dev/null || echo "$found")" 2>/dev/null || true
    (( SECONDS < until )) || fail "an old PostgreSQL (process $found) does not leave $pg_home."
    sleep 0.1
  done
  rm -f "$pg_home/postmaster.pid"
}

start_postgres() {
  if alive postgres; then return; fi
  find_pg_home
  [[ -s $pg_home/PG_VERSION ]] || make_cluster
  clear_postgres_leftovers
  local settings=(
    -c listen_addresses=127.0.0.1 -c port="$pg_port"
    -c unix_socket_directories=             # a socket's path has a length limit, a clone's has none
    -c max_connections=200 -c shared_buffers=256MB -c max_wal_size=2GB -c jit=off
    -c fsync=on -c synchronous_commit=on    # as in production: what is committed stays
  )
  spawn postgres "$BASH" -c "$(declare -f as_postgres); cd / && as_postgres \"\$@\"" - \
    "$pg_bin/postgres" -D "$pg_home" "${settings[@]}"
}

postgres_ready() { "$pg_bin/pg_isready" -q -h 127.0.0.1 -p "$pg_port" -U postgres; }

await_postgres() {
  find_pg_home
  await postgres 30 postgres_ready
  create_database "$DATABASE_URL"
}

# create_database URL: if it is not there yet.
create_database() {
  local name=${1##*/}; name=${name%%\?*}
  psql -qAt "$(sibling "$1" postgres)" -c "select 1 from pg_database where datname = '$name'" | grep -q 1 ||
    psql -q "$(sibling "$1" postgres)" -c "create database \"$name\""
}

# ---- RabbitMQ

write_broker_conf() {
  mkdir -p "$dot/broker/home"
  echo '[].' >"$dot/broker/plugins"
  cat >"$dot/broker/rabbitmq.conf" <<-CONF
	# Enough for tests and benchmarks; small enough that a forgotten instance harms nobody.
	vm_memory_high_watermark.absolute = 1GB
	disk_free_limit.absolute = 256MB
	CONF
}

# Erlang's name server is started here rather than by Erlang, so that it is ours to stop.
start_broker() {
  if ! alive epmd; then spawn epmd epmd -address 127.0.0.1 -port "$epmd_port"; fi
  await epmd 10 listening "$epmd_port"
  if alive broker; then return; fi
  write_broker_conf
  # +sbwt none: schedulers that have nothing to do sleep, instead of spinning on cores that others need.
  # RUNNING_UNDER_SYSTEMD: the script becomes the server, instead of waiting beside it.
  spawn broker env -u NOTIFY_SOCKET RUNNING_UNDER_SYSTEMD=true \
    HOME="$dot/broker/home" \
    ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$epmd_port" \
    RABBITMQ_NODENAME=remit@localhost \
    RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT="$amqp_port" RABBITMQ_DIST_PORT="$dist_port" \
    RABBITMQ_MNESIA_BASE="$(data_home)/broker/data" RABBITMQ_LOG_BASE="$dot/broker/log" \
    RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_CONFIG_FILE="$dot/broker/rabbitmq.conf" \
    RABBITMQ_ENABLED_PLUGINS_FILE="$dot/broker/plugins" \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}' \
    "$broker_server"
}

await_broker() { await broker 60 listening "$amqp_port"; }

# ---- both

# Installs what is missing, then starts both together, since each spends its time waiting.
start_services() {
  exec 8>"$dot/run/start.lock"        # one caller at a time
  flock 8
  choose_servers
  if [[ $own_postgres == yes ]]; then want postgresql '/usr/lib/postgresql/*/bin/initdb'; fi
  if [[ $own_broker == yes ]]; then want rabbitmq-server "$broker_server"; fi
  want curl "$(type -P curl || echo /usr/bin/curl)"
  install_wanted
  if [[ $own_postgres == yes ]]; then start_postgres; fi
  if [[ $own_broker == yes ]]; then start_broker; fi
  exec 8>&-
}

await_services() {
  if [[ $own_postgres == yes ]]; then step "PostgreSQL on 127.0.0.1:$pg_port" await_postgres; fi
  if [[ $own_broker == yes ]]; then step "RabbitMQ on 127.0.0.1:$amqp_port" await_broker; fi
}

# Whoever needs the services holds a shared lock; the kernel lets go of it however the holder ends.
hold_services() { exec 7>"$dot/run/users.lock"; flock -s 7; }

# The last holder stops them, unless they were started to stay.
release_services() {
  if flock -n -x 7 && [[ ! -e $dot/run/keep ]]; then stop_services; fi
  exec 7>&-
}

stop_services() {
  stop_broker
  stop_postgres
}

stop_broker() { halt broker; halt epmd; }
stop_postgres() { halt postgres INT; }     # a fast shutdown: clients are cut, everything is written

wipe_broker() { rm -rf "$dot/broker" "$(data_home)/broker"; leave_data_home; }
wipe_postgres() { rm -rf "$(data_home)/postgres" "/var/tmp/remit-$(clone_number)"; leave_data_home; }
leave_data_home() { rmdir "$(data_home)" 2>/dev/null || true; }
