"""A real Ollama with a real model, pulled from a registry on loopback: launched, proven, asked, killed, left behind."""

import asyncio
import hashlib
import json
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import pytest_asyncio

from launcher import demo_model
from launcher.loopback import free_port
from tests.cli import COMMAND, Home
from tests.helpers import until
from tests.ollama import Installed, killed_at_a_word_of, ollama_program
from tests.ollama_registry import Published, registry
from tests.pooled_gguf import pooled

pytestmark = [pytest.mark.engine, pytest.mark.timeout(240)]

# The same model in a file of another digest: Ollama gives it a runner of its own.
OTHER_END = bytes(32)

TWO_MODELS = """
version = 1
[agents.executive]
tier = 1
role = "You answer."
[agents.coder]
tier = 3
role = "You are a programmer."
model = "{other}"
"""


@pytest.fixture(scope="module")
def installed() -> Iterator[Installed]:
    """Ollama with a folder of models that starts empty."""
    with tempfile.TemporaryDirectory(prefix="hs-ollama-") as folder:
        yield Installed(ollama_program(), Path(folder))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def names(installed: Installed) -> AsyncIterator[dict[str, str]]:
    """The names of the models in that folder: pulled from a registry, as a person does; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="hs-") as folder:
        home = installed.settle(Home(Path(folder)).make())
        broken = Path(folder) / "broken.gguf"
        broken.write_bytes(demo_model().read_bytes()[:2_000_000])
        other = Path(folder) / "other.gguf"
        other.write_bytes(demo_model().read_bytes() + OTHER_END)
        embeds = Path(folder) / "embeds.gguf"
        embeds.write_bytes(pooled(demo_model().read_bytes()))
        offered = {
            "tiny": Published(demo_model()),
            "other": Published(other),
            "clamped": Published(demo_model(), family="qwen35"),
            "broken": Published(broken),
            "embeds": Published(embeds),
        }
        async with registry(offered) as running:
            for name in reversed(offered):
                pulled = await home.run("pull", f"http://{running.name(name)}")
                assert pulled.code == 0, pulled.err
                assert "success" in pulled.err
            yield {name: running.name(name) for name in offered}


def up(*more: str) -> tuple[str, ...]:
    return ("up", "--detach", "--engine", "ollama", "--port", str(free_port()), *more)


def program(home: Home, name: str) -> psutil.Process:
    """The one process of this home with this name."""
    found = [process for process in home.processes() if process.name() == name]
    assert len(found) == 1
    return found[0]


async def client(home: Home) -> httpx.AsyncClient:
    status = await home.json("status")
    key = (await home.run("key", "show", "--admin")).out.strip()
    return httpx.AsyncClient(base_url=status["url"], headers={"authorization": f"Bearer {key}"}, timeout=60)


async def test_from_nothing_to_an_answer_and_back(home: Home, installed: Installed, names: dict[str, str]) -> None:
    installed.settle(home, names["tiny"])
    listed = await home.json("models")
    assert {model["name"] for model in listed["models"]} == {f"{name}:latest" for name in names.values()}
    started = await home.run(*up())
    assert started.code == 0, started.err
    assert "starting Ollama 0.32.14" in started.err
    assert f"slots of {names['tiny']}: asked 4, got 4" in started.err
    status = await home.json("status")
    assert (status["engine"]["name"], status["engine"]["models"]) == ("ollama", [names["tiny"]])
    assert {psutil.Process(pid).name() for pid in status["engine"]["pids"]} == {"ollama", "llama-server"}
    asked = await home.run("ask", "What is 2 + 2?", "--max-tokens", "40")
    assert asked.code == 0, asked.err
    assert asked.out.strip()
    assert (await home.run("down")).code == 0
    assert home.processes() == []


async def test_ollama_is_asked_for_what_it_can_and_refuses_the_rest_by_name(
    home: Home, installed: Installed, names: dict[str, str]
) -> None:
    installed.settle(home, names["tiny"])
    assert (await home.run(*up())).code == 0
    say: dict[str, Any] = {"model": names["tiny"], "messages": [{"role": "user", "content": "Name a city."}]}
    say["max_tokens"] = 30
    schema = {"type": "object", "properties": {"city": {"enum": ["Paris", "Rome"]}}, "required": ["city"]}
    form = {"type": "json_schema", "json_schema": {"name": "place", "schema": schema, "strict": True}}
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
    async with await client(home) as daemon:

        async def chat(**more: Any) -> httpx.Response:
            return await daemon.post("/v1/chat/completions", json={**say, **more})

        several = (await chat(n=2, seed=3, logprobs=True, top_logprobs=2)).json()["choices"]
        assert [choice["index"] for choice in several] == [0, 1]
        for choice in several:
            tokens = choice["logprobs"]["content"]
            assert "".join(token["token"] for token in tokens) == choice["message"]["content"]
            assert all(len(token["top_logprobs"]) == 2 for token in tokens)
        found = (await chat(response_format=form, temperature=0, max_tokens=200)).json()["choices"][0]["message"][
            "content"
        ]
        assert json.loads(found)["city"] in ("Paris", "Rome")
        raw = {"model": names["tiny"], "prompt": "The sea is", "max_tokens": 5}
        assert (await daemon.post("/v1/completions", json=raw)).json()["choices"][0]["text"]
        for more, code, param in (
            ({"tools": [tool]}, "engine_refused", "tools"),
            ({"tools": [tool], "tool_choice": "required"}, "unsupported_parameter", "tool_choice"),
            ({"logit_bias": {"5": 1}}, "unsupported_parameter", "logit_bias"),
        ):
            refused = await chat(**more)
            error = refused.json()["error"]
            assert (refused.status_code, error["code"], error["param"]) == (400, code, param)
    assert (await home.run("down")).code == 0


async def test_eight_slots_are_as_real_as_four(home: Home, installed: Installed, names: dict[str, str]) -> None:
    installed.settle(home, names["tiny"]).env["HARMONIC_ENGINE__SLOTS"] = "8"
    started = await home.run(*up())
    assert "asked 8, got 8" in started.err
    assert "-np 8" in " ".join(program(home, "llama-server").cmdline())
    assert (await home.run("down")).code == 0


async def test_a_killed_daemon_leaves_neither_ollama_nor_its_runner(
    home: Home, installed: Installed, names: dict[str, str]
) -> None:
    installed.settle(home, names["tiny"])
    assert (await home.run(*up())).code == 0
    daemon = next(process for process in home.processes() if "up" in process.cmdline())
    os.kill(daemon.pid, signal.SIGKILL)
    await until(lambda: home.processes() == [], "ollama, llama-server, store and guards are gone", timeout=5)


async def test_a_runner_or_a_server_that_is_killed_comes_back(
    home: Home, installed: Installed, names: dict[str, str]
) -> None:
    installed.settle(home, names["tiny"])
    assert (await home.run(*up())).code == 0
    async with await client(home) as daemon:
        for _ in range(8):  # a small model may have said all that it has to say before the signal reaches its runner
            lines = await _broken_answer(daemon, home)
            if lines[-1] != "data: [DONE]":
                break
        assert "error" in json.loads(lines[-1].removeprefix("data: "))
        assert "data: [DONE]" not in lines
        assert (await _answer(daemon)).status_code == 200  # Ollama loads it again

        program(home, "ollama").kill()

        async def serves_again() -> bool:
            status = (await daemon.get("/admin/status")).json()["engine"]
            return bool(status["state"] == "ready" and status["healthy"])

        # Asked while the server is away: the call waits for it, and is answered.
        assert (await _answer(daemon)).status_code == 200
        await until(serves_again, "Ollama was started again", timeout=20)
        assert (await _answer(daemon)).status_code == 200
    assert (await home.run("down")).code == 0
    assert home.processes() == []


async def test_a_runner_that_dies_fails_only_its_own_agents(
    home: Home, installed: Installed, names: dict[str, str]
) -> None:
    crew = home.path / "crew.toml"
    crew.write_text(TWO_MODELS.format(other=names["other"]))
    installed.settle(home, names["tiny"]).env |= {"HARMONIC_CREW__FILE": str(crew), "HARMONIC_ROUTE__CLOSED": "never"}
    started = await home.run(*up())
    assert started.code == 0, started.err
    assert started.err.count("asked 4, got 4") == 2
    digest = hashlib.sha256(demo_model().read_bytes() + OTHER_END).hexdigest()
    async with await client(home) as daemon:
        for _ in range(8):  # a small model may have said all that it has to say before the signal reaches its runner
            assert (await _answer(daemon, "coder")).status_code == 200  # the runner is there
            runner = next(process for process in home.processes() if digest in " ".join(process.cmdline()))
            chunks = await killed_at_a_word_of(daemon, "coder", runner)
            ended = {agent["name"]: agent["status"] for agent in chunks[-1]["harmonic"]["agents"]}
            if ended["coder"] != "ok":
                break
    assert (await home.run("down")).code == 0
    assert ended == {"executive": "ok", "coder": "failed"}
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks).strip()


async def _answer(daemon: httpx.AsyncClient, model: str = "harmonic-fast") -> httpx.Response:
    messages = [{"role": "user", "content": "Say hello."}]
    return await daemon.post("/v1/chat/completions", json={"model": model, "messages": messages, "max_tokens": 8})


async def _broken_answer(daemon: httpx.AsyncClient, home: Home) -> list[str]:
    """Ask for a long answer and kill the runner once text comes; the lines that came."""
    question = {"role": "user", "content": "Count from 1 to 500, every number on a line of its own."}
    body = {"model": "harmonic-fast", "messages": [question], "max_tokens": 900, "stream": True}
    lines: list[str] = []
    async with daemon.stream("POST", "/v1/chat/completions", json=body) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                lines.append(line)
                if len(lines) == 5:
                    program(home, "llama-server").kill()
    return lines


async def test_a_runner_that_all_share_is_loaded_again_for_a_call_that_had_not_begun(
    home: Home, installed: Installed, names: dict[str, str]
) -> None:
    installed.settle(home, names["tiny"])
    assert (await home.run(*up())).code == 0
    question = {"role": "user", "content": " ".join(f"Fact {n}: gardens need water." for n in range(25))}
    body = {"model": "harmonic-fast", "messages": [question], "max_tokens": 8}
    async with await client(home) as daemon:
        for delay in (0.0, 0.05, 0.2):  # in the prompt, mostly: its 250 tokens take longer than that
            asking = asyncio.create_task(daemon.post("/v1/chat/completions", json=body))
            await asyncio.sleep(delay)
            program(home, "llama-server").kill()
            answer = await asking
            assert answer.status_code in (200, 502), answer.text
            if answer.status_code == 502:
                assert answer.json()["error"]["code"] == "all_agents_failed"
            assert (await _answer(daemon)).status_code == 200
    assert (await home.run("down")).code == 0
    assert home.processes() == []


def _runs(home: Home, name: str) -> bool:
    return any(process.name() == name for process in home.processes())


async def test_a_server_that_ran_before_us_is_left_as_it_was(
    home: Home, installed: Installed, names: dict[str, str]
) -> None:
    installed.settle(home, names["tiny"])
    async with installed.serving(home, {"OLLAMA_NUM_PARALLEL": "1"}) as ollama:
        started = await home.run(*up())
        assert started.code == 0, started.err
        assert "asked 4, got 1" in started.err
        assert "OLLAMA_NUM_PARALLEL=4" in started.err
        assert (await home.run("ask", "Say hello.", "--max-tokens", "8")).code == 0
        assert (await home.json("status"))["engine"]["pids"] == []
        assert list((await ollama.loaded()).values()) == [2048]
        assert (await home.run("down")).code == 0
        await until(lambda: not _runs(home, "llama-server"), "what was loaded for us is freed")
        assert await ollama.version() == "0.32.14"


async def test_a_family_that_ollama_clamps_is_named(home: Home, installed: Installed, names: dict[str, str]) -> None:
    installed.settle(home, names["clamped"])
    started = await home.run(*up())
    assert "asked 4, got 1 (Ollama 0.32.14 gives models of the family qwen35 one slot each" in started.err
    assert (await home.run("down")).code == 0


async def test_a_clamped_family_moves_to_the_embedded_engine_where_that_is_allowed(
    home: Home, installed: Installed, names: dict[str, str]
) -> None:
    crew = home.path / "crew.toml"
    crew.write_text(TWO_MODELS.format(other=names["clamped"]))
    installed.settle(home, names["other"]).env |= {
        "HARMONIC_CREW__FILE": str(crew),
        "HARMONIC_ENGINE__CLAMPED": "embedded",
    }
    started = await home.run(*up())
    assert started.code == 0, started.err
    assert f"{names['clamped']} is served by the embedded engine: Ollama 0.32.14 gives" in started.err
    assert started.err.count("asked 4, got 4") == 2
    engines = (await home.json("status"))["engines"]
    assert [(engine["name"], engine["models"], engine["healthy"]) for engine in engines] == [
        ("ollama", [names["other"]], True),
        ("embedded", [names["clamped"]], True),
    ]
    logs = await home.run("logs", f"engine.{engines[1]['server']}")
    assert (logs.code, bool(logs.out)) == (0, True)
    async with await client(home) as daemon:
        asked = {"model": "coder", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8}
        assert (await daemon.post("/v1/chat/completions", json=asked)).status_code == 200
    assert (await home.run("down")).code == 0
    assert home.processes() == []


async def test_what_cannot_start_is_one_message_and_leaves_nothing(
    home: Home, installed: Installed, names: dict[str, str]
) -> None:
    installed.settle(home, "no-such-model")
    absent = await home.run(*up())
    assert (absent.code, absent.err.count("\n")) == (1, 1), absent.err
    assert "no-such-model" in absent.err
    assert "harmonic-stack pull" in absent.err
    home.env["HARMONIC_ENGINE__MODEL"] = names["broken"]
    broken = await home.run(*up())
    assert (broken.code, broken.err.count("\n")) == (1, 1), broken.err
    assert "exceeds file size" in broken.err
    home.env["PATH"] = str(home.path)
    nowhere = await home.run(*up())
    assert (nowhere.code, nowhere.err.count("\n")) == (1, 1), nowhere.err
    assert "there is no Ollama" in nowhere.err
    assert home.processes() == []


async def test_left_to_us_ollama_is_taken_where_it_has_a_model(
    home: Home, installed: Installed, names: dict[str, str], tmp_path: Path
) -> None:
    installed.settle(home, names["tiny"])
    assert names["tiny"] in (await home.run("plan")).out
    home.env.pop("HARMONIC_ENGINE__MODEL")
    assert names["tiny"] in (await home.run("plan")).out  # the newest
    home.env["OLLAMA_MODELS"] = str(tmp_path)
    assert "smollm2" in (await home.run("plan")).out  # the demonstration model of the embedded engine


async def test_an_interrupted_pull_goes_on_where_it_ended(home: Home, installed: Installed, tmp_path: Path) -> None:
    installed.settle(home).env["OLLAMA_MODELS"] = str(tmp_path)
    async with registry({"tiny": Published(demo_model())}) as running:
        name = f"http://{running.name('tiny')}"
        running.gate, running.hold_at = asyncio.Event(), 60_000_000
        pull = await asyncio.create_subprocess_exec(
            *COMMAND, "pull", name, stderr=asyncio.subprocess.DEVNULL, env=home.environment
        )
        await until(lambda: running.sent >= running.hold_at, "the most of it is sent", timeout=20)
        pull.send_signal(signal.SIGINT)
        assert await pull.wait() == 130
        assert home.processes() == []
        running.gate.set()
        again = await home.run("pull", name)
        assert again.code == 0, again.err
    assert running.ranges[0][0] == 0
    assert running.ranges[-1][0] > 30_000_000
    assert len((await home.json("models"))["models"]) == 1


async def test_core_checks_a_pulled_model_against_ollamas_own_manifest(
    home: Home, installed: Installed, names: dict[str, str]
) -> None:
    installed.settle(home)
    whole = await home.run("core", "verify", names["tiny"], "--no-engine")
    assert (whole.code, "ok        source    SHA-256" in whole.out) == (0, True), whole.out + whole.err
    broken = await home.run("core", "verify", names["broken"], "--no-engine")
    assert (broken.code, "wrong     size      truncated" in broken.out) == (1, True)


async def test_an_encoder_is_held_beside_the_agents_model_and_counted(
    home: Home, installed: Installed, names: dict[str, str]
) -> None:
    installed.settle(home, names["tiny"])
    home.env |= {
        "HARMONIC_ENCODER__ENGINE": "ollama",
        "HARMONIC_ENCODER__MODEL": names["embeds"],
        "HARMONIC_ENCODER__SECONDS": "60",
    }
    before = await home.run("doctor", "--json")  # it serves Ollama for as long as it looks
    assert home.processes() == []
    started = await home.run(*up())
    assert started.code == 0, started.err
    plan = await home.json("plan")
    assert any(f"{names['embeds']} is held beside the agents' models" in words for words in plan["decisions"])
    assert plan["shared_bytes"] > sum(pool["bytes"] for pool in plan["pools"])
    encoder = (await home.json("status"))["encoder"]
    assert encoder["declared"]["model"] == names["embeds"]
    # Asked for its vectors, and refused: the pooled states of a chat model tell too little apart.
    assert "AUC" in encoder["declared"]["reason"]
    for ran in (before, await home.run("doctor", "--json")):
        (found,) = [each for each in json.loads(ran.out)["findings"] if "encoder" in each["what"]]
        assert (found["level"], "AUC" in found["what"]) == ("wrong", True), found
        assert "made for embeddings" in found["remedy"]
    runners = [process for process in home.processes() if process.name() == "llama-server"]
    assert len(runners) == 2
    assert (await home.run("down")).code == 0
