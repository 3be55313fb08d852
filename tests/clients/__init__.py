"""Programs by which other people's clients are tried on a running stack; each runs in an environment of its own."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What a child keeps of our surroundings; proxies and keys of whoever runs the tests are none of them.
KEPT = ("PATH", "HOME", "LANG", "TMPDIR")


def client_folder(name: str) -> Path:
    """Where a client is installed; where it cannot be, the test is skipped, or fails if nothing may be left out."""
    made = subprocess.run([ROOT / "requirements/clients.sh", name], capture_output=True, text=True, check=False)
    if made.returncode:
        reason = (
            made.stderr.strip().splitlines()[-1] if made.stderr.strip() else f"clients.sh ended with {made.returncode}"
        )
        if os.environ.get("HARMONIC_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        sys.stderr.write(f"\nLeft out: {reason}\n")
        pytest.skip(reason)
    return Path(made.stdout.strip())


async def run_client(name: str, script: str, env: Mapping[str, str], *, seconds: float = 150) -> None:
    """Run tests/clients/NAME/SCRIPT where the client is installed; fail with what it printed."""
    folder = await asyncio.to_thread(client_folder, name)
    program = "node" if script.endswith(".mjs") else str(folder / "bin/python")
    process = await asyncio.create_subprocess_exec(
        program,
        ROOT / "tests/clients" / name / script,
        cwd=folder,
        env={key: value for key, value in os.environ.items() if key in KEPT} | dict(env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(seconds):
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, out.decode(errors="replace")[-4000:]
