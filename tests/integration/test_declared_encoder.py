"""The declared encoder with real models: another stack's MiniLM, and pooled states from a llama-server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from launcher import demo_model
from launcher.llama_server import package_program
from launcher.loopback import free_port
from tests.cli import Home
from tests.helpers import until
from tests.integration.forms import needs_llama_server
from tests.stack import Stack, asking, served_stack

pytestmark = [pytest.mark.engine, pytest.mark.timeout(240)]

KEY = "HARMONIC_TEST_OTHER_STACK"
MINILM = "harmonic-embed-minilm384"


@asynccontextmanager
async def llama_server(*more: str) -> AsyncIterator[str]:
    """Our package's llama-server on the demonstration model, with embeddings; its base URL."""
    program, port = package_program(), free_port()
    assert program is not None
    words = ("--model", str(demo_model()), "--host", "127.0.0.1", "--port", str(port), "--device", "none")
    process = await asyncio.create_subprocess_exec(
        str(program.path),
        *(*words, "--embeddings", "--pooling", "mean", "--ctx-size", "2048", "--no-webui", *more),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(timeout=2, trust_env=False) as client:

            async def serves() -> bool:
                try:
                    return (await client.get(f"{url}/health")).status_code == httpx.codes.OK
                except httpx.HTTPError:
                    return False

            await until(serves, "llama-server serves", timeout=60)
        yield f"{url}/v1"
    finally:
        process.terminate()
        await process.wait()


async def told(stack: Stack) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ask a crew of two: the answer, and what stands on channel 4 of how its drafts relate."""
    async with stack.client(admin=True) as client:
        body = asking("How do I keep bread fresh?", max_tokens=60, harmonic={"agents": ["coder"]})
        answer = (await client.post("/v1/chat/completions", json=body)).json()
        query, session = answer["harmonic"]["query"], answer["harmonic"]["session"]
        found: list[dict[str, Any]] = []

        async def written() -> bool:
            answer = await client.get("/admin/spine/channels/4/signals", params={"session": session, "query": query})
            found[:] = [signal["payload"] for signal in answer.json()["signals"] if signal["kind"] == "relations"]
            return bool(found)

        await until(written, "the relations stand on channel 4")
    return answer, found[0]


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_another_stacks_minilm_is_this_ones_encoder(
    running: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = (await running.json("status"))["url"]
    key = (await running.run("key", "show")).out.strip()
    monkeypatch.setenv(KEY, key)
    async with httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {key}"}, trust_env=False) as client:
        listed = [model["id"] for model in (await client.get("/v1/models")).json()["data"]]
    if MINILM not in listed:
        pytest.skip("the extra embed is not installed")
    there = {"engine": f"{url}/v1", "api_key_env": KEY}
    settings: dict[str, object] = {
        "engine.url": f"{url}/v1",
        "engine.api_key_env": KEY,
        "engine.model": next(name for name in listed if "smollm2" in name),
        "encoder.model": MINILM,
        "encoder.seconds": 60.0,
        **{f"encoder.{key}": value for key, value in there.items()},
    }
    async with served_stack(tmp_path, settings) as stack:
        encoder = (await stack.daemon.status())["encoder"]
        assert encoder["declared"]["state"] == "ready", encoder
        assert encoder["declared"]["told_apart"] > 0.95
        answer, relations = await told(stack)
        assert relations["encoder"] == encoder["tag"]
        assert encoder["tag"].startswith(f"{MINILM}#")
        assert all(0 <= draft["novelty"] <= 1 for draft in relations["drafts"])
    assert {agent["status"] for agent in answer["harmonic"]["agents"]} == {"ok"}


@pytest.mark.slow
@needs_llama_server
async def test_the_pooled_states_of_a_chat_model_are_refused_with_their_figure(tmp_path: Path) -> None:
    async with llama_server("--parallel", "1") as url:
        settings: dict[str, object] = {
            "engine.url": url,
            "engine.slots": 1,
            "encoder.engine": url,
            "encoder.model": "smollm2",
            "encoder.seconds": 60.0,
        }
        async with served_stack(tmp_path, settings) as stack:
            encoder = (await stack.daemon.status())["encoder"]
    assert encoder["declared"]["state"] == "failed"
    assert "AUC" in encoder["declared"]["reason"]
    assert 0.7 < encoder["declared"]["told_apart"] < 0.8
