"""One field of a cron expression: which values it matches, and what is refused and why.

Everything the common implementations read in different ways is refused instead of guessed
(scheduling specification 2.4).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlorch.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_ITEM = re.compile(r"(?P<low>\*|[a-z0-9]+)(?:-(?P<high>[a-z0-9]+))?(?:/(?P<step>[0-9]+))?", re.ASCII)
_NTH = re.compile(r"(?P<day>[a-z0-9]+)#(?P<nth>[0-9]+)|l(?P<last>[0-9]+)", re.ASCII)
_NEAREST = re.compile(r"lw|[0-9]+w|w[0-9]+", re.ASCII)
_SUNDAY = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One of the five: its bounds, its names, and how many values there are before it starts over."""

    name: str
    low: int
    high: int
    cycle: str
    names: Mapping[str, int] = field(default_factory=dict)


MINUTE = Field(name="minute", low=0, high=59, cycle="hour")
HOUR = Field(name="hour", low=0, high=23, cycle="day")
DAY = Field(name="day of month", low=1, high=31, cycle="month")
MONTH = Field(
    name="month", low=1, high=12, cycle="year", names={name: i for i, name in enumerate(_MONTHS, start=1)}
)
WEEKDAY = Field(
    name="day of week", low=0, high=6, cycle="week", names={name: i for i, name in enumerate(_DAYS)}
)


def values_of(spec: Field, text: str) -> set[int]:
    """Every value a field matches, Sunday as 0."""
    values: set[int] = set()
    for item in text.split(","):
        if item == "*" and text != "*":
            raise _refused(spec, text, "'*' in a list already means every value")
        values |= _item_values(spec, item, text)
    return values


def _item_values(spec: Field, item: str, text: str) -> set[int]:
    _refuse_letters(spec, item, text)
    match = _ITEM.fullmatch(item)
    if not match:
        raise _refused(spec, text, f"{clip(item)!r} is not a value, a range or a step")
    low, high, step = match["low"], match["high"], match["step"]
    if low == "*":
        if high is not None:
            raise _refused(spec, text, f"{clip(item)!r} is not a range")
        first, last = spec.low, spec.high
    else:
        first = _value(spec, low, text)
        last = _range_end(spec, low, high, text) if high else (spec.high if step else first)
    stride = _step(spec, step, last - first if high else spec.high - spec.low, text)
    return {_wrap(spec, value) for value in range(first, last + 1, stride)}


def _wrap(spec: Field, value: int) -> int:
    return 0 if spec is WEEKDAY and value == _SUNDAY else value


def _value(spec: Field, text: str, whole: str) -> int:
    if text in spec.names:
        return spec.names[text]
    if not text.isdigit():
        raise _refused(spec, whole, f"{clip(text)!r} is not a {spec.name}")
    value = int(text)
    if spec is WEEKDAY and value == _SUNDAY:
        return 0
    if not spec.low <= value <= spec.high:
        raise _refused(spec, whole, f"{clip(text)} is not within {spec.low}-{spec.high}")
    return value


def _range_end(spec: Field, low: str, high: str, whole: str) -> int:
    first, last = _value(spec, low, whole), _value(spec, high, whole)
    if first == last and (low == high or high != str(_SUNDAY)):
        raise _refused(spec, whole, "a range from a value to itself means 'all' to some programs")
    if spec is WEEKDAY and last == 0:
        last = _SUNDAY  # Sunday may end a week: fri-sun is 5, 6, 7
    if last < first or (spec is WEEKDAY and low == str(_SUNDAY)):
        raise _refused(spec, whole, f"a range that runs backwards; write {_unrolled(spec, first, last)}")
    return last


def _unrolled(spec: Field, first: int, last: int) -> str:
    pairs = [(first, last)] if first < last else [(first, spec.high), (spec.low, last)]
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in pairs)


def _step(spec: Field, text: str | None, span: int, whole: str) -> int:
    if text is None:
        return 1
    step = int(text)
    if step == 0:
        raise _refused(spec, whole, "a step of 0 never moves on")
    if step > span:
        raise _refused(spec, whole, f"a step of {clip(text)} leaves the range after its first value")
    return step


def _refuse_letters(spec: Field, item: str, text: str) -> None:
    """Extensions other programs know: say which, not just that something is wrong."""
    head = re.split(r"[(/]", item, maxsplit=1)[0]
    if head == "r":
        raise _refused(spec, text, "R is random, so intervals would change with every restart")
    if head == "h":
        raise _refused(spec, text, "H (a hashed value) is not supported; choose a value")
    if _NEAREST.fullmatch(item):
        raise _refused(spec, text, "W (nearest weekday) is not supported")
    if item == "?" and spec not in (DAY, WEEKDAY):
        raise _refused(spec, text, "'?' belongs to the day fields only")


def joined(spec: Field, text: str) -> str:
    """The field for croniter, with every range and step written out as a list of values."""
    values = values_of(spec, text)
    return "*" if text == "*" else ",".join(map(str, sorted(values)))


def days_of_month(text: str) -> str:
    """The day-of-month field for croniter; ``L`` is the last day of the month."""
    items = ["*" if item == "?" else item for item in text.split(",")]
    if "l" not in items:
        return joined(DAY, ",".join(items))
    rest = [item for item in items if item != "l"]
    return f"{joined(DAY, ','.join(rest))},l" if rest else "l"


def days_of_week(text: str) -> str:
    """The day-of-week field for croniter; ``2#3`` is the third Tuesday, ``L5`` the last Friday."""
    items = ["*" if item == "?" else item for item in text.split(",")]
    if not any(map(is_nth, items)):
        return joined(WEEKDAY, ",".join(items))
    return ",".join(sorted({_nth(item, text) for item in items}))


def is_nth(item: str) -> bool:
    """Whether an item counts weekdays within the month, ``2#3`` or ``L5``."""
    return "#" in item or (item.startswith("l") and item != "l")


def _nth(item: str, text: str) -> str:
    match = _NTH.fullmatch(item)
    if not match:
        raise _refused(WEEKDAY, text, "write 2#3 (third Tuesday) or L5 (last Friday), not mixed with others")
    if match["last"]:
        return f"l{_value(WEEKDAY, match['last'], text)}"
    if not 1 <= int(match["nth"]) <= 5:  # noqa: PLR2004 - no weekday comes a sixth time in a month
        raise _refused(WEEKDAY, text, f"#{clip(match['nth'])} is not within #1-#5")
    return f"{_value(WEEKDAY, match['day'], text)}#{int(match['nth'])}"


def _refused(spec: Field, text: str, reason: str) -> ConfigError:
    return ConfigError(f"{spec.name} {clip(text)!r} of the schedule: {reason}")


def clip(text: str) -> str:
    """Shortened to fit into a one-line message."""
    return text if len(text) <= 40 else text[:37] + "..."  # noqa: PLR2004 - one line of a message
