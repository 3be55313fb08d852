"""Closed or open in German, French and Spanish: their question words, and no more of their grammar than that."""

import re

_X = re.IGNORECASE | re.VERBOSE

_OPEN = re.compile(
    r"""(?:
      (?:warum|wieso|weshalb|wozu|womit|wof\u00fcr)\b | wie\b(?!\s+(?:viel|hoch|alt|lang|weit|gro|tief|schwer
        |sp\u00e4t|oft|breit|schnell|hei\u00df|heiss))
    | was\s+(?:soll|kann|k\u00f6nn|muss|m\u00fcss|w\u00fcrd|hilft|tun|mache|ist\s+(?:ein|der\s+unterschied)|sind
      |passiert|meinst|denkst|h\u00e4ltst)
    | (?:was|welche\w*|wer|wo|wann|wie\s+\w+)\b.*\b(?:soll|sollte|sollen|sollten|w\u00fcrdest)\b | soll(?:te)?\b
    | (?:schreib|erkl\u00e4r|beschreib|verfass|\u00fcbersetz|fass|vergleich|erz\u00e4hl|mach|erstell)e?(?:\s+mir)?\b
    | (?:entwirf|hilf|gib|empfiehl)\b
    | (?:pourquoi|comment)\b | qu'est[\s-]ce\s+(?:que|qui)\b | que\s+(?:dois|devrais|puis|peut|faire|faut|penses)
    | (?:quel\w*|o\u00f9|quand|qui|combien)\b.*\b(?:dois|devrais|devrait|faut|conseill\w+|recommand\w+)\b
    | (?:\u00e9cri[st]|explique|d\u00e9cris|r\u00e9sume|traduis|donne|raconte|aide|propose|r\u00e9dige)(?:z|[\s-]moi)?\b
    | (?:por\s+qu\u00e9|c\u00f3mo|para\s+qu\u00e9)\b | qu\u00e9\s+(?:deb|pued|hag|hac|me|te|es\s+un|opin|pas)
    | (?:qu\u00e9|cu\u00e1l\w*|d\u00f3nde|cu\u00e1ndo|qui\u00e9n|cu\u00e1nt\w+)\b.*\b(?:deber\u00eda\w*|debo
      |debemos|recomien\w+|aconsej\w+)\b
    | (?:escribe|expl[i\u00ed]ca|describe|resume|traduce|compara|da|cu\u00e9nta|ay\u00fada|prop\u00f3n
      |redacta)(?:me|nos)?\b
    )""",
    _X,
)  # fmt: skip
_CLOSED = re.compile(
    r"""(?:(?:in|an|auf|aus|von|zu|mit|bei|seit|bis|um|\u00e0|en|dans|de|sur|depuis|a|desde|hasta|con)\s+)?
    (?: wie\s*(?:viel\w*|hoch|alt|lange?|weit|gro\w*|tief|schwer|sp\u00e4t|oft|breit|schnell|hei\w+)\b
    | (?:wer|wem|wen|wessen|wann|wo|woher|welche[rsnm]?)\b | was\s+(?:ist|war)\s+(?:die|der|das)\s+\w+\s+(?:von|der
      |des|in|aus)\b
    | (?:ist|sind|hat|haben|gibt|waren|liegt|stimmt|darf|k\u00f6nnen)\b
    | (?:combien|quelle?s?|qui|quand|o\u00f9)\b | est[\s-](?:ce\s+qu|il|elle) | y\s+a[\s-]t[\s-]il
    | (?:cu\u00e1l|cu\u00e1les|cu\u00e1nt[oa]s?|qui\u00e9n|qui\u00e9nes|cu\u00e1ndo|d\u00f3nde
      |qu\u00e9\s+(?:a\u00f1o|d\u00eda|hora|pa\u00eds|ciudad|idioma|n\u00famero))\b
    | (?:es|son|est\u00e1|est\u00e1n|hay|tiene|tienen|fue|era|puede|pueden)\b )""",
    _X,
)  # fmt: skip
# A German "was" and an English one look alike; so do "die" and "son": what follows decides, or nothing does.
_ENGLISH = re.compile(
    r"(?:was|in|an|a|die|son|de|hat)\s+(?:the|a|an|it|there|he|she|they|this|that|what|which|who)\b", _X
)


def closed_elsewhere(part: str) -> bool | None:
    """Whether *part*, a sentence without its opening marks, asks for a short answer; None where it tells nothing.

    >>> closed_elsewhere("Wie viele Beine hat eine Spinne?"), closed_elsewhere("Comment faire une tarte ?")
    (True, False)
    """
    if _ENGLISH.match(part):
        return None
    if _OPEN.match(part):
        return False
    return True if part.rstrip("\"')").endswith("?") and _CLOSED.match(part) else None
