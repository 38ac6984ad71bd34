"""What Polars makes of one text, or of a date or time, in plain Python: where both are sure to say the same.

Of texts that is printable ASCII, in forms that Rust and Python read alike. Anything else is `UnsureError`, and Polars
is asked.
"""

from __future__ import annotations

import datetime as dt
import re
import string
from collections.abc import Callable
from typing import Any

Moment = dt.date | dt.datetime

ISO_FORMS = {"%Y-%m-%d": "day", "%Y-%m-%d %H:%M": "minute", "%Y-%m-%d %H:%M:%S%.f": "second"}
_ISO = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})(?:(?P<minute> [0-9]{2}:[0-9]{2})(?P<second>:[0-9]{2}(?:\.[0-9]{1,6})?)?)?"
)
_FIELDS = {
    "%Y": r"[0-9]{4}",
    "%m": r"[0-9]{2}",
    "%d": r"[0-9]{2}",
    "%H": r"[0-9]{2}",
    "%M": r"[0-9]{2}",
    "%S": r"[0-9]{2}",
}
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:[eE][+-]?[0-9]{1,3})?")
_SHARED = re.compile(r"""(?:\\[d.,' ]|\[eE\]|\[\+-\]|\(\?:|[()|?*+^$,'_]|\{[0-9](?:,[0-9])?\})+""")
"""Regular expressions of which Rust and Python make the same: those by which numbers are known."""


class UnsureError(Exception):
    """A value that only Polars, or only a frame, can answer for."""


def plain(text: str) -> str:
    """`text`, where nothing is in it that two languages could take for different things.

    Raises:
        UnsureError: something is.
    """
    if text.isascii() and text.isprintable():
        return text
    raise UnsureError


def on_plain(operation: Callable[[str], Any]) -> Callable[[str | None], Any]:
    """An operation on plain texts; missing where the text is."""
    return lambda text: None if text is None else operation(plain(text))


# by Polars' name
SIMPLE: dict[str, Callable[[str | None], Any]] = {
    "Lowercase": on_plain(str.lower),
    "Uppercase": on_plain(str.upper),
    "Normalize": on_plain(str),
    "StripChars": on_plain(lambda text: text.strip(" ")),
}

_PUNCTUATION = re.compile("[" + re.escape(string.punctuation) + "]")
_PATTERNS: dict[str, re.Pattern[str] | None] = {
    r"\p{M}": None,
    r"[\p{P}\p{S}]": _PUNCTUATION,
    r"\p{Nd}": re.compile("[0-9]"),
    r"\s+": re.compile(" +"),
}


def replaced(pattern: str, new: str, *, literal: bool, count: int) -> Callable[[str | None], Any] | None:
    """Replacing in plain texts; `None` where it is not known to be the same."""
    if not plain(new + pattern) or not pattern:
        return None
    if literal:
        return on_plain(lambda text: text.replace(pattern, new, count))
    if pattern == r"([0-9])\s*Z$" and new == "${1}" and count == 1:
        ending = re.compile(r"([0-9]) *Z\Z")
        return on_plain(lambda text: ending.sub(r"\1", text))
    if pattern not in _PATTERNS or count != -1 or "$" in new or "\\" in new:
        return None
    found = _PATTERNS[pattern]
    return on_plain(str if found is None else lambda text: found.sub(new, text))


def containing(pattern: str) -> Callable[[str | None], Any] | None:
    """Whether plain texts hold a regular expression; `None` where it is not known to be the same."""
    if not _SHARED.fullmatch(pattern):
        return None
    found = re.compile(pattern.replace("$", r"\Z"), re.ASCII)
    return on_plain(lambda text: found.search(text) is not None)


def to_number(text: str | None) -> float | None:
    """A text as a number.

    Raises:
        UnsureError: it is none of the forms that are read alike.
    """
    if text is None:
        return None
    if _NUMBER.fullmatch(text) is None:
        raise UnsureError
    return float(text)


def moment(form: str, *, day: bool) -> Callable[[str | None], Moment | None] | None:
    """Reading texts of one form as dates (`day`) or times; `None` where the form is not known here."""
    if form in ISO_FORMS or form.removesuffix("%z") in ISO_FORMS:
        return _iso(form, day=day)
    pattern = re.escape(form)
    for field, digits in _FIELDS.items():
        pattern = pattern.replace(re.escape(field), f"(?P<{field[1]}>{digits})", 1)
    if "%" in pattern or not all(f"(?P<{letter}>" in pattern for letter in "Ymd"):
        return None
    found = re.compile(pattern)

    def read(text: str | None) -> Moment | None:
        if text is None:
            return None
        match = found.fullmatch(text)
        if match is None:
            raise UnsureError
        parts = {name: int(value) for name, value in match.groupdict().items()}
        return _made([parts[letter] for letter in "Ymd"], [parts.get(letter, 0) for letter in "HMS"], 0, day=day)

    return read


def _iso(form: str, *, day: bool) -> Callable[[str | None], Moment | None]:
    wanted = ISO_FORMS.get(form)  # None: with an offset, which no text here has

    def read(text: str | None) -> Moment | None:
        if text is None:
            return None
        match = _ISO.fullmatch(text)
        if match is None:
            raise UnsureError
        if match.lastgroup != wanted:
            return None
        clock, _, fraction = (text[11:] or "0").partition(".")
        times = [int(part) for part in clock.split(":")]
        date = [int(part) for part in text[:10].split("-")]
        return _made(date, times, int(fraction.ljust(6, "0")), day=day)

    return read


def _made(date: list[int], time: list[int], micro: int, *, day: bool) -> Moment | None:
    hour, minute, second = (*time, 0, 0)[:3]
    if date[0] == 0 or second == 60:  # years and seconds that Rust has
        raise UnsureError
    try:
        made = dt.datetime(date[0], date[1], date[2], hour, minute, second, micro)
    except ValueError:
        return None
    return made.date() if day else made


def as_time(value: Moment | None) -> dt.datetime | None:
    """A date as its midnight, a time as it is."""
    if value is None or isinstance(value, dt.datetime):
        return value
    return dt.datetime(value.year, value.month, value.day)


def as_day(value: Moment | None) -> dt.date | None:
    """The day of a time."""
    return value.date() if isinstance(value, dt.datetime) else value


PARTS: dict[str, Callable[[dt.datetime | None], int | None]] = {
    "Year": lambda at: None if at is None else at.year,
    "Month": lambda at: None if at is None else at.month,
    "Day": lambda at: None if at is None else at.day,
    "WeekDay": lambda at: None if at is None else at.isoweekday(),
    "OrdinalDay": lambda at: None if at is None else at.timetuple().tm_yday,
    "Hour": lambda at: None if at is None else at.hour,
    "Minute": lambda at: None if at is None else at.minute,
}
"""Of times, by Polars' name."""


def first(*values: Any) -> Any:
    """The first that is not missing."""
    return next((value for value in values if value is not None), None)


def refused(made: Any, bad: bool | None) -> Any:
    """`made`, where it is not to be refused.

    Raises:
        UnsureError: it is.
    """
    if bad:
        raise UnsureError
    return made


def joined(between: str) -> Callable[..., str | None]:
    """Texts one after the other; missing where one is."""
    return lambda *texts: None if None in texts else between.join(texts)
