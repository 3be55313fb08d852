"""What of a message is worth keeping across sessions: the sentences that ask to be remembered, word for word (pure)."""

import re

from harmonic_stack.merge.sentences import sentences

# At the start of a sentence it is asked for; "do you remember that ..." asks something else.
_CUE = re.compile(
    r"(?:please[,]?\s+|and\s+)?(?:remember|(?:don['\u2019]t|do not|never) forget|keep in mind|bear in mind"
    r"|(?:make|take) a note|note)\b\s*(?:that\b|[:,])\s*(?P<what>\S.*)",
    re.IGNORECASE,
)
_WORDS = ("remember", "forget", "in mind", "note")  # no cue is without one of these
MOST_CHARACTERS = 500


def worth_keeping(message: str) -> list[str]:
    """The parts of *message* that it asks to be remembered, in order, each at most 500 characters.

    >>> worth_keeping("Hi! Please remember that my cat is called Ada. Do you remember that day?")
    ['my cat is called Ada.']
    """
    lowered = message.lower()
    if not any(word in lowered for word in _WORDS):
        return []
    found = []
    for sentence in sentences(message):
        cue = _CUE.match(sentence)
        if cue is not None and not sentence.endswith("?") and len(cue["what"]) <= MOST_CHARACTERS:
            found.append(cue["what"])
    return found
