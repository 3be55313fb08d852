"""Numbers out of a few words, in one form: 1,200.00 USD is 1200, 3/4 is 0.75, three quarters too."""

import re
from fractions import Fraction

from harmonic_stack.merge.spelled import SHORT_SCALES, plain_fractions, scaled, spelled_number, with_fraction
from harmonic_stack.merge.units import factor_to

# A number longer than this is no answer that drafts agree on by being right.
_MOST_DIGITS = 40

_SIGN = r"[-+\u2212\u2013]?"
_CURRENCY = r"(?:[$\u00a3\u20ac\u00a5]|(?:US\$|USD|EUR|GBP|CHF|JPY|INR|Rs\.?)\s?)"
# 1,200 and 1 200 and 1'200 and 1_200, and 12,34,567 as in India; a thousand never begins with a 0.
_DIGITS = r"(?:[1-9]\d{0,2}(?:[,\u00a0\u202f\u2009 '\u2019_]\d{3})+|[1-9]\d?(?:,\d{2})+,\d{3}|\d+)(?:\.\d+)?|\.\d+"
_POWER = r"(?:\s*(?:[x*\u00d7]\s*)?10\^(?P<power>[-\u2212]?\d{1,3})|e(?P<e>[-+]?\d{1,3}))?"
# Up to four words or symbols after the number: "%", "km/h", "square meters", "of the cake". Letters that touch the
# number must be a unit, or the "1a" of another base would be a 1.
_UNIT = (
    r"(?:\s*[%\u00b0]\s*[A-Za-z]?|\s*[$\u00a3\u20ac\u00a5]"
    r"|(?:[kcmn\u00b5]?m[\u00b2\u00b3]?|k?g|mg|lbs?|oz|m?l|m?s|min|h|hrs?|mph|kph|km/h|m/s|ft|in|k?wh?|v|[kmg]?hz"
    r"|[kmgt]b|bn|k|px|x|\s(?!(?:is|are|was|were|has|have|can|will|does|do)\b)[A-Za-z\u00b5][\w./^\u00b2\u00b3-]*)(?:\s[A-Za-z][\w-]*){0,3})?(?:\s*\([^()]*\))?"
)
_MINUS = re.compile(r"^(?:minus|negative)\s+(?=\S)", re.I)
_ABOUT = r"(?:(?:about|approximately|approx\.?|around|roughly|exactly|only|just|~|\u2248)\s*)?"
_QUANTITY = re.compile(
    rf"{_ABOUT}(?P<sign>{_SIGN})\s?(?P<currency>{_CURRENCY})?\s?(?P<sign2>[-\u2212]?)"
    rf"(?:(?P<whole>\d+)\s(?=\d+/))?(?P<top>{_DIGITS})(?:\s?/\s?(?P<under>\d+)(?![/\d]))?{_POWER}(?P<unit>{_UNIT})",
    re.I,
)
# As much of the world writes: 1.200,50 and 1.200.000 and 3,14.
_ABROAD = re.compile(
    rf"(?P<before>{_SIGN}\s?{_CURRENCY}?\s?)(?P<whole>\d{{1,3}}(?:\.\d{{3}})+|\d+)(?:,(?P<part>\d+))?(?![\d.,])", re.I
)
_NUMERAL = re.compile(
    rf"(?<![\w.,/^_]){_SIGN}{_CURRENCY}?(?:\d+,(?:\d\d?|\d{{4,}})(?![\d,])|{_DIGITS})(?:/\d+)?(?![\w/])(?!\.\d)"
)


def number(text: str, question: str = "", *, one: bool = False) -> str | None:
    """The number that *text* is, whatever its unit; None where it is anything else or more than one number.

    Where *question* asks for another unit of the same kind, it is converted to that. *one*: one number was
    asked for, so a lone comma is a decimal one, and the x of "3x" says "times".

    >>> number("1,200.00 USD"), number("-3/4"), number("1 1/2 cups"), number("1/3"), number("twelve"), number("1 to 2")
    ('1200', '-0.75', '1.5', '1/3', '12', None)
    """
    text = _MINUS.sub("-", plain_fractions(text.strip()))
    if (spelled := _in_words(text, question)) is not None:
        return spelled
    text = _with_a_point(text, comma=one)
    found = _QUANTITY.fullmatch(text)
    if found is None or re.search(r"\b(?:to|and|or|than)\b", text):
        return None
    top, power = re.sub(r"[^\d.]", "", found["top"]), int((found["power"] or found["e"] or "0").replace("\u2212", "-"))
    if len(top) + len(found["under"] or "") + abs(power) > _MOST_DIGITS or not int(found["under"] or "1"):
        return None
    value = Fraction(top)
    if found["under"]:
        value = value / int(found["under"]) + int(found["whole"] or 0)
    unit = (found["unit"] or "").strip()
    if unit in ("x", "X") and not one:  # "2x" is twice, or a formula
        return None
    if unit == "k" or (found["currency"] and unit.casefold() in SHORT_SCALES):
        unit = SHORT_SCALES[unit.casefold()]
    value *= Fraction(10) ** power * scaled(unit) * factor_to(unit, question)
    negative = (found["sign"] + found["sign2"]).strip("+") != ""
    return _plain(-value if negative else value)


def _in_words(text: str, question: str) -> str | None:
    """A number written in words, with its fraction: "two and a half", "three quarters of it"."""
    words = spelled_number(text)
    if words is None or re.search(r"\d|\bto\b|\bor\b", words[1]) or len(words[1].split()) > 4:
        return None
    value, unit = with_fraction(*words)
    return _plain(value * factor_to(unit, question)) if len(unit.split()) < 3 else None


def last_number(text: str) -> str | None:
    """The last number that stands in a sentence, in the form of ``number``."""
    found = _NUMERAL.findall(text)
    return number(found[-1], one=True) if found else None


def _with_a_point(text: str, *, comma: bool) -> str:
    """*text* with its number as English has it, where it can only be written the other way."""
    found = _ABROAD.match(text)
    if found is None:
        return text
    whole, part, rest = found["whole"], found["part"], text[found.end() :].strip()
    dots = whole.count(".")
    if part is None and dots < 2:  # 1.234 is a little more than one
        return text
    if part is not None and not dots:
        # 1,200 is a thousand. 3,14 alone may be two numbers, unless one is asked for, or a unit stands beside it.
        measured = comma or found["before"].strip(" +-") != "" or (rest != "" and rest[0] not in "(,;")
        if not measured or (len(part) == 3 and not whole.startswith("0")):
            return text
    return found["before"] + whole.replace(".", "") + (f".{part}" if part else "") + text[found.end() :]


def _plain(value: Fraction) -> str:
    """A decimal where the fraction ends within 40 digits, else numerator/denominator."""
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    places = max(twos, fives)
    if rest != 1 or places > _MOST_DIGITS:
        return f"{value.numerator}/{value.denominator}"
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)
