# Shared by the scripts beside it.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}

step() { printf '\n== %s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Makes sure that the programs are built. In .ci/run the tests have built them, with the features that they need.
programs() {
    local name
    for name in odock-gateway odockctl odock-sim; do
        if [ -z "${ODOCK_CI_BUILT:-}" ] || [ ! -x "$target/debug/$name" ]; then
            (cd "$root" && cargo build --locked --workspace --bins)
            return
        fi
    done
}

# Starts the demo, and sets demo_pid, demo_log, demo_url and demo_key from what it prints.
start_demo() {
    demo_log=$(mktemp)
    "$target/debug/odock-gateway" demo --port 0 >"$demo_log" 2>&1 &
    demo_pid=$!
    trap stop_demo EXIT
    local tries
    for tries in $(seq 1 300); do
        kill -0 "$demo_pid" 2>/dev/null || { cat "$demo_log" >&2; fail "the demo ended by itself"; }
        demo_curl=$(demo_curl_line)
        [ -n "$demo_curl" ] && break
        sleep 0.2
    done
    [ -n "$demo_curl" ] || { cat "$demo_log" >&2; fail "the demo printed no curl line within a minute"; }
    demo_url=$(grep -oE 'https?://[0-9a-z.]+:[0-9]+' <<<"$demo_curl" | head -1 || true)
    demo_key=$(grep -oE 'sk-odock-[A-Za-z0-9_-]+' <<<"$demo_curl" | head -1 || true)
}

# The first curl command that the demo printed, with the lines that continue it; nothing until it is whole.
demo_curl_line() {
    sed 's/\x1b\[[0-9;]*m//g' "$demo_log" | awk '
        !inside && /^[[:space:]]*(\$ )?curl / { inside = 1; sub(/^[[:space:]]*(\$ )?/, "") }
        inside { text = text $0 "\n"; if ($0 !~ /\\$/) { printf "%s", text; exit } }' || true
}

# Ends the demo, which must then end well by itself.
stop_demo() {
    trap - EXIT
    local tries
    kill -TERM "$demo_pid" 2>/dev/null || return 0
    for tries in $(seq 1 150); do
        kill -0 "$demo_pid" 2>/dev/null || break
        sleep 0.2
    done
    if kill -0 "$demo_pid" 2>/dev/null; then
        kill -KILL "$demo_pid"
        cat "$demo_log" >&2
        fail "the demo did not end within 30 s of being asked"
    fi
    wait "$demo_pid" || fail "the demo ended with exit code $?"
    rm -f "$demo_log"
}
