"""Fence lines are dropped however the text is cut, and nothing else is."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from harmonic_stack.answer.unfence import Unfenced

TEXT = "[F0 draft 1]\nFirst [F0 stays here].\n[F0 end]\n[1] a list\n[F\nlast [F0 end]\n[F0 end]"
WANTED = "First [F0 stays here].\n[1] a list\n[F\nlast [F0 end]\n"


@given(st.lists(st.integers(0, len(TEXT)), max_size=20))
def test_any_cut_of_the_text_gives_the_same_answer(cuts: list[int]) -> None:
    said: list[str] = []
    pieces = 0

    def write(text: str, count: int) -> None:
        nonlocal pieces
        said.append(text)
        pieces += count

    unfenced = Unfenced("F0", write)
    edges = sorted({0, *cuts, len(TEXT)})
    for start, end in pairwise(edges):
        unfenced.write(TEXT[start:end], 1)
    unfenced.close()
    assert "".join(said) == WANTED
    assert pieces <= len(edges) - 1


def test_text_without_a_fence_is_never_held_back() -> None:
    said: list[str] = []
    unfenced = Unfenced("F0", lambda text, _: said.append(text))
    unfenced.write("Hel", 1)
    unfenced.write("lo.", 1)
    assert said == ["Hel", "lo."]
