"""Sentences about the talk itself, which tell nothing of its matter: refusals, apologies, offers, good wishes."""

import re

_NO_MATTER = re.compile(
    r"""(?:(?:but|however|unfortunately|well|ok|okay|sure|of\s+course|certainly)\b\W*)*(?:
      (?:i(?:['\u2019]m|\s+am)\s+(?:very\s+|really\s+)?sorry|sorry(?=\s*[,;.!]|\s+but\b)|my\s+apologies|i\s+apologi[sz]e)\b
    | i\s*(?:can(?:not|['\u2019]t)|(?:['\u2019]m|\s+am)\s+(?:unable|not\s+able)|won['\u2019]t|will\s+not)\b
      .{0,40}?\b(?:help|assist|answer|provide|comply|discuss|fulfil+|respond|support|share|continue|do\s+that)\b
    | as\s+an?\s+(?:ai|artificial|(?:large\s+)?language\s+model)\b
    | i(?:['\u2019]m|\s+am)\s+(?:just\s+|only\s+)?an?\s+(?:ai|artificial|(?:large\s+)?language\s+model)\b
    | i\s+hope\s+(?:this|that|these|it|you)\b
    | (?:please\s+)?(?:feel\s+free|don['\u2019]t\s+hesitate)\s+to\s+(?:ask|reach|contact)\b
    | (?:please\s+)?let\s+me\s+know\b | if\s+you\s+have\s+(?:any\s+)?(?:more|other|further|additional)?\s*questions\b
    | (?:thanks?|thank\s+you)\s+for\s+(?:asking|your\s+question)\b | (?:is|was)\s+there\s+anything\s+else\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)


def is_talk(sentence: str) -> bool:
    """Tell whether *sentence* is about the talk alone, by how it begins.

    >>> is_talk("I'm sorry, but I can't help with sourdough."), is_talk("I can't keep basil alive in winter.")
    (True, False)
    """
    return _NO_MATTER.match(sentence) is not None
