#!/usr/bin/env bash
# Makes the virtual environment with the newest Python >= 3.11 that can make one.
# As root on Debian a missing python3-venv is installed; otherwise the command to run is printed and the exit code is 2.
set -euo pipefail
target=$1

usable() {  # a Python of at least 3.11 that can make an environment with pip in it
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null &&
        "$1" -c 'import ensurepip, venv' 2>/dev/null
}

find_python() {
    local name
    for name in python3.14 python3.13 python3.12 python3.11 python3; do
        if usable "$name"; then echo "$name"; return; fi
    done
    return 1
}

python=$(find_python) || {
    "$(dirname "$0")/system-deps.sh" python
    python=$(find_python) || { echo "There is no Python from 3.11 to 3.14 here that can make virtual environments." >&2; exit 2; }
}
echo "Making $target with $("$python" --version)" >&2
"$python" -m venv "$target"
