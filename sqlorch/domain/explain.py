"""What a schedule will do, fire by fire, in words a person can check."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from sqlorch.domain.fires import CronFires
from sqlorch.domain.zones import changes_within, instant_of, label_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from zoneinfo import ZoneInfo

    from sqlorch.domain.cron import Cron
    from sqlorch.domain.timetable import Timetable

_SECOND = timedelta(seconds=1)
_HOURS = 24


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
    told = [*timetable.warnings(after), *_gaps(timetable, after, fires, shown), *_folds(timetable, shown)]
    return Explanation(fires=shown, lengths=tuple(lengths), warnings=tuple(dict.fromkeys(told)))


def _gaps(
    timetable: Timetable, after: datetime, fires: Sequence[datetime], shown: Sequence[datetime]
) -> Iterator[str]:
    """What becomes of the fires whose time the clocks skip."""
    if not isinstance(timetable.fires, CronFires):
        return
    since = after if timetable.start is None else max(after, timetable.start)
    for cron in timetable.fires.crons:
        # one that happens later is told where it is shown, one that does not wherever it is missed
        seen = fires if cron.fields.elapsed else shown
        for change in changes_within(since, max(seen, default=since), timetable.zone):
            said = _gap(cron, change, timetable.zone)
            if said:
                yield f"{said} ({cron.text})" if len(timetable.fires.crons) > 1 else said


def _gap(cron: Cron, change: datetime, zone: ZoneInfo) -> str:
    """What one change of the clocks does to the fires of one expression whose time it skips."""
    end = label_at(change, zone)
    start = label_at(change - _SECOND, zone) + _SECOND
    missed = len(cron.labels(start, end)) if start < end else 0
    every_hour = cron.fields.elapsed and len(cron.fields.hours) == _HOURS
    if not missed or every_hour:  # what counts hours of elapsed time misses none
        return ""
    midnight = datetime.combine(start, time())
    of_day = len(cron.labels(midnight, max(end, midnight + timedelta(days=1))))
    fires = f"{missed} of {of_day} fires of that day"
    if cron.fields.elapsed:
        became = "does not happen" if missed == 1 else "do not happen"
    else:
        became = f"{'happens' if missed == 1 else 'happen'} at {end:%H:%M}{_joined(cron, missed, end)}"
    return f"the clocks skip {_span(start, end)}: {fires} {became}"


def _joined(cron: Cron, missed: int, end: datetime) -> str:
    """With what the fires of a gap are one fire."""
    if cron.labels(end, end + timedelta(minutes=1)):
        return f", as one with that of {end:%H:%M}"
    return ", as one" if missed > 1 else ""


def _span(start: datetime, end: datetime) -> str:
    if end - start < timedelta(days=1):
        return f"{start:%H:%M}-{end:%H:%M} on {start:%Y-%m-%d}"
    return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"


def _folds(timetable: Timetable, fires: Sequence[datetime]) -> list[str]:
    """Fires at a time that the clocks show twice."""
    if not isinstance(timetable.fires, CronFires):
        return []
    found = (_fold(cron, timetable, fire) for fire in fires for cron in timetable.fires.crons)
    return [said for said in found if said]


def _fold(cron: Cron, timetable: Timetable, fire: datetime) -> str:
    label = label_at(fire, timetable.zone)
    if not _fires_at(cron, timetable, fire):
        return ""
    twice = label.replace(tzinfo=timetable.zone, fold=1).astimezone(UTC) != instant_of(label, timetable.zone)
    if not twice:
        return ""
    if cron.fields.elapsed:
        return f"{label:%Y-%m-%d}: the clocks go back; counting elapsed time, it fires in both passes"
    return f"{label:%Y-%m-%d}: the clocks show {label:%H:%M} twice; it fires the first time only"


def _fires_at(cron: Cron, timetable: Timetable, fire: datetime) -> bool:
    return cron.next_after(fire - timedelta(microseconds=1), timetable.zone) == fire
