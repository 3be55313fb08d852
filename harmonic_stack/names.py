"""The form of a name that a person may choose: of an agent, of a session."""

import re

RULE = "1 to 64 of a-z A-Z 0-9 . _ -, the first a letter or a digit, no two dots together"
_FORM = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}")


def is_name(text: str) -> bool:
    """True for a name that is safe in a path, a Redis key, a header and a log line.

    >>> is_name("research_director"), is_name("a..b"), is_name("agent:1")
    (True, False, False)
    """
    return _FORM.fullmatch(text) is not None and ".." not in text
