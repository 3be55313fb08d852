#!/usr/bin/env bash
# Runs the tests. What cannot run here is named with its reason; with HARMONIC_REQUIRE_ALL=1 that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
missing=()
for program in redis-server cc promtool docker-compose systemd-analyze; do
    command -v "$program" >/dev/null 2>&1 || missing+=("$program")
done
if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
        requirements/system-deps.sh all
    else
        echo "Left out: the tests that need ${missing[*]}, not installed here (make system-deps)." >&2
    fi
fi
exec .venv/bin/python -m pytest -m "not long" "$@"
