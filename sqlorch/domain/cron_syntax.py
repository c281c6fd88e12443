"""A cron expression or preset as text: five fields, one clear meaning, or a one-line refusal.

The accepted language is what crontab(5) and croniter agree on, with croniter's ``L``, ``n#k`` and ``Ln``.
Everything the common implementations read in different ways is refused instead of guessed
(scheduling specification 2.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlorch.domain.cron_fields import (
    DAY,
    HOUR,
    MINUTE,
    MONTH,
    WEEKDAY,
    Field,
    clip,
    days_of_month,
    days_of_week,
    is_nth,
    joined,
    values_of,
)
from sqlorch.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

PRESETS: Mapping[str, str] = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 1,4,7,10 *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MAX_LENGTH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """A cron expression taken apart and found sound.

    Attributes:
        text: the expression with single spaces, presets written out.
        minutes, hours: the values that match, ascending.
        days: day of month, month and day of week in croniter's words, every item written out.
        elapsed: whether it counts real time (minute or hour starts with ``*``) instead of labels on the wall.
        notes: what a reader might expect otherwise, one sentence each.
    """

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: str
    elapsed: bool
    notes: tuple[str, ...]


def parse_fields(text: str) -> Fields:
    """Take an expression or a preset apart.

    Raises:
        ConfigError: it is not a five-field expression with one clear meaning; one line says why.
    """
    normal = _five_fields(text)
    minute, hour, day, month, weekday = normal.split(" ")
    minutes, hours = values_of(MINUTE, minute), values_of(HOUR, hour)
    days = " ".join([days_of_month(day), joined(MONTH, month), days_of_week(weekday)])
    _refuse_ambiguous_days(day, weekday)
    return Fields(
        text=normal,
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=days,
        elapsed=minute.startswith("*") or hour.startswith("*"),
        notes=tuple(_notes(minute, hour, day, month, weekday)),
    )


def require_text(text: object) -> str:
    """What a file or caller gave as a schedule, once it is known to be text.

    Raises:
        ConfigError: it is something else, as when YAML reads an unquoted value as a number or a date.
    """
    if not isinstance(text, str):
        said = f"a schedule is text in quotes such as '0 2 * * *', not the {type(text).__name__}"
        raise ConfigError(f"{said} {clip(repr(text))}")
    return text


def _five_fields(text: str) -> str:
    if len(text) > _MAX_LENGTH:
        raise ConfigError(f"the schedule is longer than {_MAX_LENGTH} characters")
    if not text.isascii():
        raise ConfigError(f"the schedule {clip(text)!r} holds characters other than ASCII")
    words = text.lower().split()
    if not words:
        raise ConfigError("the schedule is empty; give five fields such as '0 2 * * *', or @daily")
    if words[0].startswith("@"):
        words = _preset(words).split()
    if len(words) != 5:  # noqa: PLR2004 - minute, hour, day of month, month, day of week
        raise ConfigError(_wrong_count(text, len(words)))
    return " ".join(words)


def _preset(words: list[str]) -> str:
    name = " ".join(words)
    if name in PRESETS:
        return PRESETS[name]
    if words[0] == "@every":
        raise ConfigError(f"{clip(name)!r} is not a cron expression; write `every: 5m` instead of a schedule")
    if words[0] in {"@reboot", "@continuous"}:
        raise ConfigError(f"{clip(name)!r} names no point in time, so it has no intervals to run")
    raise ConfigError(f"unknown preset {clip(name)!r}; known are @once {' '.join(PRESETS)}")


def _wrong_count(text: str, count: int) -> str:
    said = f"the schedule {clip(text)!r} has {count} fields, not five (minute hour day month weekday)"
    if count == 6:  # noqa: PLR2004 - the Quartz habit
        return f"{said}; seconds are refused: some programs read them first, some last"
    if count == 7:  # noqa: PLR2004 - seconds and years
        return f"{said}; fields for seconds and years are not supported"
    return said


def _refuse_ambiguous_days(day: str, weekday: str) -> None:
    if day in {"*", "?"} or weekday in {"*", "?"}:
        return
    if day.startswith("*") or weekday.startswith("*"):
        raise ConfigError(
            f"day of month {clip(day)!r} with day of week {clip(weekday)!r} is ambiguous: some programs run "
            "when either matches, some when both do; write two schedules, or one field as a list"
        )
    if any(map(is_nth, weekday.split(","))):
        raise ConfigError(
            f"day of month {clip(day)!r} with day of week {clip(weekday)!r} is ambiguous; write two schedules"
        )


def _notes(minute: str, hour: str, day: str, month: str, weekday: str) -> list[str]:
    notes = []
    if day not in {"*", "?"} and weekday not in {"*", "?"}:
        notes.append(
            f"day of month {day!r} and day of week {weekday!r} are both set: it fires when either matches"
        )
    for spec, text in ((MINUTE, minute), (HOUR, hour), (DAY, day), (MONTH, month), (WEEKDAY, weekday)):
        notes += [_restart_note(spec, item) for item in text.split(",") if _restarts(spec, item)]
    return notes


def _restarts(spec: Field, item: str) -> bool:
    low, _, step = item.partition("/")
    if low != "*" or step in {"", "1"}:
        return False
    return (spec.high - spec.low + 1) % int(step) != 0


def _restart_note(spec: Field, item: str) -> str:
    return (
        f"{item!r} counts from {spec.low} anew every {spec.cycle}, so its last interval there may be shorter"
    )
