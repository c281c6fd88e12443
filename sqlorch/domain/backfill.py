"""Which runs a backfill of a range comes to: a pure function of slots, ledger and how runs ended.

A *unit* is what one run makes: a slot, the slots a batched or coalesced run had, or slots to be batched now.
A slot never gets a second run: one that has a run is made again by that run, as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlorch.domain.coverage import SlotAxis, timeline, unchanged
from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import Reprocess
from sqlorch.domain.reprocess import INTERVAL_FREE_KINDS, needs_run
from sqlorch.domain.scheduling import Slot, SlotStatus
from sqlorch.domain.timetable import batched
from sqlorch.domain.upstream import Upstream, needed_slots

if TYPE_CHECKING:
    from datetime import datetime

    from sqlorch.domain.coverage import Changed
    from sqlorch.domain.ledger import LedgerEntry
    from sqlorch.domain.snapshot import SnapshotNode
    from sqlorch.domain.timetable import Timetable


class Order(StrEnum):
    """Which end of the range a backfill begins with."""

    OLDEST = "oldest"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What one run of a backfill makes.

    Attributes:
        interval: what it covers.
        run_id: the run that made it before and makes it again; None for a first run.
        skipped: it lies on record as skipped.
        wider: it sticks out of the range, because its run covers more.
    """

    interval: Interval
    run_id: str | None = None
    skipped: bool = False
    wider: bool = False


def units_within(
    timetable: Timetable, decided: Sequence[Slot], span: Interval, *, cursor: datetime | None, batch: int
) -> list[Unit]:
    """Every unit that has a slot wholly inside the span, oldest first.

    Slots that the schedule has still to decide (they end after the cursor) are left to it.

    Args:
        timetable: the group's.
        decided: its decided slots that overlap the span, and all slots of the runs of these.
        span: the range asked for.
        cursor: how far the schedule has decided; None for a group that has no schedule.
        batch: how many first-time slots one run may cover.
    """
    runs = _runs(decided, span)
    taken = [slot.interval for slot in decided]
    fresh = [
        slot
        for slot in timetable.slots_within(span)
        if (cursor is None or slot.end <= cursor) and not any(_meet(slot, other) for other in taken)
    ]
    skipped = [
        slot.interval
        for slot in decided
        if slot.status is SlotStatus.SKIPPED and span.contains(slot.interval)
    ]
    first_time = [
        *(Unit(interval=cover) for cover in batched(sorted(fresh), batch)),
        *(Unit(interval=cover, skipped=True) for cover in batched(sorted(skipped), batch)),
    ]
    return sorted([*runs, *first_time], key=lambda unit: unit.interval)


def _runs(decided: Iterable[Slot], span: Interval) -> Iterator[Unit]:
    slots: dict[str, list[Interval]] = {}
    for slot in decided:
        if slot.run_id is not None:
            slots.setdefault(slot.run_id, []).append(slot.interval)
    for run_id, intervals in slots.items():
        whole = Interval(min(one.start for one in intervals), max(one.end for one in intervals))
        if any(span.contains(one) for one in intervals):
            yield Unit(interval=whole, run_id=run_id, wider=not span.contains(whole))


def wanted(
    units: Sequence[Unit],
    members: Iterable[SnapshotNode],
    entries: Mapping[str, Sequence[LedgerEntry]],
    reprocess: Reprocess,
    *,
    failed: Collection[str] = (),
    changed: Callable[[str], Changed] = lambda _uid: unchanged,
) -> list[Unit]:
    """The units that have to be made again.

    Args:
        units: all there are, oldest first.
        members: the group's nodes.
        entries: their ledger entries that touch the units.
        reprocess: which of them are wanted.
        failed: runs that ended badly, whatever the ledger says of their nodes.
        changed: tells, for a node, what has changed since a fingerprint.
    """
    if reprocess is Reprocess.ALL:
        return list(units)
    nodes = list(members)
    # a seed is the same whatever the interval: that it was never loaded for one is no reason to make it
    bound = [node for node in nodes if node.kind not in INTERVAL_FREE_KINDS] or nodes
    found = {unit for unit in units if unit.run_id in failed}
    axis = SlotAxis([unit.interval for unit in units])
    for node in bound:
        for stretch in axis.stretches(timeline(entries.get(node.unique_id, ()), changed(node.unique_id))):
            if needs_run(node.kind, stretch.verdict.standing, reprocess):
                found.update(units[stretch.first : stretch.last + 1])
    return [unit for unit in units if unit in found]


def reads_any(interval: Interval, upstream: Timetable, made: Iterable[Interval]) -> bool:
    """Whether a run over ``interval`` reads one of the intervals made again upstream."""
    read = list(needed_slots(upstream, interval, Upstream.WAIT)) or [interval]
    return any(_meet(slot, one) for slot in read for one in made)


def _meet(one: Interval, other: Interval) -> bool:
    return one.overlaps(other) or one == other
