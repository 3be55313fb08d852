#!/usr/bin/env bash
# Installs one of the clients that the stack is tested with and prints its folder: tests/clients/NAME, by its lock file,
# in a cache outside the checkout. What is missing here is named; then the exit code is 2.
set -euo pipefail
cd "$(dirname "$0")/.."

name=$1
source=tests/clients/$name
python=.venv/bin/python
cache=${HARMONIC_BUILD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/harmonic-stack-build}

missing() {
    echo "No client $name for the tests: $1" >&2
    exit 2
}

# The folder is named by what goes into it: a changed lock, recipe or interpreter is installed anew beside the old one.
if [ -f "$source/package-lock.json" ]; then
    command -v npm >/dev/null 2>&1 || missing "npm is not on PATH (it comes with Node.js 20 or newer)."
    locks=("$source/package.json" "$source/package-lock.json")
    with=$(node --version)
else
    [ -x "$python" ] || missing "there is no .venv (make install)."
    locks=("$source/requirements.txt")
    with=$("$python" --version)
fi
key=$( (cat requirements/clients.sh "${locks[@]}"; echo "$with") | sha256sum | cut -c1-12)
target=$cache/client-$name-$key
if [ -f "$target/.complete" ]; then
    echo "$target"
    exit 0
fi

mkdir -p "$cache"
rm -rf "$target"
echo "Installing the client $name" >&2
if [ -f "$source/package-lock.json" ]; then
    mkdir "$target"
    cp "${locks[@]}" "$target"
    (cd "$target" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2) || missing "npm ci failed."
else
    "$python" -m venv "$target"
    "$target/bin/python" -m pip --disable-pip-version-check --no-input install --quiet --require-hashes \
        -r "$source/requirements.txt" >&2 || missing "pip failed."
fi
touch "$target/.complete"
echo "$target"
