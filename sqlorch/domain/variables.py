"""The variables every run hands to the project, so that a model knows which data it is to build.

People paste them into SQL, so each value is text of letters, digits and ``_ . : + -`` alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from sqlorch.domain.errors import ConfigError
from sqlorch.domain.interval import Interval, format_instant
from sqlorch.domain.zones import find_zone, label_at

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sqlorch.domain.timetable import Timetable

SAMPLE_INTERVAL = Interval(datetime(2013, 1, 3, 5, tzinfo=UTC), datetime(2013, 1, 4, 5, tzinfo=UTC))
"""One day in New York: stands in where a project is read without a real interval, and in the examples."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_RUN_PREFIX = {"manual": "manual", "scheduled": "sched", "backfill": "sched", "dataset": "ds"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable, for documentation and help: the example belongs to a daily group in New York."""

    name: str
    description: str
    example: str


def _variable(name: str, example: str, description: str) -> Variable:
    return Variable(name=name, description=description, example=example)


VARIABLES: tuple[Variable, ...] = (
    _variable("data_interval_start", "2013-01-03T05:00:00+00:00", "first instant of the interval, in UTC"),
    _variable("data_interval_end", "2013-01-04T05:00:00+00:00", "its end, which is exclusive, in UTC"),
    _variable("logical_date", "2013-01-03T05:00:00+00:00", "the same as data_interval_start"),
    _variable("ds", "2013-01-03", "local date of the start, in the group's zone"),
    _variable("ds_nodash", "20130103", "ds without dashes"),
    _variable("ts", "2013-01-03T00:00:00-05:00", "local time of the start, with its offset"),
    _variable("ts_nodash", "20130103T000000", "local time of the start, without dashes, colons and offset"),
    _variable("prev_ds", "2013-01-02", "ds of the schedule interval before this one"),
    _variable("next_ds", "2013-01-04", "ds of the schedule interval after this one"),
    _variable("run_id", "manual-20130103T050000Z-7f3a", "the run's identifier"),
    _variable("group", "flights_daily", "name of the group"),
)


def interval_variables(
    interval: Interval, timetable: Timetable, *, timezone: str, run_id: str, group: str
) -> dict[str, str]:
    """The variables of one run, in the order of :data:`VARIABLES`.

    ``prev_ds`` and ``next_ds`` are those of the neighbouring schedule intervals; without a schedule, the
    local date one interval length before the start and the local date of the end.

    Raises:
        ConfigError: the run's or the group's name holds characters that do not belong into SQL.
    """
    _require("run id", run_id)
    _require("group name", group)
    zone = find_zone(timezone)
    start = label_at(interval.start, zone)
    day = start.date().isoformat()
    return {
        "data_interval_start": format_instant(interval.start),
        "data_interval_end": format_instant(interval.end),
        "logical_date": format_instant(interval.start),
        "ds": day,
        "ds_nodash": day.replace("-", ""),
        "ts": interval.start.astimezone(zone).isoformat(),
        "ts_nodash": f"{day.replace('-', '')}T{start:%H%M%S}",
        "prev_ds": _previous_day(interval, timetable, zone).isoformat(),
        "next_ds": _next_day(interval, timetable, zone).isoformat(),
        "run_id": run_id,
        "group": group,
    }


def new_run_id(kind: str, start: datetime, suffix: str = "") -> str:
    """A run's identifier: ``manual-20130101T050000Z-7f3a``, safe in file names and SQL.

    Args:
        kind: ``manual``, ``scheduled``, ``backfill`` or ``dataset``.
        start: start of the run's interval.
        suffix: what tells runs of the same interval apart; letters and digits.

    Raises:
        ConfigError: an unknown kind, or a suffix that makes the identifier unfit.
    """
    if kind not in _RUN_PREFIX:
        raise ConfigError(f"unknown kind of run {kind!r}; known are {', '.join(_RUN_PREFIX)}")
    instant = start.astimezone(UTC)
    run_id = f"{_RUN_PREFIX[kind]}-{instant.date().isoformat().replace('-', '')}T{instant:%H%M%S}Z"
    return _require("run id", f"{run_id}-{suffix}" if suffix else run_id)


def _previous_day(interval: Interval, timetable: Timetable, zone: ZoneInfo) -> date:
    slot = timetable.previous_slot(interval)
    if slot is not None:
        return label_at(slot.start, zone).date()
    # on labels, not instants: the day before one of 25 hours is still one date earlier
    start, end = label_at(interval.start, zone), label_at(interval.end, zone)
    return (start - (end - start)).date()


def _next_day(interval: Interval, timetable: Timetable, zone: ZoneInfo) -> date:
    slot = timetable.following_slot(interval)
    return label_at(interval.end if slot is None else slot.start, zone).date()


def _require(what: str, value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ConfigError(
            f"the {what} {value[:80]!r} may hold letters, digits, '_' and '-' only, 1 to 64 of them"
        )
    return value
