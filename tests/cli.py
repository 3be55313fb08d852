"""The command `harmonic-stack` as a person types it, in a home folder of its own."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

COMMAND = (sys.executable, "-m", "harmonic_stack.cli.main")


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str


@dataclass
class Home:
    """A person's home folder, with nothing of ours in it yet."""

    path: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """A clean environment: no setting of the test's own surroundings gets in."""
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TMPDIR")}
        # A short runtime folder: sockets live in it. No Ollama of whoever runs the tests is at that address.
        own = {"HOME": str(self.path), "XDG_RUNTIME_DIR": str(self.path / "run"), "OLLAMA_HOST": "127.0.0.1:1"}
        return kept | own | self.env

    async def run(self, *words: str, timeout: float = 110, text: str = "") -> Ran:
        """Run a command to its end, with *text* typed into it."""
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment,
        )
        try:
            async with asyncio.timeout(timeout):
                out, err = await process.communicate(text.encode())
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        return Ran(process.returncode, out.decode(), err.decode())

    async def json(self, *words: str) -> Any:
        """What a reading command prints with --json."""
        ran = await self.run(*words, "--json")
        assert ran.code == 0, ran.err
        return json.loads(ran.out)

    def processes(self) -> list[psutil.Process]:
        """Every process that lives in this home: the daemon, its guards, the engine and the store."""
        found = []
        for process in psutil.process_iter():
            try:
                # The store writes its title over its environment; its socket's path stands in the title.
                ours = process.environ().get("HOME") == str(self.path) or str(self.path) in " ".join(process.cmdline())
                if ours and process.pid != os.getpid():
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def make(self) -> "Home":
        """Make the folders that a login would have made."""
        (self.path / "run").mkdir(mode=0o700, parents=True)
        return self
