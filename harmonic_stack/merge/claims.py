"""What a short answer claims, without what it denies and without its reason: "not 12 but 14, since ..." claims 14."""

import re

_NOT_BUT = re.compile(r"not\s[^,;]{1,80}?[,;]?\s+but\s+(?:rather\s+|instead\s+)?(?P<claim>\S.*)", re.I)
_NOT_AFTER = re.compile(
    r"(?:\s*[,;:(]\s*(?:and\s+)?not|\s+[-\u2013\u2014]\s+not|\s+and\s+not|\s*,?\s+(?:rather\s+than|instead\s+of))\s.*",
    re.I,
)
# "open since 1990" says when, not why.
_REASON = re.compile(r"(?:\s*[,;(]\s*|\s+)(?:because|since(?!\s+\d)|given\s+that)\s.*", re.I)
# "Canberra (the capital)"; not the bracket of a formula, which touches its letter.
_ASIDE = re.compile(r"(?P<claim>[^()\[\]{}]*[^\W\d_][^()\[\]{}]*?)\s+\([^()]*\)")
# "It is Paris", "The capital of France is Paris", "There are 12".
_SAYS = re.compile(
    r"(?:it|this|that|he|she|they|there|these|those|the\s+\w[^,;:=]{0,60}?)(?:\s+(?:is|are|was|were|will\s+be)|'s)\s+"
    r"(?!not\b|no\b|n't\b|\w+ly\b|neither\b|possible\b)(?P<claim>\S.*)",
    re.I,
)
_BEFORE = re.compile(
    r"(?:(?:i\s+(?:think|believe|say)|so|thus|hence|therefore|probably|likely)\b[,:]?\s+)+(?=\S)", re.I
)
_MOST_PASSES = 4
_LONGEST = 200


def claimed(bare: str) -> str:
    """What *bare*, an undressed short answer, claims; itself where it denies and explains nothing.

    >>> claimed("not 12 but 14"), claimed("14, not 12"), claimed("Rome, because it is old"), claimed("Oslo (the city)")
    ('14', '14', 'Rome', 'Oslo')
    >>> claimed("It is Paris"), claimed("it is not possible"), claimed("f(x)")
    ('Paris', 'it is not possible', 'f(x)')
    """
    bare = " ".join(bare.split())
    if len(bare) > _LONGEST:
        return bare
    for _ in range(_MOST_PASSES):
        before = bare
        for form in (_NOT_BUT, _ASIDE, _SAYS):
            if found := form.fullmatch(bare):
                bare = found["claim"]
        bare = bare[_opening(bare) :]
        for tail in (_NOT_AFTER, _REASON):
            if (found := tail.search(bare)) and bare[: found.start()].strip():
                bare = bare[: found.start()]
        bare = bare.strip(" ,;:")
        if bare == before:
            break
    return bare


def _opening(bare: str) -> int:
    found = _BEFORE.match(bare)
    return found.end() if found else 0
