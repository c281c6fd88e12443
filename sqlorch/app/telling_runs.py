"""What ``sqlorch why`` tells of a group's runs and of its slots, the newest first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from sqlorch.app.operating import Desk
from sqlorch.domain.describe import name_span, why_skipped
from sqlorch.domain.errors import StateError
from sqlorch.domain.group import Group
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import NodeState, RunState
from sqlorch.domain.scheduling import OpenRun, Slot, SlotStatus

if TYPE_CHECKING:
    from sqlorch.domain.history import RunRecord

_SLOTS = 48  # decided slots told without --interval; those of one run are told together
_OPEN = 5  # open runs told one by one
_ENDED = 5  # ended runs told that have no slot, or none of those told
_FAILURES = 3  # failed nodes told of a run


def runs_told(desk: Desk, group: Group, span: Interval | None, slots: list[Slot]) -> Iterator[str]:
    """Sentences about a group's runs and decided slots; with a span, about those that overlap it.

    Args:
        desk: the project.
        group: it.
        span: what is asked about, None for the newest.
        slots: from :func:`slots_to_tell`.
    """
    open_runs = [run for run in desk.open_runs(group.name) if span is None or run.interval.overlaps(span)]
    yield from _open_runs(open_runs, group)
    told = {run.run_id for run in open_runs}
    failures: set[str] = set()  # the same ones are told once, of the newest interval
    yield from _slots(desk, group, slots, told, failures)
    told |= {slot.run_id for slot in slots if slot.run_id}
    yield from _without_slot(desk, group, span, told, failures)


def slots_to_tell(desk: Desk, group: Group, span: Interval | None) -> list[Slot]:
    """The decided slots that overlap a span, or the newest, oldest first."""
    return _newest(desk, group) if span is None else desk.store.schedule.slots(group.name, span)


def _open_runs(runs: list[OpenRun], group: Group) -> Iterator[str]:
    for run in runs[:_OPEN]:
        what = f"{name_span(run.interval, group.timetable)} ({run.run_id}) is {run.state}"
        if run.cancel_requested:
            what += f", and is to be cancelled: {run.cancel_requested}"
        yield f"{what}: {run.reason or 'it is its turn next'}" if run.state is RunState.QUEUED else what
    if len(runs) > _OPEN:
        yield f"and {len(runs) - _OPEN} more runs are queued or under way"


def _newest(desk: Desk, group: Group) -> list[Slot]:
    """The newest slots, and before them whatever belongs to the oldest of these."""
    limit = _SLOTS
    slots = desk.store.schedule.slots(group.name, limit=limit)
    # a stretch is told with its true begin, so it is read to there however long it is
    while len(slots) == limit and len({_fate(slot) for slot in slots[: 1 - _SLOTS]}) == 1:
        limit *= 8
        slots = desk.store.schedule.slots(group.name, limit=limit)
    oldest = max(len(slots) - _SLOTS, 0)
    while oldest and _fate(slots[oldest - 1]) == _fate(slots[oldest]):
        oldest -= 1
    return slots[oldest:]


def _fate(slot: Slot) -> tuple[str | None, str]:
    """Slots of one run, or skipped for one reason, are told together."""
    return slot.run_id, slot.reason


def _slots(desk: Desk, group: Group, slots: list[Slot], told: set[str], failures: set[str]) -> Iterator[str]:
    for _, alike in groupby(reversed(slots), key=_fate):
        together = list(alike)
        slot = together[0]
        if slot.status is SlotStatus.SKIPPED:
            yield f"{_stretch(together, group)} skipped: {why_skipped(slot.reason)}"
        elif slot.run_id not in told:
            name = name_span(Interval(together[-1].interval.start, slot.interval.end), group.timetable)
            yield from _slot_run(desk, name, slot.run_id or "", failures)


def _stretch(slots: list[Slot], group: Group) -> str:
    """Neighbours, the newest first, as the subject of a sentence."""
    name = name_span(Interval(slots[-1].interval.start, slots[0].interval.end), group.timetable)
    return f"{name} ({len(slots):,} intervals) were" if len(slots) > 1 else f"{name} was"


def _slot_run(desk: Desk, name: str, run_id: str, failures: set[str]) -> Iterator[str]:
    try:
        record = desk.store.run(run_id)
    except StateError:
        yield f"{name} was run by {run_id}, of which no record is left"
        return
    yield from _ended(desk, name, record, failures)


def _without_slot(
    desk: Desk, group: Group, span: Interval | None, told: set[str], failures: set[str]
) -> Iterator[str]:
    """The newest runs that no slot tells of: those by hand, of events, and of groups without a schedule."""
    newest = desk.store.runs(group=group.name, limit=_ENDED + len(told) if span is None else None)
    ended = [run for run in newest if run.state.terminal]
    if span is None:
        ended = ended[:_ENDED]
    others = [
        run for run in ended if run.run_id not in told and (span is None or run.interval.overlaps(span))
    ]
    for run in others[:_ENDED]:
        yield from _ended(desk, name_span(run.interval, group.timetable), run, failures)
    if len(others) > _ENDED:
        yield f"and {len(others) - _ENDED} more runs without a slot have ended"


def _ended(desk: Desk, name: str, record: RunRecord, failures: set[str]) -> Iterator[str]:
    ended = f" at {record.finished_at:%Y-%m-%d %H:%M:%S} UTC" if record.finished_at else ""
    yield f"{name} ({record.run_id}): {record.state}{ended}" + (f": {record.reason}" if record.reason else "")
    if record.state is RunState.FAILED:
        yield from _failures(desk, record, failures)


def _failures(desk: Desk, record: RunRecord, told: set[str]) -> Iterator[str]:
    failed = [node for node in desk.store.nodes(record.run_id) if node.state is NodeState.FAILED]
    news = [node for node in failed if node.unique_id not in told]
    told |= {node.unique_id for node in news}
    for node in news[:_FAILURES]:
        yield f"  {node.name} failed: {node.message or node.reason}"
    if len(news) > _FAILURES:
        yield f"  and {len(news) - _FAILURES} more nodes failed"
    if len(news) < len(failed):
        yield f"  {len(failed) - len(news)} more failed as above" if news else "  the same as above"
    yield f"  try again with: sqlorch retry {record.run_id}"
