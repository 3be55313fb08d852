"""The base of all errors, and how a caller's words stand in one."""


class HarmonicError(Exception):
    """Base of everything that the daemon raises on purpose.

    ``param`` is the request field at fault and ``code`` the machine-readable reason; None is "the table's".
    """

    param: str | None = None
    code: str | None = None


def one_line(text: str) -> str:
    """*text* with what would break or colour a line written as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def shortened(text: str, limit: int = 80) -> str:
    """At most *limit* characters of *text*: a caller's name in a message must not fill the log."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
