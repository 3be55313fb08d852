"""`chat` and `ask` on a real terminal and off one, before an engine whose words are known."""

import json
import re
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from launcher.loopback import free_port
from tests.cli import Home
from tests.fake_engine import Act, FakeEngine, fake_engine, last_user, role_of
from tests.helpers import until
from tests.terminal import CTRL_C, CTRL_D, DIM, PLAIN, terminal

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]

SUM = "What is 2 + 2? Answer with a number."
BREAD = "How should I keep bread fresh?"
SLOW = "Tell me a very long story about bread."
EVIL = "Tell me something evil."
BASE = "Keep it in a box of wood, away from the light, and never in the fridge."
PEER = "Freeze the half that you will not eat. Slices thaw in ten minutes."
COMMANDS = "\x1b]0;owned\x07\x1b[2J\u2028\x85 said plainly."


def play(body: dict[str, Any]) -> Act:
    """Slowly what each question calls for: votes that differ, a base and its peers, commands to a terminal."""
    question = last_user(body)
    if SLOW in question:
        return Act(" ".join(f"word{number}" for number in range(200)), delay=0.05)
    if EVIL in question:
        return Act(COMMANDS)
    if SUM in question:
        wrong = "analyst" in role_of(body).lower()
        return Act(f"One counts on. It is not hard.\nAnswer: {5 if wrong else 4}", delay=0.01)
    return Act(PEER, delay=0.02) if role_of(body) else Act(BASE, delay=0.1)


@dataclass(frozen=True)
class Box:
    """A stack that is up before a fake engine."""

    home: Home
    engine: FakeEngine


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def box() -> AsyncIterator[Box]:
    """One for all tests of this file."""
    with tempfile.TemporaryDirectory(prefix="hs-") as folder:
        home = Home(Path(folder) / "home").make()
        home.env |= {"HARMONIC_ENGINE__PROVE": "false", "HARMONIC_ENGINE__SLOTS": "4"}
        async with fake_engine(play) as engine:
            await start(home, engine)
            try:
                yield Box(home, engine)
            finally:
                down = await home.run("down")
            assert down.code == 0, down.err
        assert home.processes() == []


async def start(home: Home, engine: FakeEngine) -> None:
    """Start a stack before *engine*."""
    up = await home.run("up", "--detach", "--engine", engine.url, "--port", str(free_port()))
    assert up.code == 0, up.err


async def test_a_conversation_streams_shows_who_thought_what_and_is_remembered(box: Box) -> None:
    async with terminal(box.home, "chat", "--session", "kitchen") as person:
        await person.sees("session kitchen, harmonic")
        await person.sees("> ")
        person.types(f"{BREAD}\n")
        await person.sees("Keep it in")
        assert "fridge" not in person.text, "the answer is shown as it comes"
        await person.sees("[open: executive ok")
        await person.sees("> ")
        person.types(f"{SUM}\n")
        await person.sees(" agree (right in about ")
        await person.sees("> ")
        person.types("/history\n")
        await person.sees(f"> {SUM}")
        await person.sees("> ")
        person.types("/session other\n/history\n")
        await person.sees("nothing has been said yet")
        person.types(CTRL_D)
        assert await person.ends() == 0
    lines = person.text.split("\n")
    assert any(line.startswith(BASE) for line in lines), "no draft breaks into the answer"
    answer = next(place for place, line in enumerate(lines) if line.startswith("One counts on."))
    drafts = [line for line in lines[:answer] if line.startswith(f"{DIM}executive: ")]
    assert drafts[-1] == f"{DIM}executive: Answer: 4{PLAIN}", "the drafts of a vote stand above its answer"
    after = person.text.split("It is not hard.\nAnswer: 4\n")[1]
    assert re.match(rf"{re.escape(DIM)}\[\w+(#\d)? said '5', 1 vote\]", after), "a minority is shown"
    again = await box.home.run("chat", "--session", "kitchen", "-q", text="/history\n")
    assert [line for line in again.out.split("\n") if line.startswith("> ")] == [f"> {BREAD}", f"> {SUM}"]


async def test_ctrl_c_ends_an_answer_frees_the_engine_and_the_conversation_goes_on(box: Box) -> None:
    async with terminal(box.home, "chat") as person:
        await person.sees("> ")
        person.types(f"{SLOW}\n")
        await person.sees("word3 ")
        person.resize(10, 40)
        await person.sees("word7 ")
        person.types(CTRL_C)
        await person.sees("[stopped]")
        await until(lambda: box.engine.streaming == 0, "the engine is let go")
        await person.sees("> ")
        person.types("half a line")
        await person.sees("half a line")
        person.types(CTRL_C)
        await person.sees("\n> ")
        person.types("/help\n")
        await person.sees("/quit")
        person.types("/quit\n")
        assert await person.ends() == 0
    assert "Traceback" not in person.text
    assert "word199" not in person.text


async def test_ctrl_c_ends_ask_with_the_code_of_an_interrupt(box: Box) -> None:
    async with terminal(box.home, "ask", SLOW) as person:
        await person.sees("word3 ")
        person.types(CTRL_C)
        assert await person.ends() == 130
        await until(lambda: box.engine.streaming == 0, "the engine is let go")
    assert "Traceback" not in person.text


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
async def test_who_wants_no_colours_gets_none(box: Box, environment: dict[str, str]) -> None:
    async with terminal(box.home, "ask", SUM, **environment) as person:
        assert await person.ends() == 0
        await person.sees("[closed: ")
    assert "\x1b" not in person.text


async def test_off_a_terminal_the_answer_alone_is_data_and_nothing_is_coloured(box: Box) -> None:
    asked = await box.home.run("ask", BREAD)
    assert asked.out.startswith(BASE)
    assert "operator: " in asked.err or "creative_director: " in asked.err
    assert "\x1b" not in asked.out + asked.err
    talk = await box.home.run("chat", "--model", "fake", text=f"{SUM}\n{BREAD}\n")
    assert talk.out == f"One counts on. It is not hard.\nAnswer: 4\n{BASE}\n"
    failed = await box.home.run("chat", "--model", "none", text=f"{SUM}\n")
    assert (failed.code, failed.out) == (1, "")
    assert 'the model "none" does not exist' in failed.err


async def test_words_of_a_model_are_no_commands_to_the_terminal_and_are_data_off_it(box: Box) -> None:
    async with terminal(box.home, "ask", "--model", "fake", EVIL) as person:
        assert await person.ends() == 0
        await person.sees("said plainly.")
    assert "\x1b]" not in person.text
    assert "\x1b[2J" not in person.text
    asked = await box.home.run("ask", "--model", "fake", "-q", EVIL)
    assert asked.out == f"{COMMANDS}\n"
    told = await box.home.run("ask", "--model", "fake", "--json", EVIL)
    assert json.loads(told.out)["choices"][0]["message"]["content"] == COMMANDS


async def test_a_daemon_that_is_gone_in_the_middle_is_told_on_a_line_of_its_own(box: Box) -> None:
    async with terminal(box.home, "ask", "-q", SLOW) as person:
        await person.sees("word3 ")
        daemon = next(process for process in box.home.processes() if "--detach" in process.cmdline())
        daemon.kill()
        assert await person.ends() == 4
        await person.sees("\r\nthe daemon does not answer: ")
    assert "Traceback" not in person.text
    await start(box.home, box.engine)
