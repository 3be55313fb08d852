"""Power cuts, as far as a running system can make them: a killed program, and its files cut to what was synced.

A killed process leaves its writes to the kernel, so a kill alone never loses any. Here the program runs with
`synced.c` preloaded, which notes the size that each file had when a sync of it began. After the kill each file is cut
to that size: everything beyond it was written after the last sync that ended, and a power cut may take it.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest


def preload(folder: Path) -> Path:
    """Build the library that is preloaded; skip where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        if os.environ.get("HARMONIC_REQUIRE_ALL") == "1":
            pytest.fail("no C compiler on PATH, and HARMONIC_REQUIRE_ALL=1")
        pytest.skip("no C compiler on PATH")
    built = folder / "synced.so"
    source = Path(__file__).with_name("synced.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(built), str(source)], check=True)
    return built


def cut_power(log: Path, *files: Path) -> int:
    """Cut *files* to what was synced of them, and return how many bytes that took."""
    sizes: dict[int, int] = {}
    for line in log.read_text().splitlines() if log.exists() else ():
        inode, size = map(int, line.split())
        sizes[inode] = size
    lost = 0
    for file in files:
        state = file.stat()
        kept = min(sizes.get(state.st_ino, 0), state.st_size)
        lost += state.st_size - kept
        os.truncate(file, kept)
    return lost


@asynccontextmanager
async def writing(url: str, record: Path, channel: int, **environment: str) -> AsyncIterator["Writing"]:
    """Run the small writer program; it is killed at the end."""
    root = Path(__file__).parents[2]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.conformance.writer", url, str(record), str(channel)),
        stdout=asyncio.subprocess.PIPE,
        cwd=root,
        env={**os.environ, **environment},
    )
    found = Writing(process)
    try:
        yield found
    finally:
        await found.kill()


class Writing:
    """The program at work; ``acknowledged`` holds every id that it was promised."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.acknowledged: list[str] = []
        self._process = process
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if line.endswith(b"\n"):
                self.acknowledged.append(line.decode().strip())

    async def kill(self) -> None:
        """Kill it as a crash would, and read what it had still said."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._reader
