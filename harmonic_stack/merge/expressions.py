"""Formulas as answers: 3 x 3 x 37, 7*x**2 + C and 2 + 3i in one form. They are compared by their signs, not solved."""

import re
from fractions import Fraction

# A number, a variable, or a function with its bracket; Greek letters as variables.
_TERM = r"(?:\d+(?:\.\d+)?|[A-Za-z\u03b1-\u03c9]{1,2}(?![A-Za-z])|(?:sin|cos|tan|log|ln|exp|sqrt|integral)(?=\s*\())"
_EXPRESSION = re.compile(rf"(?:{_TERM}|[-+*/^()\u00d7\u00b7\u2212\u00b1=,\s])+", re.I)
_OPERATOR = re.compile(r"[*/^\u00d7\u00b7]|(?<=[\w)])\s*[-+\u2212\u00b1]")
_PRODUCT = re.compile(r"\d+(?:\*\d+)+")
_DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+(?![\w.])|(?<![\w.])\d+\.\d+(?=[a-z]\b)")
_LONGEST = 400


def expression(bare: str) -> str | None:
    """*bare* as a formula without spaces, in lower case; None where it is none.

    Factors of a product of whole numbers stand in ascending order. A sign of multiplication between a number and a
    letter goes, as do zeros after the point.

    >>> expression("3 x 37 * 3"), expression("7*x^2 + C"), expression("-5.0 + 20.0i"), expression("well-known")
    ('3*3*37', '7x^2+c', '-5+20i', None)
    """
    if len(bare) > _LONGEST or "," in bare or "=" in bare:
        return None
    text = re.sub(r"(?<=\d)\s+x\s+(?=\d)", "*", bare.casefold())
    if not _EXPRESSION.fullmatch(text) or not _OPERATOR.search(text) or not re.search(r"[\da-z]", text):
        return None
    if not re.search(r"\d", text) or re.search(r"[a-z]\s+[a-z]", text):
        return None
    text = re.sub(r"[\u00d7\u00b7]", "*", re.sub(r"\s+", "", text.replace("\u2212", "-")))
    text = _DECIMAL.sub(lambda found: _short(found[0]), text)
    if _PRODUCT.fullmatch(text):
        return "*".join(sorted(text.split("*"), key=lambda digits: (len(digits), digits)))
    return re.sub(r"(?<=\d)\*(?=[a-z])", "", text)


def _short(digits: str) -> str:
    whole = Fraction(digits)
    return str(whole.numerator) if whole.denominator == 1 else digits.rstrip("0")
