"""Which slots of the groups it reads from a run waits for, and whether they are there.

The rule (scheduling specification 2.7 and the ledger): a run over ``[s, e)`` waits for every slot of the
other group that ends inside ``(s, e]``, and for the latest one that ends at or before ``e``. So a daily run
waits for its 24 hours, and an hourly run for the last whole day. Of a group without a schedule it waits until
what it reads was built once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from sqlorch.domain.coverage import SlotAxis, Standing, timeline
from sqlorch.domain.describe import name_slot
from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import LedgerEntry, LedgerMark

if TYPE_CHECKING:
    from sqlorch.domain.snapshot import Reads
    from sqlorch.domain.timetable import Timetable

_INSTANT = timedelta(microseconds=1)
_FIRST_STEP = timedelta(minutes=2)
_FURTHEST = timedelta(days=50 * 366)  # no cron expression rests for longer
_EARLIEST = datetime.min.replace(tzinfo=UTC) + timedelta(days=2)
MOST_COMING = 1_000
"""Slots still to come that are looked at; whoever waits for that many waits for long."""
_FOR_EVER = datetime.max.replace(tzinfo=UTC)
_GOOD = frozenset({Standing.DONE, Standing.CHANGED})


class Upstream(StrEnum):
    """How a group treats the intervals of groups it reads from."""

    WAIT = "wait"
    LATEST = "latest"
    IGNORE = "ignore"


def needed_slots(timetable: Timetable, interval: Interval, mode: Upstream) -> Iterator[Interval]:
    """Slots of an upstream timetable that a run over ``interval`` needs, oldest first.

    None for a group without a schedule, or one that starts later.
    """
    if mode is Upstream.IGNORE or not timetable.scheduled:
        return
    until = interval.end if timetable.end is None else min(interval.end, timetable.end)
    if mode is Upstream.WAIT:
        found = False
        for slot in _ending_within(timetable, interval.start, until):
            found = True
            yield slot
        if found:
            return
    latest = _latest(timetable, until)
    if latest is not None:
        yield latest


def slots_waited_for(
    timetable: Timetable,
    decided: Sequence[Interval],
    cursor: datetime | None,
    interval: Interval,
    mode: Upstream,
) -> list[Interval]:
    """:func:`needed_slots` of a group as it really is: slots decided so far, then those still to come.

    They may differ from what its timetable says: a changed schedule leaves slots of odd lengths, and before a
    group's first slot there is nothing to wait for.

    Args:
        timetable: the upstream group's.
        decided: its decided slots that end inside the run's interval, and the last one before, oldest first.
        cursor: how far its schedule has decided; None when nothing ever was.
        interval: the run's.
        mode: which of them are needed.
    """
    if mode is Upstream.IGNORE or not timetable.scheduled:
        return []
    if cursor is None:
        return list(needed_slots(timetable, interval, mode))
    coming = list(islice(_coming(timetable, cursor, interval.end), MOST_COMING))
    ended = [slot for slot in (*decided, *coming) if slot.end <= interval.end]
    inside = [slot for slot in ended if slot.end > interval.start]
    return inside if inside and mode is Upstream.WAIT else ended[-1:]


def _coming(timetable: Timetable, cursor: datetime, until: datetime) -> Iterator[Interval]:
    slot = timetable.next_slot(cursor)
    while slot is not None and slot.end <= until:
        yield slot
        slot = timetable.next_slot(slot.end)


def _ending_within(timetable: Timetable, start: datetime, until: datetime) -> Iterator[Interval]:
    """Slots that end inside ``(start, until]``."""
    if timetable.mode == "point":
        fire = timetable.next_fire(start)
        while fire is not None and fire <= until:
            yield Interval(fire, fire)
            fire = timetable.next_fire(fire)
        return
    begin = _last_fire(timetable, start)
    if begin is None and timetable.start is None:
        return
    slot = timetable.next_slot(start if begin is None else begin)
    while slot is not None and slot.end <= until:
        yield slot
        slot = timetable.next_slot(slot.end)


def _latest(timetable: Timetable, until: datetime) -> Interval | None:
    """The last slot that ends at or before an instant."""
    end = _last_fire(timetable, until)
    if end is None or timetable.mode == "point":
        return None if end is None else Interval(end, end)
    begin = _last_fire(timetable, end - _INSTANT)
    return None if begin is None else Interval(begin, end)


def _last_fire(timetable: Timetable, instant: datetime) -> datetime | None:
    """The last fire at or before an instant and not before the schedule's start.

    Looks back in growing steps and then forward again, because fires are only ever found forwards.
    """
    floor = _EARLIEST if timetable.start is None else timetable.start
    step, origin = _INSTANT, instant - _INSTANT
    while True:
        origin = max(origin, floor - _INSTANT)
        fire = timetable.next_fire(origin)
        if fire is not None and fire <= instant:
            break
        if origin < floor or step > _FURTHEST:
            return None
        step = max(step * 2, _FIRST_STEP)
        origin = max(instant - step, floor - _INSTANT) if instant - _EARLIEST > step else floor - _INSTANT
    last = fire
    while (following := timetable.next_fire(last)) is not None and following <= instant:
        last = following
    return last


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotRun:
    """The run that is to make an upstream slot, as far as it matters to who waits for it.

    Attributes:
        run_id: the run.
        ended: how it ended (``success``, ``failed``, ``cancelled``), ``""`` while it has not.
        passed_over: its nodes that were skipped on purpose, and so are settled.
    """

    run_id: str
    ended: str = ""
    passed_over: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """Something an upstream slot still lacks.

    Attributes:
        slot: the slot.
        node: unique id of the node.
        run: the run that failed to make it, or made the slot without it; None while it is still to come.
        how: how that run ended, ``failed`` for a failed node; ``success`` for a node it did not have.
    """

    slot: Interval
    node: str
    run: str | None = None
    how: str = ""


def find_lacks(
    slots: Sequence[Interval],
    reads: Reads,
    *,
    entries: Mapping[str, Sequence[LedgerEntry]],
    runs: Mapping[Interval, SlotRun],
    skipped: Iterable[Interval] = (),
) -> list[Lack]:
    """What keeps upstream slots from being settled for who reads those nodes: at most one lack a slot.

    Models must be done over the slot. A test must not have failed; one that nobody ran blocks nothing,
    unless it is about to run. What was skipped on record is settled.

    Args:
        slots: the needed slots, disjoint and oldest first.
        reads: what is read of the upstream group.
        entries: ledger entries of these nodes that touch the slots.
        runs: the run that is to make a slot, or made it, where there is one.
        skipped: slots decided by a skip.
    """
    axis = SlotAxis(slots)
    settled = [_settled(interval) for interval in skipped]
    found: dict[Interval, Lack] = {}
    for uid in (*sorted(reads.built), *sorted(reads.tests)):
        own = entries.get(uid, ())
        for stretch in axis.stretches(timeline([*own, *settled])):
            if stretch.verdict.standing in _GOOD:
                continue
            for slot in slots[stretch.first : stretch.last + 1]:
                run = runs.get(slot)
                if slot not in found and _blocks(uid, stretch.verdict.standing, reads, run):
                    found[slot] = _lack(slot, uid, own, run)
    return [found[slot] for slot in slots if slot in found]


def never_built(reads: Reads, entries: Mapping[str, Sequence[LedgerEntry]]) -> list[str]:
    """What is read of a group without a schedule, and was never done over any interval.

    Such a group has no slots to wait for; but before it ran for the first time its tables are not there.
    """
    return [
        uid
        for uid in sorted(reads.built)
        if not any(entry.mark is LedgerMark.DONE or entry.early for entry in entries.get(uid, ()))
    ]


def say_never_built(group: str, names: Sequence[str]) -> str:
    """``waiting for reference, whose dim_dates and 2 more were never built; sqlorch trigger reference``."""
    more = f" and {len(names) - 1} more were" if len(names) > 1 else " was"
    return f"waiting for {group}, whose {names[0]}{more} never built; sqlorch trigger {group}"


def _blocks(uid: str, standing: Standing, reads: Reads, run: SlotRun | None) -> bool:
    if run is not None and uid in run.passed_over:
        return False
    return uid in reads.built or standing is Standing.FAILED or (run is not None and not run.ended)


def _lack(slot: Interval, uid: str, entries: Iterable[LedgerEntry], run: SlotRun | None) -> Lack:
    if run is not None and not run.ended:
        return Lack(slot=slot, node=uid)
    failures = [entry for entry in entries if entry.mark is LedgerMark.FAILED and _meet(entry.interval, slot)]
    if failures:
        newest = max(failures, key=lambda entry: (entry.at, entry.gen))
        return Lack(slot=slot, node=uid, run=newest.run_id, how="failed")
    if run is not None:
        return Lack(slot=slot, node=uid, run=run.run_id, how=run.ended)
    return Lack(slot=slot, node=uid)


def _meet(one: Interval, other: Interval) -> bool:
    return one.overlaps(other) or one.contains(other)


def _settled(interval: Interval) -> LedgerEntry:
    """Stands for a skip: newer than whatever became of the interval before."""
    return LedgerEntry(
        unique_id="", interval=interval, mark=LedgerMark.DONE, code="", run_id="", gen=0, at=_FOR_EVER
    )


def say_waiting(
    group: str, timezone: str, lacks: Iterable[Lack], *, names: Mapping[str, str], stopped: str = ""
) -> str:
    """Why a run waits for a group: ``waiting for weather_hourly 2013-01-03 23:00``.

    Args:
        group: the upstream group.
        timezone: its zone.
        lacks: what is lacking, oldest first; at least one.
        names: names of nodes by unique id.
        stopped: ``paused`` or ``held`` when the upstream group is.
    """
    found = list(lacks)
    lack = next((lack for lack in found if lack.run is not None), found[0])
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    said = f"waiting for {group} {name_slot(lack.slot, timezone)}{more}"
    node = names.get(lack.node, lack.node)
    if lack.how == "success":
        start, end = lack.slot.start.isoformat(), lack.slot.end.isoformat()
        return (
            f"{said}: {lack.run} was made without {node}; sqlorch backfill {group} --from {start} --to {end}"
        )
    if lack.run is not None:
        what = f"{node} failed in {lack.run}" if lack.how == "failed" else f"{lack.run} was {lack.how}"
        return f"{said}: {what}; sqlorch retry {lack.run}"
    return f"{said}, which is {stopped}" if stopped else said
