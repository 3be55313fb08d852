"""What a short answer is dressed in, taken off: Markdown, LaTeX, quotes around it, the full stop at its end."""

import re

_FENCE = re.compile(r"^```\w*\n(.*?)\n?```$", re.S)
_HEADING = re.compile(r"^#{1,6}\s+")
# "\text{5 km}", "\mathbf{x}", "\boxed{3}": the command goes, what it holds stays.
_COMMAND = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mathit|operatorname|boxed|fbox|mbox)\s*\{([^{}]*)\}")
# "3\frac{1}{2}" is three and a half.
_FRACTION = re.compile(r"(?P<whole>(?<=\d))?\s?\\[dt]?frac\s*(?:\{([^{}]*)\}\s*\{([^{}]*)\}|(\d)\s?(\d))")
_SIGNS = {
    "\\%": "%", "\\$": "$", "\\times": "\u00d7", "\\cdot": "\u00d7", "\\div": "/", "{,}": ",", "^\\circ": "\u00b0",
    "^{\\circ}": "\u00b0", "\\pi": "\u03c0", "\\left": "", "\\right": "", "\\approx": "\u2248", "\\pm": "\u00b1",
}  # fmt: skip
_SIGN = re.compile("|".join(re.escape(sign) for sign in sorted(_SIGNS, key=len, reverse=True)))
_SUPERSCRIPTS = str.maketrans("\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b", "0123456789-")
_RAISED = re.compile(r"(?<=\d)[\u207b\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+")
# "x**3" is a power; bold words have letters or spaces beside their stars.
_POWER = re.compile(r"(?<=[\w)])\s?\*\*\s?(?=-?\d|\(|[A-Za-z](?![A-Za-z]))")
_MATHS = re.compile(
    r"\\\(|\\\)|\\\[|\\\]|\\boxed|\\displaystyle|\$\$|(?<!\\)\$(?!\s?\d[\d,.]*\s*$)|\\[,;!: ]|\\(?=\s|$)"
)
_QUOTES = "\"'\u201c\u201d\u2018\u2019\u00ab\u00bb* "
_OPENING = re.compile(r"^(?:the\s+)?(?:final\s+)?(?:answer|result|output)\s*(?:is\s*:?|:|=)\s*", re.I)
# "44_8", "26_{9}", "21 in base 10": the base that a numeral is written in.
_BASE = re.compile(r"(?<=[0-9A-Za-z])(?:_(?:\{[^{}]*\}|\d{1,2}$)|\s*\(?\s*(?:in\s+)?base[\s-]*\d+\)?)$", re.I)


def unfenced(text: str) -> str:
    """*text* without the code fence around it.

    >>> unfenced("```json\\n[1]\\n```")
    '[1]'
    """
    return _FENCE.sub(r"\1", text.strip()).strip()


def plain(text: str) -> str:
    """*text* on one line, undressed; what is dressed several times over loses it all.

    >>> plain("**$\\\\frac{3}{4}$**."), plain("`x**2`"), plain('"Paris"'), plain("1{,}234 \\\\text{ km}")
    ('3/4', 'x^2', 'Paris', '1,234 km')
    """
    while (shorter := _peeled(text)) != text:
        text = shorter
    return text


def _peeled(text: str) -> str:
    """*text* with one layer of each dress taken off."""
    text = _COMMAND.sub(r"\1", _FRACTION.sub(_fraction, _HEADING.sub("", unfenced(text))))
    text = _SIGN.sub(lambda sign: _SIGNS[sign[0]], text)
    text = _RAISED.sub(lambda sign: "^" + sign[0].translate(_SUPERSCRIPTS), text)
    text = re.sub(r"\^\{([^{}]*)\}", r"^\1", _POWER.sub("^", text))
    text = re.sub(r"\((-?[\w.]+)\)/\((-?[\w.]+)\)", r"\1/\2", _MATHS.sub(" ", text))
    text = " ".join(re.sub(r"\*\*|__|`|~~", "", text).split()).strip()
    # Quotes that each item of a list wears are not around the whole.
    text = text.strip(_QUOTES) if text.count('"') <= 2 else text.strip("* ")
    text = _OPENING.sub("", text)
    text = _BASE.sub("", re.sub(r"[.;,!\u3002]+$", "", text).strip(_QUOTES if text.count('"') <= 2 else "* ")).strip()
    return text if "(" in text else text.rstrip(")")


def _fraction(found: re.Match[str]) -> str:
    top, under = (found[2], found[3]) if found[2] is not None else (found[4], found[5])
    return f"{' ' if found['whole'] is not None else ''}({top})/({under})"
