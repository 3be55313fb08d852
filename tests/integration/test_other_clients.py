"""Clients of other languages and frameworks against the real stack, each in an environment of its own."""

from pathlib import Path

import pytest

from tests.cli import Home
from tests.clients import run_client
from tests.fake_chunks import tool_call
from tests.fake_engine import Act, fake_engine
from tests.stack import served_stack

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]


async def _environment(home: Home) -> dict[str, str]:
    url, key = (await home.json("status"))["url"], (await home.run("key", "show")).out.strip()
    (model,) = (await home.json("status"))["engine"]["models"]
    return {
        "HARMONIC_URL": url,
        "HARMONIC_KEY": key,
        "HARMONIC_MODEL": model,
        "HARMONIC_ENCODER": "harmonic-embed-hash512-2",
        # What these clients would look for on the network, or send there.
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LLM_USER_PATH": str(home.path / "llm"),
        "AI_SDK_LOG_WARNINGS": "false",
        "LANGCHAIN_TRACING_V2": "false",
        "TIKTOKEN_CACHE_DIR": str(home.path / "tiktoken"),
    }


async def test_openai_node(running: Home) -> None:
    await run_client("node", "check.mjs", await _environment(running))


async def test_openai_node_with_tools(tmp_path: Path) -> None:
    def play(body: dict[str, list[dict[str, str]]]) -> Act:
        answered = any(message["role"] == "tool" for message in body["messages"])
        return Act("It rains in Rome.") if answered else Act(raw=tool_call("get_weather", '{"city":', '"Rome"}'))

    async with (
        fake_engine(play) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "merge.minority": "off"}) as stack,
    ):
        await run_client("node", "tools.mjs", {"HARMONIC_URL": stack.url, "HARMONIC_KEY": stack.key})


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("vercel", "check.mjs"),
        ("langchain", "check.py"),
        ("llama_index", "check.py"),
        ("llm", "check.py"),
        ("litellm", "check.py"),
    ],
)
async def test_a_framework(running: Home, name: str, script: str) -> None:
    await run_client(name, script, await _environment(running), seconds=300)
