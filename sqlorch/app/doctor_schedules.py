"""Schedules tried out for a year, and whether the runs they ask for can keep up with them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING

from sqlorch.domain.fires import GivenFires
from sqlorch.domain.rehearsal import Rehearsal, crowded, rehearse
from sqlorch.domain.remarks import Grade, Remark
from sqlorch.domain.run import RunState

if TYPE_CHECKING:
    from sqlorch.domain.group import Group
    from sqlorch.domain.sla import ScheduledRun
    from sqlorch.domain.timetable import Timetable

_PART = "schedules"
_YEAR = timedelta(days=366)  # the longest there is: a yearly schedule fires in each
_RUNS = "runs"
_BUDGET = 300_000  # intervals of all schedules together in a year: some seconds
_LEAST, _MOST = 1_000, 60_000  # of one schedule
_ODDITIES = 2  # told of one schedule; the others are counted
_ENOUGH = 3  # runs from which on one may speak of what is usual


def remarks(groups: Sequence[Group], now: datetime) -> Iterator[Remark]:
    """What a year of each schedule shows.

    Args:
        groups: those that have a schedule.
        now: the current instant.
    """
    if not groups:
        yield Remark(part=_PART, grade=Grade.NOTE, message="no group has a schedule: runs are made by hand")
    tables = {group.timetable for group in groups}
    limit = min(_MOST, max(_LEAST, _BUDGET // (2 * max(1, len(tables)))))
    known: dict[Timetable, Rehearsal] = {}
    for group in groups:
        timetable = group.timetable
        if timetable not in known:
            known[timetable] = rehearse(timetable, now, limit)
        yield from _of_group(group, known[timetable], now)


def _of_group(group: Group, found: Rehearsal, now: datetime) -> Iterator[Remark]:
    for fault in found.faults:
        yield _said(group, Grade.ERROR, fault, "this is a defect of sqlorch: please report the schedule")
    for warning in group.timetable.warnings(now):
        yield _said(group, Grade.WARNING, warning, _explaining(group))
    silent = _silent(group, now)
    if silent is not None:
        yield silent
    elif not found.faults:
        yield _said(group, Grade.OK, _figures(found))
    for oddity in found.oddities[:_ODDITIES]:
        yield _said(group, Grade.NOTE, oddity)
    if (more := len(found.oddities) - _ODDITIES) > 0:
        yield _said(group, Grade.NOTE, f"{more} more of such days in the year ahead", _explaining(group))


def _silent(group: Group, now: datetime) -> Remark | None:
    """What to say of a schedule that makes nothing in the year ahead."""
    timetable = group.timetable
    fire = timetable.next_fire(now)
    if fire is not None and fire - now <= _YEAR:
        return None
    if isinstance(timetable.fires, GivenFires):  # @once: it is meant to be over some day
        return _said(group, Grade.NOTE, "has no interval to come" if fire is None else f"due {_day(fire)}")
    if timetable.end is not None and timetable.end <= now:
        message = f"ended on {_day(timetable.end)}: no new intervals fall due"
        return _said(group, Grade.WARNING, message, "take its schedule away, or move its end")
    message = "does not fire within a year" + (f", next on {_day(fire)}" if fire is not None else "")
    return _said(group, Grade.WARNING, message, "correct its schedule, its start or its end")


def _figures(found: Rehearsal) -> str:
    count = f"the first {found.count:,} intervals" if found.sampled else _intervals(found.count)
    ahead = f"{count} of the year ahead" if found.sampled else f"{count} in the year ahead"
    if found.shortest is None or found.longest is None:
        return ahead
    if found.shortest == found.longest:
        lengths = f"each {say_length(found.shortest)}"
    else:
        lengths = f"{say_length(found.shortest)} to {say_length(found.longest)}"
    return f"{ahead}, {lengths}" + (", and those around clock changes" if found.sampled else "")


def _intervals(count: int) -> str:
    return f"{count:,} interval{'' if count == 1 else 's'}"


def durations(groups: Sequence[Group], runs: Sequence[ScheduledRun]) -> Iterator[Remark]:
    """Groups whose runs usually take longer than what they cover, and so fall further and further behind.

    Args:
        groups: those that have a schedule.
        runs: of late, made by schedules.
    """
    for group in groups:
        taken = [one for one in runs if one.group == group.name and _tells(one)]
        if len(taken) < _ENOUGH:
            continue
        usual = median(_seconds(one) for one in taken)
        covered = median(one.interval.length.total_seconds() for one in taken)
        message = (
            f"a run usually takes {say_length(timedelta(seconds=round(usual)))} "
            f"for {say_length(timedelta(seconds=round(covered)))}"
        )
        if usual > covered * group.rules.max_active_runs:
            yield Remark(
                part=_RUNS,
                grade=Grade.WARNING,
                subject=group.name,
                message=f"{message}: it never catches up",
                advice="give it a longer interval, a higher batch or max_active_runs, or faster models",
            )
        else:
            yield Remark(part=_RUNS, grade=Grade.OK, subject=group.name, message=message)


def _tells(run: ScheduledRun) -> bool:
    """Whether it says how long runs take; points cover no time that could be compared with."""
    ended = run.state is RunState.SUCCESS and run.started_at is not None and run.finished_at is not None
    return ended and run.interval.start < run.interval.end


def _seconds(run: ScheduledRun) -> float:
    assert run.started_at is not None  # noqa: S101 - for the type checker: only those are asked for
    assert run.finished_at is not None  # noqa: S101 - likewise
    return (run.finished_at - run.started_at).total_seconds()


def crowds(groups: Sequence[Group], now: datetime, at_once: int) -> Iterator[Remark]:
    """More groups due at one moment than the daemon drives at once: the others wait for their turn."""
    found = crowded((group.timetable for group in groups), now)
    if found is None or found[1] <= at_once:
        return
    moment, count = found
    yield Remark(
        part=_RUNS,
        grade=Grade.NOTE,
        message=(
            f"{count:,} groups fire at the same moment, as at {moment:%Y-%m-%d %H:%M} UTC, "
            f"and {at_once} run{'' if at_once == 1 else 's'} at once: the others wait for their turn"
        ),
    )


def zones(groups: Sequence[Group]) -> Remark:
    """The time zones there is data of; without data of a zone the settings are refused before this."""
    by_zone: Mapping[str, list[str]] = defaultdict(list)
    for group in groups:
        by_zone[group.timezone].append(group.name)
    named = ", ".join(sorted(by_zone)) or "none is needed"
    return Remark(part="clock", grade=Grade.OK, message=f"time zone data: {named}")


def say_length(length: timedelta) -> str:
    """Elapsed time by its two largest units: ``1 d``, ``23 h``, ``1 min 30 s``."""
    left = int(length.total_seconds())
    parts = []
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or f"{length.total_seconds():g} s"


def _explaining(group: Group) -> str:
    crons = " ".join(f"'{cron}'" for cron in group.keys.schedule or ())
    zone = "" if group.timezone == "UTC" else f" --timezone {group.timezone}"
    return f"sqlorch cron {crons}{zone}" if crons else ""


def _said(group: Group, grade: Grade, message: str, advice: str = "") -> Remark:
    return Remark(part=_PART, grade=grade, subject=group.name, message=message, advice=advice)


def _day(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d}"
