"""The paired comparison: counts that can be checked by hand, on cases small enough to read."""

import gzip
import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.bench.paired import Arm, best_single, compare, equal_tokens, exact_p, main, single, voted

Answers = list[list[str | None]]


def _arm(*right: int) -> Arm:
    return Arm("arm", tuple(map(bool, right)), (1,) * len(right))


def _cases(*drafts: list[str]) -> list[dict[str, Any]]:
    return [{"question": "How many?", "family": "sums", "kind": "number", "gold": "4", "drafts": d} for d in drafts]


def _answers(cases: list[dict[str, Any]]) -> Answers:
    return [list(case["drafts"]) for case in cases]


@pytest.mark.parametrize("coins", range(1, 12))
def test_the_exact_p_is_the_share_of_all_coin_throws_that_are_as_uneven(coins: int) -> None:
    for heads in range(coins + 1):
        uneven = [h for h in range(coins + 1) if abs(2 * h - coins) >= abs(2 * heads - coins)]
        share = sum(math.comb(coins, h) for h in uneven) / 2**coins
        assert exact_p(heads, coins - heads) == pytest.approx(share)


def test_the_difference_counts_each_case_against_itself() -> None:
    found = compare(_arm(1, 1, 1, 0, 0), _arm(1, 0, 0, 1, 0))
    assert (found.only_one, found.only_other) == (2, 1)
    assert found.difference == pytest.approx(20.0)
    assert found.low < 20 < found.high
    assert not found.never_worse
    same = compare(_arm(1, 0, 1), _arm(1, 0, 1))
    assert (same.difference, same.low, same.high, same.never_worse) == (0, 0, 0, True)


def test_a_vote_pays_for_the_drafts_that_it_asked_and_a_single_one_for_itself() -> None:
    cases = _cases(["4", "4", "5"], ["5", "4", "4"])
    vote = voted(cases, _answers(cases), lead=2, most=3, name="vote")
    assert vote.right == (True, True)
    assert vote.tokens == (2, 3)
    alone = single(cases, _answers(cases), [0, 0], "draft 0")
    assert (alone.right, alone.tokens) == ((True, False), (1, 1))
    assert equal_tokens(cases, _answers(cases), vote).tokens == (3, 3)


def test_the_best_draft_of_a_family_is_chosen_on_the_half_that_it_is_not_judged_on() -> None:
    # Draft 1 is right on the odd cases alone, draft 0 on the even ones alone: each is chosen where it is wrong.
    cases = _cases(["4", "5"], ["5", "4"], ["4", "5"], ["5", "4"])
    assert best_single(cases, _answers(cases)).right == (False,) * 4


def test_the_command_prints_both_tables_and_tells_how_it_is_called(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([]) == 2
    closed = _cases(["Answer: 4", "Answer: 4", "Answer: 5"], ["Answer: 5", "Answer: 4", "Answer: 4"])
    text = "Keep a sourdough starter in a jar. Feed the sourdough starter every day."
    fact = "Sourdough starters of San Francisco were first kept in 1849."
    opened = [
        {"question": "How do I keep a sourdough starter?", "drafts": [text, f"{text} {fact}"], "fact_keys": ["1849"]}
    ]
    for name, cases in (("closed", closed), ("open", opened)):
        with gzip.open(tmp_path / f"{name}.jsonl.gz", "wt", encoding="utf-8") as lines:
            lines.writelines(json.dumps(case) + "\n" for case in cases)
    assert main([str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "Closed questions, n = 2" in told
    assert "| 100.0, 50.0 |" in told
    assert "| 100.0, 0.0 |" in told
