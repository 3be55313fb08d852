"""Models of the hub, fetched by the command line from a hub on loopback: resumed, checked, refused in one sentence."""

import asyncio
import hashlib
import os
import signal
from pathlib import Path

import pytest

from launcher import demo_model
from launcher.loopback import free_port
from tests.cli import COMMAND, Home
from tests.helpers import until
from tests.hub import COMMIT, Hub, hub

pytestmark = pytest.mark.timeout(120)

REPO = "someone/tiny-GGUF"
FILE = "tiny.Q4_K_M.gguf"
NAME = f"hf:{REPO}/{FILE}"
CONTENT = os.urandom(25_000_000)  # the library writes pieces of 10 MB


def settle(home: Home, running: Hub) -> Home:
    home.env |= {"HF_ENDPOINT": running.url, "HF_HUB_DISABLE_TELEMETRY": "1"}
    return home


def kept(home: Home) -> list[Path]:
    return [path for path in (home.path / ".local/share").rglob("*") if path.is_file() and "models" in path.parts]


@pytest.mark.parametrize("name", [NAME, f"hf.co/{REPO}:Q4", f"hf:{REPO}/{FILE}@v1"])
async def test_a_model_is_fetched_by_either_kind_of_name(home: Home, name: str) -> None:
    offered = {FILE: CONTENT, "tiny.Q8_0.gguf": b"other", "mmproj-Q4_K_M.gguf": b"eyes"}
    async with hub(Hub(REPO, offered, revisions=("main", "v1"))) as running:
        ran = await settle(home, running).run("pull", name)
        again = await home.run("pull", name)
    assert ran.code == 0, ran.err
    assert again.code == 0, again.err
    (path,) = kept(home)
    assert path.read_bytes() == CONTENT
    assert path.name == FILE
    assert str(path) in ran.err
    assert running.ranges == [0], "a second pull sends nothing that is here"
    if "@" in name:
        assert any("/revision/v1" in asked for asked in running.paths)
    assert any(f"/resolve/{COMMIT}/" in asked for asked in running.paths)


async def test_files_of_ours_are_listed_and_the_one_that_serves_is_marked(home: Home) -> None:
    async with hub(Hub(REPO, {FILE: CONTENT})) as running:
        assert (await settle(home, running).run("pull", NAME)).code == 0
    without = await home.run("models")
    assert (without.code, "there is no Ollama" in without.err) == (0, True)
    home.env["HARMONIC_ENGINE__MODEL"] = NAME
    named = await home.run("models")
    for ran, served in ((without, demo_model().name), (named, FILE)):
        rows = [line for line in ran.out.splitlines() if ".gguf" in line]
        assert [row.startswith("*") for row in rows] == [served == FILE, demo_model().name == served]
    assert (await home.json("models"))["files"][0]["bytes"] == len(CONTENT)


async def test_a_connection_that_breaks_is_taken_up_where_it_broke(home: Home) -> None:
    async with hub(Hub(REPO, {FILE: CONTENT}, break_at=22_000_000)) as running:
        ran = await settle(home, running).run("pull", NAME)
    assert ran.code == 0, ran.err
    assert running.ranges[0] == 0
    assert running.ranges[1] > 9_000_000
    assert kept(home)[0].read_bytes() == CONTENT


async def test_a_pull_that_was_interrupted_goes_on_where_it_ended(home: Home) -> None:
    async with hub(Hub(REPO, {FILE: CONTENT})) as running:
        running.gate, running.hold_at = asyncio.Event(), 22_000_000
        pull = await asyncio.create_subprocess_exec(
            *COMMAND, "pull", NAME, stderr=asyncio.subprocess.DEVNULL, env=settle(home, running).environment
        )
        await until(lambda: running.sent >= running.hold_at, "the most of it is sent", timeout=30)
        await until(lambda: bool(kept(home)) and kept(home)[0].stat().st_size > 9_000_000, "some has arrived")
        pull.send_signal(signal.SIGINT)
        assert await pull.wait() == 130
        running.gate.set()
        again = await home.run("pull", NAME)
    assert again.code == 0, again.err
    assert running.ranges[-1] > 9_000_000
    assert [path.name for path in kept(home)] == [FILE]
    assert kept(home)[0].read_bytes() == CONTENT


async def test_a_file_larger_than_the_disk_is_refused_with_both_figures_before_any_of_it_is_fetched(home: Home) -> None:
    async with hub(Hub(REPO, {FILE: CONTENT}, told_size=10**15)) as running:
        ran = await settle(home, running).run("pull", NAME)
    assert (ran.code, ran.err.count("\n")) == (1, 1), ran.err
    assert "it takes 1000000.0 GB" in ran.err
    assert "are free in" in ran.err
    assert (running.ranges, kept(home)) == ([], [])


async def test_content_that_is_not_what_the_hub_promised_is_refused_and_not_kept(home: Home) -> None:
    lie = hashlib.sha256(b"something else").hexdigest()
    async with hub(Hub(REPO, {FILE: CONTENT}, claimed=lie)) as running:
        ran = await settle(home, running).run("pull", NAME)
    assert ran.code == 1
    assert lie in ran.err
    assert hashlib.sha256(CONTENT).hexdigest() in ran.err
    assert kept(home) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("hf:nobody/nothing/x.gguf", "the hub has no nobody/nothing"),
        (f"hf:{REPO}/absent.gguf", f"it has {FILE}"),
        (f"hf.co/{REPO}:Q2", "has no such GGUF file"),
        (f"{NAME}@v9", "has no revision v9"),
    ],
)
async def test_what_is_not_there_is_told_in_one_sentence(home: Home, name: str, reason: str) -> None:
    async with hub(Hub(REPO, {FILE: CONTENT})) as running:
        ran = await settle(home, running).run("pull", name)
    assert (ran.code, ran.err.count("\n")) == (1, 1), ran.err
    assert reason in ran.err
    assert kept(home) == []


async def test_a_disk_that_takes_no_more_ends_the_pull_in_one_sentence(home: Home) -> None:
    async with hub(Hub(REPO, {FILE: CONTENT})) as running:
        limited = await asyncio.create_subprocess_exec(
            *("bash", "-c", 'ulimit -f 1000 && exec "$@"', "bash", *COMMAND, "pull", NAME),
            stderr=asyncio.subprocess.PIPE,
            env=settle(home, running).environment,
        )
        _, err = await limited.communicate()
    assert limited.returncode == 1, err
    assert b"File too large" in err
    assert b"Traceback" not in err
    assert FILE not in [path.name for path in kept(home)]


async def test_a_hub_that_is_away_is_told(home: Home) -> None:
    home.env["HF_ENDPOINT"] = f"http://127.0.0.1:{free_port()}"
    ran = await home.run("pull", NAME)
    assert (ran.code, ran.err.count("\n")) == (1, 1), ran.err
    assert "could not be pulled" in ran.err


async def test_a_start_without_a_terminal_names_the_command_and_fetches_nothing(home: Home) -> None:
    async with hub(Hub(REPO, {FILE: CONTENT})) as running:
        settle(home, running).env["HARMONIC_ENGINE__MODEL"] = NAME
        ran = await home.run("up", "--detach", "--port", str(free_port()))
    assert (ran.code, ran.err.count("\n")) == (1, 1), ran.err
    assert f"'{NAME}' has not been fetched" in ran.err
    assert "harmonic-stack pull" in ran.err
    assert running.paths == []
    assert home.processes() == []


@pytest.mark.engine
async def test_a_start_that_may_fetch_serves_the_model_and_the_next_one_asks_nobody(home: Home) -> None:
    async with hub(Hub(REPO, {FILE: demo_model().read_bytes()})) as running:
        settle(home, running).env |= {"HARMONIC_ENGINE__MODEL": NAME, "HARMONIC_ENGINE__PULL": "always"}
        ran = await home.run("up", "--detach", "--port", str(free_port()))
        assert ran.code == 0, ran.err
        assert (await home.json("status"))["engine"]["models"] == ["tiny.q4_k_m"]
        assert (await home.run("down")).code == 0
    ran = await home.run("up", "--detach", "--port", str(free_port()))
    assert ran.code == 0, ran.err
    assert (await home.run("down")).code == 0
