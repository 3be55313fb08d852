"""Numbers, dates and times out of a few words, in one form: 1,200.00 USD is 1200, 3/4 is 0.75, 5 p.m. is 17:00."""

import re
from datetime import date
from fractions import Fraction

from harmonic_stack.merge.spelled import plain_fractions, scaled, spelled_number
from harmonic_stack.merge.units import factor_to

# A number longer than this is no answer that drafts agree on by being right.
_MOST_DIGITS = 40

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_SIGN = r"[-+\u2212\u2013]?"
_CURRENCY = r"(?:[$\u00a3\u20ac\u00a5]|(?:US\$|USD|EUR|GBP|CHF|JPY|INR|Rs\.?)\s?)"
_DIGITS = r"(?:\d{1,3}(?:[,\u00a0\u202f ]\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_POWER = r"(?:\s*(?:[x*\u00d7]\s*)?10\^(?P<power>[-\u2212]?\d{1,3})|e(?P<e>[-+]?\d{1,3}))?"
# Up to four words or symbols after the number: "%", "km/h", "square meters", "of the cake". Letters that touch the
# number must be a unit, or the "1a" of another base would be a 1.
_UNIT = (
    r"(?:\s*[%\u00b0]\s*[A-Za-z]?|\s*[$\u00a3\u20ac\u00a5]"
    r"|(?:[kcmn\u00b5]?m[\u00b2\u00b3]?|k?g|mg|lbs?|oz|m?l|m?s|min|h|hrs?|mph|kph|km/h|m/s|ft|in|k?wh?|v|[kmg]?hz"
    r"|[kmgt]b|px|x|\s[A-Za-z\u00b5][\w./^\u00b2\u00b3-]*)(?:\s[A-Za-z][\w-]*){0,3})?(?:\s*\([^()]*\))?"
)
_ABOUT = r"(?:(?:about|approximately|approx\.?|around|roughly|exactly|only|just|~|\u2248)\s*)?"
_QUANTITY = re.compile(
    rf"{_ABOUT}(?P<sign>{_SIGN})\s?{_CURRENCY}?\s?(?P<sign2>[-\u2212]?)"
    rf"(?:(?P<whole>\d+)\s(?=\d+/))?(?P<top>{_DIGITS})(?:\s?/\s?(?P<under>\d+)(?![/\d]))?{_POWER}(?P<unit>{_UNIT})",
    re.I,
)
# "1.200,50": a dot and then a comma can only be the German way.
_EUROPEAN = re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d{3})+,\d+(?![\d.,])")
_NUMERAL = re.compile(rf"(?<![\w.,/^_])(?:{_SIGN}{_CURRENCY}?(?:{_DIGITS})(?:/\d+)?)(?![\w/])(?!\.\d)")

_MONTH = r"(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATES = (
    re.compile(r"(?P<year>\d{4})[-/.](?P<n>\d{1,2})[-/.](?P<day>\d{1,2})(?:T00:00(?::00)?(?:Z|[+]00:00)?)?", re.I),
    re.compile(r"(?P<day>\d{1,2})\.\s?(?P<n>\d{1,2})\.\s?(?P<year>\d{4})"),
    # With slashes the day is told from the month only by being more than 12.
    re.compile(r"(?P<day>1[3-9]|2\d|3[01])/(?P<n>\d{1,2})/(?P<year>\d{4})"),
    re.compile(r"(?P<n>\d{1,2})/(?P<day>1[3-9]|2\d|3[01])/(?P<year>\d{4})"),
    re.compile(rf"(?:[a-z]+day,?\s+)?{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})", re.I),
    re.compile(
        rf"(?:[a-z]+day,?\s+)?(?:the\s+)?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH},?\s+(?P<year>\d{{4}})",
        re.I,
    ),
)
# Without a year, as ISO 8601 writes a day of every year, and a month of one year.
_DAYS = (
    re.compile(rf"(?:[a-z]+day,?\s+)?{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?", re.I),
    re.compile(rf"(?:[a-z]+day,?\s+)?(?:the\s+)?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}", re.I),
)
_MONTHS_OF_YEARS = re.compile(rf"{_MONTH},?\s+(?:of\s+)?(?P<year>\d{{4}})", re.I)
_CLOCK = re.compile(r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?\s*(?P<half>[ap]\.?m\.?)?", re.I)
_CLOCKS = (
    _CLOCK,
    re.compile(r"(?P<hour>\d{1,2})\.(?P<minute>[0-5]\d)\s*(?P<half>[ap]\.?m\.?)", re.I),
    re.compile(r"(?P<hour>[01]?\d|2[0-3])\s?h\s?(?P<minute>[0-5]\d)", re.I),
)
_NAMED_TIMES = {"noon": "12:00", "midday": "12:00", "midnight": "00:00"}
_HOUR = re.compile(r"(?P<hour>\d{1,2})\s*(?P<half>[ap]\.?m\.?)", re.I)


def number(text: str, question: str = "") -> str | None:
    """The number that *text* is, whatever its unit; None where it is anything else or more than one number.

    Where *question* asks for another unit of the same kind, it is converted to that.

    >>> number("1,200.00 USD"), number("-3/4"), number("1 1/2 cups"), number("1/3"), number("twelve"), number("1 to 2")
    ('1200', '-0.75', '1.5', '1/3', '12', None)
    """
    text = plain_fractions(text.strip())
    if (words := spelled_number(text)) is not None and not re.search(r"\d|\bto\b|\bor\b", words[1]):
        return _plain(words[0] * factor_to(words[1], question)) if len(words[1].split()) < 3 else None
    if european := _EUROPEAN.match(text):
        text = european[0].replace(".", "").replace(",", ".") + text[european.end() :]
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
    value *= Fraction(10) ** power * scaled(unit) * factor_to(unit, question)
    negative = (found["sign"] + found["sign2"]).strip("+") != ""
    return _plain(-value if negative else value)


def last_number(text: str) -> str | None:
    """The last number that stands in a sentence, in the form of ``number``."""
    found = _NUMERAL.findall(text)
    return number(found[-1]) if found else None


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


def day_of_year(text: str) -> str | None:
    """The date that *text* is, as ISO 8601: whole, a day of every year, or a month; None where it is none.

    >>> day_of_year("Wednesday, March 16th, 2022"), day_of_year("16 March 2022"), day_of_year("3/4/2022")
    ('2022-03-16', '2022-03-16', None)
    """
    for form in _DATES:
        if found := form.fullmatch(text.strip()):
            parts = found.groupdict()
            month = int(parts["n"]) if "n" in parts else _MONTHS.index(parts["month"].lower()[:3]) + 1
            try:
                return date(int(parts["year"]), month, int(parts["day"])).isoformat()
            except ValueError:  # 30 February: no date, so it stays words
                return None
    for form in _DAYS:
        if (found := form.fullmatch(text.strip())) and 1 <= int(found["day"]) <= 31:
            return f"--{_MONTHS.index(found['month'].lower()[:3]) + 1:02}-{int(found['day']):02}"
    if found := _MONTHS_OF_YEARS.fullmatch(text.strip()):
        return f"{found['year']}-{_MONTHS.index(found['month'].lower()[:3]) + 1:02}"
    return None


def time_of_day(text: str) -> str | None:
    """The time that *text* is, as 24-hour HH:MM[:SS]; None where it is none.

    >>> time_of_day("5:30 PM"), time_of_day("12 a.m."), time_of_day("09:05")
    ('17:30', '00:00', '09:05')
    """
    bare = re.sub(r"\s*(?:o'clock|(?:12\s+)?(?=noon|midday|midnight))\s*", "", text.strip().casefold())
    if bare in _NAMED_TIMES:
        return _NAMED_TIMES[bare]
    forms = (form.fullmatch(text.strip()) for form in (*_CLOCKS, _HOUR))
    found = next((form for form in forms if form is not None), None)
    if found is None:
        return None
    parts = found.groupdict()
    hour, half = int(parts["hour"]), (parts.get("half") or "").lower()[:1]
    if half and not 1 <= hour <= 12:
        return None
    hour = hour % 12 + (12 if half == "p" else 0) if half else hour
    minutes = [parts.get("minute") or "00", *([parts["second"]] if parts.get("second") else [])]
    return ":".join([f"{hour:02}", *minutes])


def weekday(text: str) -> str | None:
    """The one weekday named in *text*, in lower case; None where none or several are.

    >>> weekday("It falls on Thursday, November 9.")
    'thursday'
    """
    named = {word for word in re.findall(r"[a-z]+", text.lower()) if word in WEEKDAYS}
    return named.pop() if len(named) == 1 else None
