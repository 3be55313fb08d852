"""Dates, times of day and weekdays out of a few words, as ISO 8601 writes them."""

import re
from datetime import date

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATES = (
    re.compile(r"(?P<year>\d{4})[-/.](?P<n>\d{1,2})[-/.](?P<day>\d{1,2})(?:T00:00(?::00)?(?:Z|[+]00:00)?)?", re.I),
    re.compile(r"(?P<day>\d{1,2})\.\s?(?P<n>\d{1,2})\.\s?(?P<year>\d{4})"),
    # With slashes the day is told from the month only by being more than 12.
    re.compile(r"(?P<day>1[3-9]|2\d|3[01])/(?P<n>\d{1,2})/(?P<year>\d{4})"),
    re.compile(r"(?P<n>\d{1,2})/(?P<day>1[3-9]|2\d|3[01])/(?P<year>\d{4})"),
    re.compile(rf"(?P<year>\d{{4}}),?\s+{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?", re.I),
    re.compile(rf"(?:[a-z]+day,?\s+)?{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})", re.I),
    re.compile(
        rf"(?:[a-z]+day,?\s+)?(?:the\s+)?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH},?\s+(?P<year>\d{{4}})",
        re.I,
    ),
)
_DATES_INSIDE = tuple(re.compile(rf"(?<![\w./-])(?:{form.pattern})(?![\w/-])", re.I) for form in _DATES)
_ON = re.compile(r"(?:on|in)\s+(?=\S)", re.I)
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


def day_of_year(text: str) -> str | None:
    """The date that *text* is, as ISO 8601: whole, a day of every year, or a month; None where it is none.

    >>> day_of_year("Wednesday, March 16th, 2022"), day_of_year("16 March 2022"), day_of_year("3/4/2022")
    ('2022-03-16', '2022-03-16', None)
    """
    text = _ON.sub("", text.strip())
    for form in _DATES:
        if found := form.fullmatch(text):
            parts = found.groupdict()
            month = int(parts["n"]) if "n" in parts else _MONTHS.index(parts["month"].lower()[:3]) + 1
            try:
                return date(int(parts["year"]), month, int(parts["day"])).isoformat()
            except ValueError:  # 30 February: no date, so it stays words
                return None
    for form in _DAYS:
        if (found := form.fullmatch(text)) and 1 <= int(found["day"]) <= 31:
            return f"--{_MONTHS.index(found['month'].lower()[:3]) + 1:02}-{int(found['day']):02}"
    if found := _MONTHS_OF_YEARS.fullmatch(text):
        return f"{found['year']}-{_MONTHS.index(found['month'].lower()[:3]) + 1:02}"
    return None


def date_in(sentence: str) -> str | None:
    """The one whole date that stands in *sentence*, as ISO 8601; None where none or several do.

    >>> date_in("It was signed on July 4, 1776.")
    '1776-07-04'
    """
    found = {day_of_year(match[0]) for form in _DATES_INSIDE for match in form.finditer(sentence)} - {None}
    return found.pop() if len(found) == 1 else None


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
