"""What ``sqlorch doctor`` finds, and its rules that need nothing but a group and an instant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from sqlorch.domain.explain import explain
from sqlorch.domain.lengths import spell_seconds

if TYPE_CHECKING:
    from sqlorch.domain.group import Group
    from sqlorch.domain.interval import Interval

YEAR = timedelta(days=366)
MOST_SLOTS = 10_000  # of a group that are looked at: more than a year of hours, a week of minutes
_LITTLE, _SCARCE = 1_000_000_000, 100_000_000  # bytes of a disk


class Level(StrEnum):
    """How bad it is, the worst last."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One thing that was examined.

    Attributes:
        area: ``project``, ``schedules``, ``state``, ``disk``, ``versions``, ``clock`` or ``daemon``.
        level: whether it is well.
        text: what was found, and what to do where something is wrong.
    """

    area: str
    level: Level
    text: str


def examine_schedule(group: Group, now: datetime, most: int = MOST_SLOTS) -> Iterator[Remark]:
    """A year of a group's slots, from now on or from its start.

    They must follow one another without a gap, an overlap or one of no length (points have none).

    Args:
        group: one that may have a schedule.
        now: the present.
        most: how many slots are looked at.
    """
    timetable = group.timetable
    if not timetable.scheduled:
        return
    if timetable.end is not None and timetable.end <= now:
        yield _about(group, Level.OK, f"ended at {timetable.end:%Y-%m-%d}; nothing is due any more")
        return
    slots = list(islice(_slots_from(group, now), most))
    if not slots:
        yield _about(group, Level.WARNING, "does not fire within a year; look at its schedule, start and end")
        return
    yield from (_about(group, Level.ERROR, said) for said in faults(slots, points=timetable.mode == "point"))
    some = "the first " if len(slots) == most else ""
    yield _about(group, Level.OK, some + _summary(slots, points=timetable.mode == "point"))
    for said in explain(timetable, now, len(slots)).warnings:
        yield _about(group, Level.WARNING, said)


def _slots_from(group: Group, now: datetime) -> Iterator[Interval]:
    begin = now if group.timetable.start is None else max(now, group.timetable.start)
    slot = group.timetable.next_slot(begin)
    until = begin + YEAR
    while slot is not None and slot.end <= until:
        yield slot
        slot = group.timetable.next_slot(slot.end)


def faults(slots: Sequence[Interval], *, points: bool) -> Iterator[str]:
    """What no timetable may do; the first case of each."""
    if not points:
        empty = [slot for slot in slots if slot.end <= slot.start]
        if empty:
            yield f"has an interval of no length at {empty[0].start.isoformat()}"
    for before, after in pairwise(slots):
        if after.start < before.end or (points and after.start == before.start):
            yield f"has intervals that overlap at {after.start.isoformat()}"
            return
        if not points and after.start > before.end:
            yield f"leaves a gap from {before.end.isoformat()} to {after.start.isoformat()}"
            return


def _summary(slots: Sequence[Interval], *, points: bool) -> str:
    # the first is what is left of the interval that is under way
    lengths = [(after.end - before.end).total_seconds() for before, after in pairwise(slots)]
    what = "points" if points else "intervals"
    if not lengths:
        return f"one {what[:-1]} within a year, due at {slots[0].end:%Y-%m-%d %H:%M} UTC"
    shortest, longest = spell_seconds(min(lengths)), spell_seconds(max(lengths))
    between = shortest if shortest == longest else f"{shortest} to {longest}"
    return f"{len(slots):,} {what} of a year, {between}, next due {slots[0].end:%Y-%m-%d %H:%M} UTC"


def examine_pace(group: Group, seconds: Sequence[float], now: datetime) -> Iterator[Remark]:
    """Whether runs keep up with their schedule.

    Args:
        group: what they are of.
        seconds: durations of its newest runs that ended well.
        now: whose slots are looked at.
    """
    slots = list(islice(_slots_from(group, now), 3)) if group.timetable.scheduled else []
    if len(slots) < 2 or not seconds:  # noqa: PLR2004 - the first may be cut short
        return
    room = (slots[-1].end - slots[-2].end).total_seconds() * group.batch
    usual = sorted(seconds)[len(seconds) // 2]
    if usual > room:
        yield _about(
            group,
            Level.WARNING,
            f"usually runs for {spell_seconds(round(usual))}, and is due every {spell_seconds(room)}: it "
            "never catches up; make it faster, due less often, or raise batch",
        )


def examine_disk(what: str, *, free: int, writable: bool, private: bool) -> Iterator[Remark]:
    """A folder: room, permission to write, and whether others may look into it."""
    if not writable:
        yield Remark(area="disk", level=Level.ERROR, text=f"{what} cannot be written to")
    level = Level.ERROR if free < _SCARCE else Level.WARNING if free < _LITTLE else Level.OK
    more = "" if level is Level.OK else "; make room, or move it"
    yield Remark(area="disk", level=level, text=f"{what}: {free / 1_000_000_000:.1f} GB free{more}")
    if not private:
        yield Remark(
            area="disk",
            level=Level.WARNING,
            text=f"{what} can be read by others; logs and SQL may tell what is in your tables: chmod 700",
        )


def worst(remarks: Iterable[Remark]) -> Level:
    """The worst level of all."""
    order = list(Level)
    return max((remark.level for remark in remarks), key=order.index, default=Level.OK)


def _about(group: Group, level: Level, text: str) -> Remark:
    return Remark(area="schedules", level=level, text=f"{group.name}: {text}")
