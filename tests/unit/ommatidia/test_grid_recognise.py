"""Which messages hold a grid puzzle."""

import json

import pytest

from ommatidia.grid.recognise import LONGEST, Task, find_task

A, B, C, D, E = [[1, 2]], [[2, 1]], [[3, 0], [0, 0]], [[0, 3], [0, 0]], [[0, 5]]


def plain(task: Task | None) -> object:
    """A task as lists."""
    return task and ([(one.tolist(), other.tolist()) for one, other in task.pairs], [t.tolist() for t in task.tests])


THE_TASK = ([(A, B), (C, D)], [E])


def rows(grid: list[list[int]], between: str = " ") -> str:
    return "\n".join(between.join(map(str, row)) for row in grid)


def told(first: str, second: str, between: str = " ") -> str:
    """The task as lines of digits, each grid below its cue."""
    cues = [first, second] * 2 + [first]
    return "\n".join(f"{cue}\n{rows(grid, between)}" for cue, grid in zip(cues, (A, B, C, D, E), strict=True))


ARC = {"train": [{"input": A, "output": B}, {"input": C, "output": D}], "test": [{"input": E}]}
PUZZLES = {
    "the JSON of a file": json.dumps(ARC),
    "the same, indented, in a fence": f"Solve this, please:\n```json\n{json.dumps(ARC, indent=2)}\n```",
    "tests first, with their solution": json.dumps({"test": [{"input": E, "output": A}], "train": ARC["train"]}),
    "cues": f"Example 1\nInput: {A}\nOutput: {B}\n\nExample 2\nInput: {C}\nOutput: {D}\n\nTest input: {E}\nOutput: ?",
    "arrows": f"{A} -> {B}\n{C} -> {D}\nTest:\n{E} -> ?",
    "arrows, without a heading": f"{A} \u2192 {B}; {C} \u2192 {D}; what is {E}?",
    "rows": told("\nInput:", "Output:") + "\nOutput:",
    "packed rows with arrows": told("Next:", "->", "").replace("Next:\n05", "Test:\n05"),
    "Windows line ends": told("input", "output").replace("\n", "\r\n"),
    "a list a line": f"Input\n{A[0]}\nOutput\n{B[0]}\nInput\n{C[0]}\n{C[1]}\nOutput\n{D[0]}\n{D[1]}\nTest\n{E[0]}",
}


@pytest.mark.parametrize("name", PUZZLES)
def test_a_puzzle_is_recognised(name: str) -> None:
    assert plain(find_task(PUZZLES[name])) == THE_TASK


def test_several_tests_are_taken_in_order() -> None:
    text = f"Input {A} output {B}. Input {C} output {D}.\nTests:\nInput {E}\nInput {A}"
    assert plain(find_task(text)) == ([(A, B), (C, D)], [E, A])


OTHERS = {
    "nothing": "",
    "prose": "What is the input impedance of this amplifier, and what is its output?",
    "one pair": f"Input: {A} Output: {B} Input: {E}",
    "no test": f"Input: {A} Output: {B} Input: {C} Output: {D}",
    "no cue": f"{A} {B} {C} {D} {E}",
    "a ragged grid": f"Input: {A} Output: {B} Input: [[1, 2], [3]] Output: {D} Test: {E}",
    "numbers beyond 9": f"Input: {A} Output: {B} Input: {C} Output: {D} Input: {A} Output: [[10, 3]] Test: {E}",
    "a grid too large": f"Input: {A} Output: {B} Input: {C} Output: {[[1] * 31]} Test: {E}",
    "an output first": f"Output: {A} Input: {B} Output: {C} Input: {D} Output: {E}",
    "an input without output among the examples": f"Input: {A} Input: {C} Output: {D} Input: {A} Output: {B} Test: {E}",
    "two grids in a row": f"Input: {A} Output: {B} Input: {C} {A} Output: {D} Test: {E}",
    "more grids than a task has": f"Input: {A} Output: {B} " * 40 + f"Input: {E}",
    "a table of numbers": "input and output\n" + "\n".join(f"{n} {n * n}" for n in range(40)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_puzzle_is_left_alone(name: str) -> None:
    assert find_task(OTHERS[name]) is None


HOSTILE = {
    "openings": "input " + "[[" * 499_000,
    "an endless row": "input [[" + "1," * 499_000,
    "endless rows": "input [" + "[1]," * 240_000,
    "blank": "input [[" + " " * 990_000,
    "blank lines": "input\n" + "\n" * 990_000,
    "digits": "input\n" + "1" * 990_000,
    "digits on lines": "input -> output\n" + "1 \n" * 300_000,
    "spaces between digits": "input\n" + ("1" + " " * 1000) * 900 + "x",
    "cues": "input output " * 70_000,
    "hashes": "input\n" + "#" * 990_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_costs_no_more_than_its_length(name: str) -> None:
    """Twice the text takes about twice the time: quadratic reading of a megabyte would run into the test's timeout."""
    assert len(HOSTILE[name]) < LONGEST
    assert find_task(HOSTILE[name]) is None


def test_a_text_longer_than_any_puzzle_is_none() -> None:
    assert find_task(json.dumps(ARC) + " " * 4_000_000) is None
