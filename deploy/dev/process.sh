# shellcheck shell=bash
# Processes: a service is a NAME, its log .dev/log/NAME.log and its .dev/run/NAME.pid,
# which holds "PID START": the start time tells our process from a later one with the same number.
# Sourced by ./dev.

say()  { printf '%s\n' "$@"; }
warn() { printf '%s\n' "$@" >&2; }

# fail ADVICE [NAME]: ends the run, with the last lines of NAME's log.
fail() {
  warn "" "✗ $1"
  local log=$dot/log/${2:-}.log
  if [[ -n ${2:-} && -s $log ]]; then
    warn "  the last lines of ${log#"$root"/}:"
    tail -n 15 "$log" | sed 's/^/    /' >&2
  fi
  exit 1
}

# step TEXT COMMAND…: runs it and says how long it took.
step() {
  local text=$1 from=${EPOCHREALTIME/[.,]/} took; shift
  "$@"
  took=$(( (${EPOCHREALTIME/[.,]/} - from) / 100000 ))
  printf '✓ %-44s %4d.%d s\n' "$text" $(( took / 10 )) $(( took % 10 ))
}

started_at() {
  local stat fields
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
  read -ra fields <<<"${stat##*) }"        # the name before the bracket may hold spaces
  [[ ${fields[0]:-Z} != Z ]] && printf '%s\n' "${fields[19]}"
}

alive() {
  local pid start
  { read -r pid start <"$dot/run/$1.pid"; } 2>/dev/null || return 1
  [[ -n $start && $(started_at "$pid") == "$start" ]]   # no start: it ended at once
}

pid_of() { local pid _; read -r pid _ <"$dot/run/$1.pid"; printf '%s\n' "$pid"; }

# spawn NAME COMMAND…: in a session of its own, so that a Ctrl-C at the terminal reaches ./dev
# alone, which then stops everything in order. The locks of ./dev are not handed on.
spawn() {
  local name=$1 log=$dot/log/$1.log; shift
  if [[ -e $log ]]; then mv -f "$log" "$log.1"; fi
  setsid "$@" >"$log" 2>&1 </dev/null 7>&- 8>&- 9>&- &
  printf '%s %s\n' "$!" "$(started_at "$!")" >"$dot/run/$name.pid"
  disown     # or the shell remarks on its end, at a time of its own
}

# await NAME SECONDS COMMAND…: until the command succeeds; fails when NAME ends or the time is up.
await() {
  local name=$1 until=$(( SECONDS + $2 )); shift 2
  until "$@" >/dev/null 2>&1; do
    alive "$name" || fail "$name ended while starting." "$name"
    (( SECONDS < until )) || fail "$name runs, but is not ready in time." "$name"
    sleep 0.1
  done
}

# halt NAME [SIGNAL]: asks it to end; after 30 s it is killed.
halt() {
  local name=$1 pid until=$(( SECONDS + 30 ))
  if alive "$name"; then
    pid=$(pid_of "$name")
    kill "-${2:-TERM}" "$pid" 2>/dev/null || true
    while alive "$name"; do
      if (( SECONDS >= until )); then
        warn "$name does not end: killed."
        kill -KILL -- "-$pid" 2>/dev/null || true
        until=$(( SECONDS + 5 ))
      fi
      sleep 0.05
    done
  fi
  rm -f "$dot/run/$name.pid"
}

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

running() {
  local file
  for file in "$dot"/run/*.pid; do
    file=${file##*/}
    if alive "${file%.pid}"; then printf '%s\n' "${file%.pid}"; fi
  done
}
