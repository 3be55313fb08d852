"""Short answers to a question that was taken for an open one: those that differ from the base's, told beside it.

No vote was asked for, so none is held: the base stays, and the reader sees who answers otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from harmonic_stack.merge.answers import final_answer

# A draft of so many words is shown word for word; of a longer one its answer alone.
_FEW_WORDS = 12


@dataclass(frozen=True, slots=True)
class Differing:
    """An answer that is not the base's: in its first holder's words, and the places of all drafts that gave it."""

    answer: str
    text: str
    holders: tuple[int, ...]


def differing_answers(base: str, drafts: Sequence[str]) -> list[Differing]:
    """Find the short answers of *drafts* that are not the one of *base*, those of most drafts first.

    Empty unless the base and at least half of the drafts end in a short answer: where few do, an answer is only one of
    the things that a text says.

    >>> differing_answers("12", ["12", "14", "Answer: 14.0", "Twelve."])
    [Differing(answer='14', text='14', holders=(1, 2))]
    >>> differing_answers("Bread needs rest. It makes it soft.", ["12", "14"])
    []
    """
    own, answers = final_answer(base), [final_answer(draft) for draft in drafts]
    if own is None or 2 * sum(answer is not None for answer in answers) < len(answers):
        return []
    found: dict[str, list[int]] = {}
    for place, answer in enumerate(answers):
        if answer is not None and answer != own:
            found.setdefault(answer, []).append(place)
    # sorted() is stable: of equals the one asked first.
    ranked = sorted(found.items(), key=lambda item: -len(item[1]))
    return [Differing(answer, _shown(drafts[places[0]], answer), tuple(places)) for answer, places in ranked]


def tell_differing(found: Differing, names: Sequence[str]) -> str:
    """The paragraph to append: who answers otherwise, and what. *names* are those of the drafts, in their order.

    >>> tell_differing(Differing("14", "14", (1, 2)), ["alder", "birch", "cedar"])
    '\\n\\nbirch and cedar answer: 14'
    """
    who = list(dict.fromkeys(names[place] for place in found.holders))
    named = who[0] if len(who) == 1 else f"{', '.join(who[:-1])} and {who[-1]}"
    return f"\n\n{named} {'answers' if len(who) == 1 else 'answer'}: {found.text}"


def _shown(draft: str, answer: str) -> str:
    words = draft.split()
    return " ".join(words) if len(words) <= _FEW_WORDS else answer
