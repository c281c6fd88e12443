"""What to do with slots that are due: run them, skip them on record, or hold the group and ask.

A pure function of timetable, cursor and instants (scheduling specification 2.3). Nothing is ever skipped
without a record, and nothing floods: more due slots than ``catchup_max`` hold the group.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from sqlorch.domain.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlorch.domain.timetable import Timetable

CATCHUP_MAX = 24
RUNS_PER_DECISION = 20
SKIPS_PER_DECISION = 1_000
COUNTED = 10_000
_Slots = tuple[Interval, ...]


class CatchupPolicy(StrEnum):
    """How slots that fell due while nobody watched are treated."""

    ALL = "all"
    LATEST = "latest"
    COALESCE = "coalesce"  # points cannot be covered by one run, so for them this is LATEST
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of the due slots, oldest first.

    Attributes:
        runs: intervals to make runs of.
        skips: slots to record as skipped.
        skip_reason: the reason to record with them, ``""`` when there are none.
        cursor: where the group's cursor goes; None for a group that has none yet.
        due: how many slots were due; when nothing is held, a few more than are decided at once stand for that
            many or more, and :data:`COUNTED` when it is.
        held: nothing was decided, because too many slots are due; a person has to choose.
    """

    runs: tuple[Interval, ...] = ()
    skips: tuple[Interval, ...] = ()
    skip_reason: str = ""
    cursor: datetime | None = None
    due: int = 0
    held: bool = False


def initial_cursor(timetable: Timetable, now: datetime) -> datetime | None:
    """The cursor of a group seen for the first time.

    With a start it is :meth:`Timetable.first_cursor`, so that the past since then is due. Without one it is
    the begin of the slot that ``now`` lies in: nothing is due yet. None for a group without a schedule, or
    none left.
    """
    if timetable.start is not None or timetable.fires is None:
        return timetable.first_cursor()
    if timetable.mode == "point":
        return now
    current = timetable.slot_containing(now)
    return None if current is None else current.start


def catchup(
    timetable: Timetable,
    cursor: datetime | None,
    now: datetime,
    policy: CatchupPolicy,
    catchup_max: int | None = CATCHUP_MAX,
    *,
    watching_since: datetime | None = None,
) -> Decision:
    """Decide on every slot due by ``now``, or on the first of them when there are very many.

    Call it again with the new cursor until nothing is due.

    Args:
        timetable: the group's timetable.
        cursor: end of the last slot decided, or None when there is none yet.
        now: the current instant.
        policy: what to do with slots that were missed.
        catchup_max: how many due slots are decided without asking; None once a person has chosen.
        watching_since: slots due after it fell due while somebody watched, so they run under any policy.
            None treats every due slot as missed.
    """
    if cursor is None:
        cursor = initial_cursor(timetable, now)
    if cursor is None:
        return Decision()
    enough = RUNS_PER_DECISION if catchup_max is None else catchup_max
    count = sum(1 for _ in islice(_due(timetable, cursor, now), enough + 1))
    if catchup_max is not None and count > catchup_max:
        # all of them, for who has to decide; once, since a held group is not looked at again
        count = sum(1 for _ in islice(_due(timetable, cursor, now), COUNTED))
        return Decision(cursor=cursor, due=count, held=True)
    missed_until = now if watching_since is None else min(now, watching_since)
    runs, skips = _settle_missed(timetable, cursor, missed_until, policy)
    reached = max((slot.end for slot in (*runs, *skips)), default=cursor)
    if next(_due(timetable, reached, missed_until), None) is None:
        on_time = tuple(islice(_due(timetable, reached, now), RUNS_PER_DECISION - len(runs)))
        runs, reached = runs + on_time, max((slot.end for slot in on_time), default=reached)
    reason = f"catchup_{policy}" if skips else ""
    return Decision(runs=runs, skips=skips, skip_reason=reason, cursor=reached, due=count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """What a schedule has not decided on.

    Attributes:
        due: how many slots are due; :data:`COUNTED` stands for more than that when not ``counted``.
        counted: whether ``due`` is exact.
        first: the oldest undecided slot, due or not; None when there is no more.
        following: the first slot that is not due yet; None when there is no more.
    """

    due: int
    counted: bool
    first: Interval | None
    following: Interval | None


def undecided(timetable: Timetable, cursor: datetime, now: datetime) -> Undecided:
    """Count the slots after a cursor that are due by ``now``, and find the one that comes next."""
    due = tuple(islice(_due(timetable, cursor, now), COUNTED + 1))
    counted = len(due) <= COUNTED
    if counted:
        following = timetable.next_slot(due[-1].end if due else cursor)
    else:
        following = _first_after(timetable, now)
    return Undecided(
        due=min(len(due), COUNTED),
        counted=counted,
        first=due[0] if due else following,
        following=following,
    )


def _first_after(timetable: Timetable, now: datetime) -> Interval | None:
    """The first slot that is not due yet, found without walking to it; slots before it have been due."""
    if timetable.mode == "window":
        return timetable.slot_containing(now)
    fire = timetable.next_fire(now)
    return None if fire is None else Interval(fire, fire)


def _settle_missed(
    timetable: Timetable, cursor: datetime, until: datetime, policy: CatchupPolicy
) -> tuple[_Slots, _Slots]:
    """What to run and what to skip of the slots due by ``until``; the first of them when there are many."""
    due = _due(timetable, cursor, until)
    if policy is CatchupPolicy.ALL:
        return tuple(islice(due, RUNS_PER_DECISION)), ()
    if policy is CatchupPolicy.COALESCE and timetable.mode == "window":
        first = next(due, None)
        last = deque(islice(due, COUNTED), maxlen=1)
        return (
            ((), ()) if first is None else ((Interval(first.start, last[0].end if last else first.end),), ())
        )
    missed = tuple(islice(due, SKIPS_PER_DECISION + 1))
    if policy is CatchupPolicy.NONE or len(missed) > SKIPS_PER_DECISION:
        return (), missed[:SKIPS_PER_DECISION]
    return missed[-1:], missed[:-1]


def _due(timetable: Timetable, cursor: datetime, now: datetime) -> Iterator[Interval]:
    slot = timetable.next_slot(cursor)
    while slot is not None and slot.end <= now:
        yield slot
        slot = timetable.next_slot(slot.end)
