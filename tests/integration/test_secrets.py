"""Where a prompt or a key must not show on a real stack: logs, arguments and environments of all its processes."""

import json

import httpx
import psutil
import pytest

from tests.cli import Home
from tests.stack import asking

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]
PROMPT = "canary-prompt-2c9f41"


async def test_no_process_and_no_log_shows_a_prompt_or_a_key(running: Home) -> None:
    url = (await running.json("status"))["url"]
    keys = {each["scope"]: each["key"] for each in json.loads(_keys_file(running))["keys"]}
    headers = {"authorization": f"Bearer {keys['inference']}"}
    body = {**asking(f"Say hello to {PROMPT}.", "harmonic-fast"), "max_tokens": 8}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=120) as client:
        assert (await client.post("/v1/chat/completions", json=body)).status_code == 200
        seen = {"metrics": (await client.get("/metrics")).text}
    for file in (running.path / ".local/state/harmonic-stack/logs").iterdir():
        seen[f"log {file.name}"] = file.read_text("utf-8", "replace")
    found = running.processes()
    assert len(found) == 5, "the daemon, two guards, the engine, the store"
    for process in found:
        seen[f"arguments of {process.name()}"] = " ".join(process.cmdline())
        seen[f"environment of {process.name()}"] = _environment(process)
    marks = (PROMPT, *keys.values())
    assert [(where, mark) for where, text in seen.items() for mark in marks if mark in text] == []
    assert not [where for where, text in seen.items() if where.startswith("arguments") and "--api-key " in text]


def _keys_file(home: Home) -> str:
    return (home.path / ".local/state/harmonic-stack/keys/keys.json").read_text("utf-8")


def _environment(process: psutil.Process) -> str:
    return json.dumps(process.environ())
