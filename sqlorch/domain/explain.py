"""What a schedule will do, fire by fire, in words a person can check."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from sqlorch.domain.fires import CronFires
from sqlorch.domain.zones import instant_of, label_at

if TYPE_CHECKING:
    from datetime import datetime

    from sqlorch.domain.cron import Cron
    from sqlorch.domain.timetable import Timetable


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The next fires of a timetable.

    Attributes:
        fires: instants in UTC, ascending.
        lengths: elapsed time from each fire to the one after it; None after the last one there is.
        warnings: what one might not expect, one sentence each.
    """

    fires: tuple[datetime, ...]
    lengths: tuple[timedelta | None, ...]
    warnings: tuple[str, ...]


def explain(timetable: Timetable, after: datetime, count: int) -> Explanation:
    """Look at the first ``count`` fires after an instant, and at what is odd about them."""
    fires: list[datetime] = []
    fire = timetable.next_fire(after)
    while fire is not None and len(fires) <= count:
        fires.append(fire)
        fire = timetable.next_fire(fire)
    shown = tuple(fires[:count])
    lengths: list[timedelta | None] = [later - earlier for earlier, later in pairwise(fires)]
    lengths += [None] * (len(shown) - len(lengths))
    warnings = [*timetable.warnings(after), *_clock_changes(timetable, shown)]
    return Explanation(fires=shown, lengths=tuple(lengths), warnings=tuple(dict.fromkeys(warnings)))


def _clock_changes(timetable: Timetable, fires: tuple[datetime, ...]) -> list[str]:
    """Fires that daylight saving moved or that one would expect twice."""
    if not isinstance(timetable.fires, CronFires):
        return []
    found = (_clock_change(cron, timetable, fire) for fire in fires for cron in timetable.fires.crons)
    return [said for said in found if said]


def _clock_change(cron: Cron, timetable: Timetable, fire: datetime) -> str:
    label = label_at(fire, timetable.zone)
    if not _fires_at(cron, timetable, fire):
        return ""
    if not cron.fields.elapsed and not (
        label.hour in cron.fields.hours and label.minute in cron.fields.minutes
    ):
        gap = "the clocks skip the scheduled time; it fires where the gap ends"
        return f"{label:%Y-%m-%d}: {gap}, {label:%H:%M}"
    twice = label.replace(tzinfo=timetable.zone, fold=1).astimezone(UTC) != instant_of(label, timetable.zone)
    if not twice:
        return ""
    if cron.fields.elapsed:
        return f"{label:%Y-%m-%d}: the clocks go back; counting elapsed time, it fires in both passes"
    return f"{label:%Y-%m-%d}: the clocks show {label:%H:%M} twice; it fires the first time only"


def _fires_at(cron: Cron, timetable: Timetable, fire: datetime) -> bool:
    return cron.next_after(fire - timedelta(microseconds=1), timetable.zone) == fire
