"""A real Ollama for the integration tests: where `make ollama` has put it, and running it as a person does."""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from launcher.loopback import free_port
from launcher.ollama_api import OllamaApi, version_at
from tests.cli import Home
from tests.helpers import until

ROOT = Path(__file__).parents[1]


def ollama_program() -> Path:
    """The program that `make ollama` built; without it the test is skipped, or fails where nothing may be left out."""
    where = subprocess.run([ROOT / "requirements/ollama.sh", "--where"], capture_output=True, text=True, check=True)
    program = Path(where.stdout.strip()) / "bin/ollama"
    if not program.exists():
        reason = f"there is no {program}: make ollama builds it"
        if os.environ.get("HARMONIC_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return program


@dataclass(frozen=True)
class Installed:
    """An Ollama on a box: its program, and a folder of models that several homes may share."""

    program: Path
    models: Path

    def variables(self) -> dict[str, str]:
        """What a person's environment says of it; OLLAMA_HOST names a port where none runs."""
        return {
            "PATH": f"{self.program.parent}:{os.environ['PATH']}",
            "OLLAMA_MODELS": str(self.models),
            "OLLAMA_HOST": f"127.0.0.1:{free_port()}",
        }

    def settle(self, home: Home, model: str = "") -> Home:
        """Put it into a home's environment, with the model that the settings there name."""
        home.env |= self.variables()
        if model:
            home.env["HARMONIC_ENGINE__MODEL"] = model
        return home

    @asynccontextmanager
    async def serving(self, home: Home, more: Mapping[str, str]) -> AsyncIterator[OllamaApi]:
        """Run `ollama serve` as a person would, at the address that *home*'s environment names."""
        process = await asyncio.create_subprocess_exec(
            self.program,
            "serve",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=home.environment | dict(more),
        )
        try:
            api = OllamaApi(f"http://{home.env['OLLAMA_HOST']}")

            async def serves() -> bool:
                return await version_at(api.url) is not None

            await until(serves, "a person's Ollama serves", timeout=20)
            yield api
        finally:
            process.terminate()
            await process.wait()


async def killed_at_a_word_of(daemon: httpx.AsyncClient, agent: str, runner: psutil.Process) -> list[dict[str, Any]]:
    """Ask an open question, and kill *runner* at the first word of *agent*; the chunks that came."""
    question = {"role": "user", "content": "Tell me all about gardens, in many sentences."}
    options = {"agents": [agent], "stream": "tokens"}
    body = {"model": "harmonic", "messages": [question], "stream": True, "max_tokens": 200, "harmonic": options}
    chunks: list[dict[str, Any]] = []
    async with daemon.stream("POST", "/v1/chat/completions", json=body) as answer:
        async for line in answer.aiter_lines():
            if not line.startswith("data: {"):
                continue
            chunks.append(json.loads(line.removeprefix("data: ")))
            if runner.is_running() and chunks[-1].get("harmonic", {}).get("agent") == agent:
                runner.kill()
    return chunks
