"""Without a collector nothing that exports traces is loaded; without the extra no collector is accepted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli import Home

MISSING = "raise ModuleNotFoundError(f'No module named {__name__!r}', name=__name__)\n"


@pytest.fixture
def without_the_extra(tmp_path: Path) -> str:
    """A folder that hides the extra from a program that looks there first; the API alone comes with FastAPI."""
    for name in ("opentelemetry/sdk", "opentelemetry/exporter"):
        package = tmp_path / "hidden" / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(MISSING, "utf-8")
    return str(tmp_path / "hidden")


def test_the_daemon_loads_nothing_of_it_while_traces_are_off(without_the_extra: str) -> None:
    code = (
        "import asyncio, sys, harmonic_stack.daemon, harmonic_stack.api.app\n"
        "from harmonic_stack.config import Telemetry\n"
        "from harmonic_stack.tracing import open_traces\n"
        "async def off():\n"
        "    async with open_traces(Telemetry(), print) as tell:\n"
        "        assert tell is None\n"
        "asyncio.run(off())\n"
        "sys.exit(any(name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter')) for name in sys.modules))\n"
    )
    env = {**os.environ, "PYTHONPATH": without_the_extra}
    assert subprocess.run([sys.executable, "-c", code], env=env, check=False).returncode == 0


async def test_a_collector_without_the_extra_is_refused_before_anything_starts(
    tmp_path: Path, without_the_extra: str
) -> None:
    env = {"PYTHONPATH": without_the_extra, "HARMONIC_TELEMETRY__OTLP": "http://127.0.0.1:4318"}
    ran = await Home(tmp_path, env).run("up")
    assert ran.code == 2
    assert "traces cannot go to http://127.0.0.1:4318: the package opentelemetry.exporter is not installed" in ran.err
    assert "requirements/otel.txt" in ran.err
