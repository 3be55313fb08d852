"""No request that our own OpenAPI document allows, or just does not allow, is answered with a fault of ours."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fake_engine import Act, fake_engine
from tests.stack import served_stack

SECONDS = 30  # that requests are made for


def _play(body: dict[str, Any]) -> Act:
    """An engine that answers whatever it is asked: 502 would be its fault, not ours."""
    if "input" in body:
        count = len(body["input"]) if isinstance(body["input"], list) else 1
        vectors = [{"index": place, "embedding": [0.5] * body.get("dimensions", 4)} for place in range(count)]
        return Act(whole=json.dumps({"data": vectors}).encode())
    if "prompt" in body:
        piece = {"choices": [{"index": 0, "text": "words", "finish_reason": "stop"}]}
        return Act(raw=[b"data: " + json.dumps(piece).encode() + b"\n\n", b"data: [DONE]\n\n"])
    return Act("Some words. Answer: 4")


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_schemathesis_finds_no_server_error(tmp_path: Path) -> None:
    async with (
        fake_engine(_play, models=("fake", "string")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "engine.model": "fake"}) as stack,
        stack.client() as client,
    ):
        assert len((await client.get("/openapi.json")).json()["paths"]) > 20
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("schemathesis"),
            "run",
            f"{stack.url}/openapi.json",
            *("--header", f"Authorization: Bearer {stack.admin}"),
            *("--checks", "not_a_server_error", "--seed", "1", "--max-time", str(SECONDS), "--request-timeout", "20"),
            *("--exclude-path", "/admin/spine/tail", "--warnings", "off", "--no-color"),  # a tail never ends
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()[-6000:]
    assert len(engine.requests) > 0
