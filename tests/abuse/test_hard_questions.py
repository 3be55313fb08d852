"""Questions whose form is hard to read: each is answered, and reading them again takes no more memory."""

import pytest

from tests.abuse.box import Box
from tests.stack import asking

pytestmark = pytest.mark.asyncio(loop_scope="module")

# No expression may take longer than its text does.
PUZZLING = {
    "numbers": "1," * 50_000,
    "sums": "What is " + "1+" * 50_000 + "1?",
    "dates": "2020-01-01 " * 9_000,
    "brackets": "What is " + "(" * 50_000 + "1" + ")" * 50_000 + "?",
    "spaces": "a" + " " * 100_000 + "b?",
    "lines": "\n" * 100_000 + "?",
    "question marks": "?" * 100_000,
    "options": "\n".join(f"({letter}) x" for letter in "abcdefghij" * 1_500),
    "a grid": "[[1,2],[3,4]] -> " * 6_000 + "[[1]]",
    "boxes": "\\boxed{" * 15_000,
    "fences": "```\n" * 25_000,
    "stars": "**" * 50_000,
    "marks over one letter": "a" + "\u0301" * 50_000,
    "letters to the left": "\u202e\u200b\ufeff" * 10_000,
}
# What reading them takes at once stays with the process and is taken again: some 10 to 45 MB.
FIRST = [asking(question) for question in PUZZLING.values()]


@pytest.mark.parametrize("name", PUZZLING)
async def test_a_question_that_is_hard_to_read_is_answered(box: Box, name: str) -> None:
    assert (await box.send(box.post(asking(PUZZLING[name])))).status == 200
