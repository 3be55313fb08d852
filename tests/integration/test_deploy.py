"""The files of deploy/ are what their own tools call good, and name only what exists."""

import asyncio
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from harmonic_stack.config import Config
from harmonic_stack.metrics import Metrics
from tests.fake_engine import Act, fake_engine
from tests.stack import asking, served_stack

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
MOST_EXPOSURE = 2.0


def tool(name: str) -> str:
    """The path of a program; a test without it is left out, or fails where nothing may be."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        if os.environ.get("HARMONIC_REQUIRE_ALL") == "1":
            pytest.fail(f"no {name} here, and HARMONIC_REQUIRE_ALL=1")
        pytest.skip(f"no {name} here")
    return found


async def run(*words: str, text: bytes = b"", cwd: Path = ROOT) -> tuple[int, str]:
    """Run a program with *text* as its input; its exit code and all that it says."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *words, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT, cwd=cwd
    )
    said, _ = await process.communicate(text)
    assert process.returncode is not None
    return process.returncode, said.decode()


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists here: whether ours is installed is not the unit's fault."""
    text = (DEPLOY / "harmonic-stack.service").read_text()
    file = tmp_path / "harmonic-stack.service"
    file.write_text(re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={sys.executable}", text))
    return file


async def test_systemd_finds_nothing_wrong_with_the_unit(unit: Path) -> None:
    assert await run(tool("systemd-analyze"), "verify", str(unit)) == (0, "")


async def test_a_mistake_in_the_unit_would_be_found(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("ProtectSystem=strict", "ProtectSystem=somewhat"))
    assert "somewhat" in (await run(tool("systemd-analyze"), "verify", str(unit)))[1]


async def test_the_unit_is_hardly_exposed(unit: Path) -> None:
    code, said = await run(tool("systemd-analyze"), "security", "--offline=true", "--no-pager", str(unit))
    level = re.search(r"Overall exposure level for .*?: ([\d.]+)", said)
    assert level is not None, said
    assert float(level[1]) <= MOST_EXPOSURE
    assert code == 0


async def test_the_linter_finds_nothing_wrong_with_the_dockerfile() -> None:
    assert await run(tool("hadolint"), str(DEPLOY / "Dockerfile")) == (0, "")


def test_everything_that_the_dockerfile_copies_is_there_and_no_package_is_forgotten() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    copied = {source for line in re.findall(r"(?m)^COPY (?!--from)(.*)$", text) for source in line.split()[:-1]}
    assert [source for source in copied if not (ROOT / source).exists()] == []
    assert {"harmonic_stack/", "launcher/", "spine/", "ommatidia/", "requirements/"} <= copied


async def test_the_compose_file_is_good_and_opens_nothing_to_the_network() -> None:
    code, said = await run(tool("docker-compose"), "-f", str(DEPLOY / "docker-compose.yml"), "config")
    assert code == 0, said
    published = re.findall(r"(?m)^\s+- (\S+):\d+:\d+", said)
    assert published
    assert set(published) == {"127.0.0.1"}


def test_the_stack_serves_the_name_by_which_prometheus_calls_it() -> None:
    environment = re.findall(r"(?m)^ +(HARMONIC_\w+): (.+)$", (DEPLOY / "docker-compose.yml").read_text())
    config = Config.load(None, env={"HOME": "/", **dict(environment)}, flags={}).config
    targets = re.findall(r'targets: \["([^:]+):\d+"\]', (DEPLOY / "prometheus.yml").read_text())
    assert targets
    assert set(targets) <= set(config.server.allowed_hosts)


async def test_prometheus_finds_nothing_wrong_with_its_configuration(tmp_path: Path) -> None:
    (tmp_path / "harmonic-key").write_text("hs-none")
    file = tmp_path / "prometheus.yml"
    file.write_text((DEPLOY / "prometheus.yml").read_text().replace("/etc/prometheus/secrets", str(tmp_path)))
    code, said = await run(tool("promtool"), "check", "config", str(file))
    assert (code, "SUCCESS" in said) == (0, True), said


async def test_prometheus_finds_nothing_wrong_with_our_metrics(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("Two and two make four. Answer: 4")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client() as client,
    ):
        await client.post("/v1/chat/completions", json=asking("What is 2 + 2?"))
        told = await client.get("/metrics")
    assert await run(tool("promtool"), "check", "metrics", text=told.content) == (0, "")


def test_every_metric_on_the_dashboard_exists() -> None:
    dashboard = json.loads((DEPLOY / "grafana" / "harmonic-stack.json").read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"harmonic_\w+", target["expr"])
    }
    endings = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"], "gauge": [""]}
    made = {f"{family.name}{end}" for family in Metrics().registry.collect() for end in endings[family.type]}
    assert asked
    assert asked - made == set()
