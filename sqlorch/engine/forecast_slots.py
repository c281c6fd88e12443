"""Which slots of a group a plan speaks of: those that were decided, those that are due, those asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from sqlorch.domain.catchup import COUNTED, CatchupPolicy, initial_cursor
from sqlorch.domain.interval import Interval
from sqlorch.domain.timetable import batched

if TYPE_CHECKING:
    from sqlorch.domain.group import Group
    from sqlorch.domain.ledger import LedgerEntry
    from sqlorch.domain.scheduling import GroupState, Slot
    from sqlorch.domain.timetable import Timetable


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSlots:
    """The slots of a group, oldest first: the first ``decided`` of them are, the rest is due.

    Attributes:
        slots: all of them.
        decided: how many lie before the cursor.
        cursor: end of the last slot decided, None for a group without one.
        total_due: how many slots are due in all, also outside of the span asked for.
        counted: whether ``total_due`` is exact; past :data:`~sqlorch.domain.catchup.COUNTED` nobody counts.
        next_due: when the next slot becomes due, None when there is no more.
    """

    slots: tuple[Interval, ...]
    decided: int
    cursor: datetime | None
    total_due: int
    counted: bool
    next_due: datetime | None


def slots_of(
    group: Group,
    state: GroupState | None,
    decided: Iterable[Slot],
    entries: Iterable[Sequence[LedgerEntry]],
    *,
    span: Interval | None,
    now: datetime,
) -> GroupSlots:
    """The slots a plan looks at.

    Without a span: what was decided, what is due, and what the ledger knows of from before the schedule was
    followed. With one: the group's slots inside it that have ended by now.
    """
    timetable = group.timetable
    cursor = initial_cursor(timetable, now) if state is None or state.cursor is None else state.cursor
    made = sorted({slot.interval for slot in decided})
    past = [*_before(timetable, made[0].start if made else cursor, entries, span), *made]
    due = list(islice(_due(timetable, cursor, now), COUNTED + 1))
    counted = len(due) <= COUNTED
    reached = due[-1].end if due else cursor
    following = timetable.next_slot(reached) if reached is not None and counted else None
    if span is not None:
        past = [slot for slot in past if span.contains(slot)]
    wanted = due[:COUNTED] if span is None else [slot for slot in due if span.contains(slot)]
    return GroupSlots(
        slots=(*past, *wanted),
        decided=len(past),
        cursor=cursor,
        total_due=min(len(due), COUNTED),
        counted=counted,
        next_due=following.end if following is not None else timetable.next_fire(now),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What the daemon makes of due slots: runs over intervals, and slots it records as skipped."""

    runs: tuple[Interval, ...] = ()
    skips: tuple[Interval, ...] = ()
    reason: str = ""


def settle(group: Group, state: GroupState | None, due: Sequence[Interval]) -> Settled:
    """Apply a group's catchup policy to all its due slots at once.

    The same rule as :func:`sqlorch.domain.catchup.catchup`, which decides a few at a time.
    """
    policy = CatchupPolicy(state.catchup) if state is not None and state.catchup else group.rules.catchup
    since = state.watched_since if state is not None else None
    missed_count = len(due) if since is None else sum(slot.end <= since for slot in due)
    missed, on_time = due[:missed_count], due[missed_count:]
    if policy is CatchupPolicy.ALL or not missed:
        return Settled(runs=tuple(batched(due, group.batch)))
    runs: list[Interval] = []
    skips: Sequence[Interval] = missed
    if policy is CatchupPolicy.COALESCE and group.timetable.mode == "window":
        runs, skips = [Interval(missed[0].start, missed[-1].end)], ()
    elif policy is not CatchupPolicy.NONE:
        runs, skips = [missed[-1]], missed[:-1]
    runs += batched(on_time, group.batch)
    return Settled(runs=tuple(runs), skips=tuple(skips), reason=f"catchup_{policy}" if skips else "")


def _before(
    timetable: Timetable,
    begin: datetime | None,
    entries: Iterable[Sequence[LedgerEntry]],
    span: Interval | None,
) -> list[Interval]:
    """Slots from before the first decided one: inside the span, or what the ledger touches."""
    if not timetable.scheduled or begin is None:
        return []
    if span is not None:
        return _within(timetable, span.start, min(begin, span.end)) if span.start < begin else []
    known = [entry.interval for some in entries for entry in some]
    if not known:
        return []
    first, last = min(i.start for i in known), min(begin, max(i.end for i in known))
    return _within(timetable, first, last) if first < last else []


def _within(timetable: Timetable, start: datetime, end: datetime) -> list[Interval]:
    return list(islice(timetable.slots_within(Interval(start, end)), COUNTED)) if start < end else []


def _due(timetable: Timetable, cursor: datetime | None, now: datetime) -> Iterator[Interval]:
    slot = timetable.next_slot(cursor) if cursor is not None else None
    while slot is not None and slot.end <= now:
        yield slot
        slot = timetable.next_slot(slot.end)
