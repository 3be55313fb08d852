"""`tune` on the real engine: a curve is measured and kept, the next plan takes it, and nothing is left running."""

import asyncio
import json
import signal
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from harmonic_stack.cli.look import plan
from harmonic_stack.cli.tune import tune
from launcher.levers import Levers
from tests.cli import COMMAND, Home
from tests.integration.forms import FORMS

pytestmark = pytest.mark.engine

app = typer.Typer(pretty_exceptions_enable=False)
for command in (tune, plan):
    app.command()(command)


def ran(home: Home, *words: str) -> str:
    result = CliRunner().invoke(app, [*words], env={**home.environment, "HARMONIC_ENGINE__NAME": "embedded"})
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.slow
@pytest.mark.timeout(400)  # seven engines are started one after another
@pytest.mark.parametrize("form", FORMS)
def test_what_is_measured_is_kept_and_taken_by_the_next_plan(home: Home, form: str) -> None:
    home.env["HARMONIC_ENGINE__FORM"] = form
    home.env["HARMONIC_ENGINE__THREADS"] = "1"
    picture = home.path / "curve.png"
    found = json.loads(
        ran(home, "tune", "--most", "2", "--repeats", "1", "--tokens", "4", "--json", "--picture", str(picture))
    )
    assert [level["slots"] for level in found["curve"]] == [1, 2]
    assert all(level["tokens_per_second"] > 0 < level["ttft"] for level in found["curve"])
    assert found["subject"]["build"].startswith("xllamacpp") == (form == "xllamacpp")
    assert found["peak"] == 4  # the floor of a CPU, whatever the knee
    tried = {each["name"]: each for each in found["tried"]}
    assert {"backend sampling", "flash attention off", "q8_0 cache"} <= set(tried)
    assert not tried["q8_0 cache"]["kept"]
    assert all(len(each["without"]) == len(each["with_it"]) == 2 for each in tried.values() if not each["why"])
    said = Levers(**found["levers"]).words()
    assert picture.read_bytes().startswith(b"\x89PNG")
    planned = json.loads(ran(home, "plan", "--json"))
    assert [pool["slots"] for pool in planned["pools"]] == [4]
    assert any(found["words"] in decision for decision in planned["decisions"])
    assert any("what paid here" in decision for decision in planned["decisions"]) == bool(said)


async def test_a_curve_is_kept_when_the_trial_of_levers_is_broken_off(home: Home) -> None:
    home.env["HARMONIC_ENGINE__NAME"] = "embedded"
    words = ("tune", "--most", "1", "--repeats", "1", "--tokens", "2")
    running = await asyncio.create_subprocess_exec(
        *COMMAND, *words, env=home.environment, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    assert running.stderr is not None
    async with asyncio.timeout(60):
        await running.stderr.readuntil(b"levers")
        running.send_signal(signal.SIGINT)
        await running.communicate()
    assert running.returncode == 130
    assert home.processes() == []
    planned = await home.json("plan")
    assert any("measured on this box" in decision for decision in planned["decisions"])


def test_the_users_own_slots_come_before_what_was_measured(home: Home) -> None:
    ran(home, "tune", "--most", "1", "--repeats", "1", "--tokens", "2", "--no-levers")
    home.env["HARMONIC_ENGINE__SLOTS"] = "3"
    planned = json.loads(ran(home, "plan", "--json"))
    assert [pool["slots"] for pool in planned["pools"]] == [3]
    assert any("set by you" in decision for decision in planned["decisions"])


def test_a_person_sees_a_table_a_plot_and_what_follows(home: Home) -> None:
    text = ran(home, "tune", "--most", "2", "--repeats", "1", "--tokens", "2", "--no-levers")
    assert "slots  tokens/s" in text
    assert "<- knee" in text
    assert "The next plan takes 4 slots" in text


def test_another_engine_than_the_embedded_one_is_refused(home: Home) -> None:
    env = {**home.environment, "HARMONIC_ENGINE__URL": "http://127.0.0.1:9/v1", "HARMONIC_ENGINE__NAME": "openai"}
    result = CliRunner().invoke(app, ["tune"], env=env)
    assert result.exit_code == 2
    assert not Path(env["HOME"]).joinpath(".local/state/harmonic-stack/calibrations.json").exists()
