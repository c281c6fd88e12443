"""From a group's ``schedule:`` or ``every:`` to its fires, with a reason for everything refused."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlorch.domain.cron import parse_cron
from sqlorch.domain.cron_fields import clip
from sqlorch.domain.cron_syntax import require_text
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.fires import CronFires, EveryFires, Fires, GivenFires

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

_ONCE = "@once"
_SHORTEST = timedelta(seconds=60)
_LENGTH = re.compile(
    r"(?=[0-9])(?:(?P<weeks>[0-9]{1,5})w)?(?:(?P<days>[0-9]{1,6})d)?(?:(?P<hours>[0-9]{1,6})h)?"
    r"(?:(?P<minutes>[0-9]{1,6})m)?(?:(?P<seconds>[0-9]{1,9})s)?",
    re.ASCII,
)
_CALENDAR = re.compile(r"[0-9]+ *(mo|months?|y|years?|q|quarters?)", re.ASCII)

_CAPITAL_M = re.compile(r"[0-9]M")  # months to some, minutes to others


def read_fires(
    schedule: str | Sequence[str] | None,
    every: str | None,
    *,
    zone: ZoneInfo,
    start: datetime | None,
    end: datetime | None,
    point: bool,
) -> Fires | None:
    """The fires of a group, or None for one that only runs by hand.

    Raises:
        ConfigError: the settings contradict each other or one of them cannot be read.
    """
    if schedule is not None and every is not None:
        raise ConfigError("a group has either a schedule or an `every`, not both")
    if every is not None:
        if start is None:
            raise ConfigError(f"`every: {_shown(str(every))}` is counted from `start`, which is missing")
        return EveryFires(length=parse_length(every), anchor=start)
    if schedule is None:
        return None
    expressions = _listed(schedule)
    if any(text.strip().lower() == _ONCE for text in expressions):
        return _once(expressions, start, end, point=point)
    return CronFires(crons=tuple(dict.fromkeys(map(parse_cron, expressions))), zone=zone)


def parse_length(text: str) -> timedelta:
    """Read a length of elapsed time: ``6h``, ``90m``, ``1h30m``, ``2w``.

    Raises:
        ConfigError: it is not one, is a calendar unit, or is below sixty seconds.
    """
    if not isinstance(text, str):
        raise ConfigError(f"`every` is a length such as 6h, not the {type(text).__name__} {clip(repr(text))}")
    word = text.strip().lower()
    if _CALENDAR.fullmatch(word) or _CAPITAL_M.search(text):
        raise ConfigError(
            f"`every: {_shown(text.strip())}` has no fixed length; use a schedule such as @monthly, "
            "or m for minutes"
        )
    match = _LENGTH.fullmatch(word)
    if not match:
        raise ConfigError(
            f"`every: {_shown(text)}` is not a length; write 6h, 90m or 1h30m (units w, d, h, m, s)"
        )
    length = timedelta(**{unit: int(number) for unit, number in match.groupdict(default="0").items()})
    if length < _SHORTEST:
        raise ConfigError(f"`every: {word}` is shorter than the shortest interval, 60s")
    return length


def _shown(text: str) -> str:
    """As a person wrote it, on one line."""
    return clip(text if text.isprintable() else repr(text))


def _listed(schedule: object) -> list[str]:
    if not isinstance(schedule, list | tuple):
        return [require_text(schedule)]
    if not schedule:
        raise ConfigError("the list of schedules is empty; leave `schedule` out for a group run by hand")
    return [require_text(text) for text in schedule]


def _once(expressions: list[str], start: datetime | None, end: datetime | None, *, point: bool) -> Fires:
    if len(expressions) > 1:
        raise ConfigError("@once cannot be combined with other schedules")
    if start is None:
        raise ConfigError("@once needs a `start` to say when")
    if point:
        return GivenFires(instants=(start,))
    if end is None:
        raise ConfigError("@once covers one interval and needs `start` and `end`, or `interval: point`")
    return GivenFires(instants=(start, end))
