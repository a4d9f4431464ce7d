"""A moment as a day of the calendar, and whether a clock that says it can be right. Knows no clock."""

import calendar

FIRST, LAST = 1_767_225_600, 4_102_444_800  # the model is of 2026, and 2100 is far
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
UNKNOWN = "not known: the server’s clock was wrong"
_YEAR_9999 = 253_402_300_799
Date = tuple[int, int, int, int, int, int]


def known(seconds: float) -> bool:
    """A clock that says this (seconds since the epoch) may be right."""
    return FIRST <= seconds < LAST


def date(seconds: float) -> Date:
    """Year, month, day, hour, minute, second in UTC; the nearest that a calendar has."""
    days, rest = divmod(int(min(max(0, seconds), _YEAR_9999)), 86_400)
    year = 1970
    while days >= (length := 365 + calendar.isleap(year)):
        days, year = days - length, year + 1
    month = 1
    while days >= (length := calendar.monthrange(year, month)[1]):
        days, month = days - length, month + 1
    return year, month, days + 1, rest // 3600, rest // 60 % 60, rest % 60


def zip_date(seconds: float) -> Date:
    """`date`, the year one that a zip can name."""
    year, *rest = date(seconds)
    return (min(max(year, 1980), 2107), *rest)  # type: ignore[return-value]


def said(seconds: float) -> str:
    """ "21 September 2026", the day held to its month; empty where no right clock says that."""
    year, month, day, *_ = date(seconds)
    return f"{day}\u00a0{_MONTHS[month - 1]} {year}" if known(seconds) else ""


def minute(seconds: float) -> str:
    """ "2026-09-21 14:13 UTC"; where no right clock says that, a word on it."""
    return "{:04}-{:02}-{:02} {:02}:{:02} UTC".format(*date(seconds)) if known(seconds) else UNKNOWN
