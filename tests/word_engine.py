"""What a fake engine says that is asked for one word with the probabilities of its candidates."""

import json
from collections.abc import Mapping
from typing import Any

from harmonic_stack.answer.fitness import PAIRS
from tests.fake_engine import Act, Play, last_user

NO = {"No": -0.1, "yes": -3.0}


def word(text: str, likely: Mapping[str, float]) -> Act:
    """A reply of one token with the log probabilities of its candidates."""
    told = {"content": [{"token": text, "top_logprobs": [{"token": t, "logprob": p} for t, p in likely.items()]}]}
    chunks: list[dict[str, Any]] = [
        {"choices": [{"delta": {"content": text}, "logprobs": told}]},
        {"choices": [{"delta": {}, "finish_reason": "length"}]},
        {"choices": [], "usage": {"prompt_tokens": 90, "completion_tokens": 1}},
    ]
    return Act(raw=[*(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks), b"data: [DONE]\n\n"])


def judged(likely: Mapping[str, float] | None, *, pairs_right: int | None = len(PAIRS)) -> Play:
    """Five drafts: 5, 4, 5, 4 and none; the judge finds *likely* words where the answer is 4, else no.

    In its measurement it tells the answers of the first *pairs_right* pairs apart. None: there it tells no
    probabilities.
    """
    texts = iter(["Answer: 5", "Answer: 4", "Answer: 5", "Answer: 4", "I cannot say what it is, sorry about that"])
    told_apart = {pair.asked(pair.right)[0].content for pair in PAIRS[: pairs_right or 0]}
    pairs = {pair.asked(answer)[0].content for pair in PAIRS for answer in (pair.right, pair.wrong)}

    def play(body: dict[str, Any]) -> Act:
        asked = last_user(body)
        if "Proposed answer" not in asked:
            return Act(next(texts) if body["max_tokens"] != 1 else ".")
        if (pairs_right if asked in pairs else likely) is None:
            return Act("yes")
        if asked in pairs:
            return word("yes", {"yes": -0.1} if asked in told_apart else NO)
        return word("yes", likely or NO if "Proposed answer: 4" in asked else NO)

    return play
