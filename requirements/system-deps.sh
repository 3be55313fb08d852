#!/usr/bin/env bash
# Installs Debian packages that are missing, as root; otherwise prints the one command to run and exits 2.
# "python": what makes the environment. "engine": the OpenMP library that the embedded engine is linked to, looked for as
# the Python named in PYTHON would. "all": these, and what some tests need.
set -euo pipefail

missing=()
if [ "${1:-all}" != engine ]; then
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
fi
if [ "$(uname -s)" = Linux ]; then  # elsewhere its wheels need nothing beside themselves
    "${PYTHON:-python3}" -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null || missing+=(libgomp1)
fi
if [ "${1:-all}" = all ]; then
    command -v redis-server >/dev/null 2>&1 || missing+=(redis-server)
    command -v cc >/dev/null 2>&1 || missing+=(gcc libc6-dev)
    command -v promtool >/dev/null 2>&1 || missing+=(prometheus)
    command -v docker-compose >/dev/null 2>&1 || missing+=(docker-compose)
    command -v systemd-analyze >/dev/null 2>&1 || missing+=(systemd)
fi
[ ${#missing[@]} -gt 0 ] || exit 0

install="apt-get install --yes --no-install-recommends ${missing[*]}"
if ! command -v apt-get >/dev/null 2>&1; then
    echo "Missing here: ${missing[*]} (Debian's names). Install them with this system's package manager." >&2
    exit 2
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "Missing here: ${missing[*]}. Run this once, then try again:" >&2
    echo "  sudo sh -c 'apt-get update && $install'" >&2
    exit 2
fi
export DEBIAN_FRONTEND=noninteractive
# A package of a server starts it; here only its program is wanted.
if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
apt-get update --quiet --quiet
$install --quiet --quiet >/dev/null
