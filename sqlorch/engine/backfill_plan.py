"""What a backfill would do: which slots, in which order, and what a person should know before."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING

from sqlorch.domain.backfill import Order, Unit, reads_any, units_within, wanted
from sqlorch.domain.coverage import unchanged
from sqlorch.domain.describe import compact
from sqlorch.domain.errors import ConfigError, StateError
from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import Reprocess
from sqlorch.domain.run import RunState
from sqlorch.domain.scheduling import Slot

if TYPE_CHECKING:
    from sqlorch.domain.coverage import Changed
    from sqlorch.domain.group import Group
    from sqlorch.domain.snapshot import Snapshot
    from sqlorch.engine.scheduler_store import SchedulerStore

_SAMPLES = 5
_COUNTED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillRequest:
    """What a person asks for.

    Attributes:
        group: the group.
        span: slots wholly inside it are meant.
        reprocess: which of them.
        order: which end comes first.
        parallel: runs of it under way at once.
        cascade: also what reads from it, directly or not.
    """

    group: str
    span: Interval
    reprocess: Reprocess = Reprocess.MISSING
    order: Order = Order.OLDEST
    parallel: int = 1
    cascade: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillPlan:
    """What a request comes to, before anything is written.

    Attributes:
        group: the group.
        span: the range.
        units: what runs will make, in their order.
        there: how many units the range has, those that need nothing included.
        reprocess, order, parallel: as they will be.
        notes: what a person should know, one sentence each.
        seconds: how long it will take with workers enough, None when nothing is known.
        children: the plans of reading groups, in the order they follow.
    """

    group: str
    span: Interval
    units: tuple[Unit, ...]
    there: int
    reprocess: Reprocess
    order: Order
    parallel: int
    notes: tuple[str, ...] = ()
    seconds: float | None = None
    children: tuple[BackfillPlan, ...] = ()

    @property
    def again(self) -> int:
        """How many units are made again by the run that made them."""
        return sum(unit.run_id is not None for unit in self.units)


class BackfillPlanner:
    """Plans backfills; nothing is written.

    Args:
        store: groups, slots, ledger and runs.
        snapshot: the project.
        changed: tells, for a node, what has changed since a fingerprint; without it the fingerprints of the
            snapshot decide.
    """

    def __init__(
        self,
        store: SchedulerStore,
        snapshot: Snapshot,
        changed: Callable[[str], Changed] | None = None,
    ) -> None:
        self._store = store
        self._snapshot = snapshot
        self._changed = changed or self._by_fingerprint

    def plan(self, request: BackfillRequest, now: datetime) -> BackfillPlan:
        """What a request would do.

        Raises:
            ConfigError: no such group, the request contradicts the group's rules, or it is about the future.
            StateError: a run under way, or another backfill, is about the same slots.
        """
        group = self._snapshot.group(request.group)
        _refuse_contradictions(request, group, now)
        units = self._units(group, request.span)
        chosen = wanted(
            units,
            [self._snapshot.nodes[uid] for uid in self._snapshot.members(group.name)],
            self._store.ledger.entries(self._snapshot.members(group.name), _hull(units) or request.span),
            request.reprocess,
            failed=self._failed_runs(group.name),
            changed=self._changed,
        )
        plan = self._plan(request, group, chosen, len(units))
        if not request.cascade:
            return plan
        return replace(plan, children=tuple(self._children(request, plan)))

    def _units(self, group: Group, span: Interval) -> list[Unit]:
        state = self._store.schedule.groups().get(group.name)
        if group.timetable.scheduled and (state is None or state.cursor is None):
            raise StateError(
                f"no daemon has scheduled the group {group.name} yet, so it has no slots to backfill; "
                f"start sqlorch daemon, or run the interval by hand: sqlorch run --group {group.name}"
            )
        cursor = state.cursor if state is not None and group.timetable.scheduled else None
        return units_within(
            group.timetable, self._decided(group.name, span), span, cursor=cursor, batch=group.batch
        )

    def _decided(self, group: str, span: Interval) -> list[Slot]:
        """Slots that overlap the range, and those that share a run with the first or last of them."""
        slots = self._store.schedule.slots(group, span)
        edges = {slot.run_id for slot in (*slots[:1], *slots[-1:]) if slot.run_id}
        covers = [self._store.run(run_id).interval for run_id in edges]
        if all(span.contains(cover) for cover in covers):
            return slots
        widest = Interval(
            min(span.start, *(cover.start for cover in covers)),
            max(span.end, *(cover.end for cover in covers)),
        )
        return self._store.schedule.slots(group, widest)

    def _failed_runs(self, group: str) -> frozenset[str]:
        ended = (RunState.FAILED, RunState.CANCELLED)
        return frozenset(run.run_id for state in ended for run in self._store.runs(group=group, state=state))

    def _by_fingerprint(self, uid: str) -> Changed:
        code = self._snapshot.nodes[uid].code
        return (lambda known: "" if known == code else "code") if code else unchanged

    def _plan(
        self, request: BackfillRequest, group: Group, chosen: Sequence[Unit], there: int
    ) -> BackfillPlan:
        self._refuse_overlap(group.name, chosen, request.span)
        parallel, why = self._parallel(request, group)
        notes = [why, *self._notes(group, request.span, chosen)]
        return BackfillPlan(
            group=group.name,
            span=request.span,
            units=tuple(chosen if request.order is Order.OLDEST else reversed(chosen)),
            there=there,
            reprocess=request.reprocess,
            order=request.order,
            parallel=parallel,
            notes=tuple(note for note in notes if note),
            seconds=self._estimate(group.name, len(chosen), parallel),
        )

    def _refuse_overlap(self, group: str, chosen: Sequence[Unit], span: Interval) -> None:
        for run in self._store.queue.open_runs():
            if run.group == group and any(_meet(run.interval, unit.interval) for unit in chosen):
                shown = compact(run.interval, run.timezone)
                raise StateError(
                    f"{run.run_id} of {group} is {run.state} over {shown}, inside the range; "
                    "wait until it has ended, or cancel it"
                )
        for other in self._store.backfills.backfills(group=group, unfinished=True):
            if _meet(other.interval, span):
                raise StateError(
                    f"the backfill {other.backfill_id} of {group} is {other.state} over {other.interval}; "
                    "wait until it has ended, or cancel it"
                )

    def _parallel(self, request: BackfillRequest, group: Group) -> tuple[int, str]:
        if request.parallel == 1:
            return 1, ""
        if group.rules.depends_on_past:
            return 1, "one run at a time, because the group has depends_on_past"
        appends = self._snapshot.appends(group.name)
        if appends:
            return 1, f"one run at a time, because {', '.join(appends)} only appends rows"
        return request.parallel, ""

    def _notes(self, group: Group, span: Interval, chosen: Sequence[Unit]) -> Iterator[str]:
        for unit in chosen:
            if unit.wider:
                shown = compact(unit.interval, group.timezone)
                yield f"{unit.run_id} covers {shown} and is made again as a whole"
        state = self._store.schedule.groups().get(group.name)
        if state is None or state.cursor is None or not group.timetable.scheduled:
            return
        cursor = state.cursor
        left = sum(slot.end > cursor for slot in islice(group.timetable.slots_within(span), _COUNTED))
        if left:
            said = f"{left} slots of the range are" if left > 1 else "1 slot of the range is"
            yield f"{said} left to the schedule, which has still to decide"

    def _estimate(self, group: str, count: int, parallel: int) -> float | None:
        ended = self._store.runs(group=group, state=RunState.SUCCESS, limit=_SAMPLES)
        samples = [run.seconds for run in ended if run.seconds is not None]
        each = median(samples) if samples else self._snapshot.expected_seconds(group)
        return math.ceil(count / parallel) * each if each else None

    def _children(self, request: BackfillRequest, plan: BackfillPlan) -> Iterator[BackfillPlan]:
        """Plans of the groups that read what is made again, for the slots that read it."""
        made = {plan.group: plan.units}
        for name in self._snapshot.downstream(plan.group):
            group = self._snapshot.groups[name]
            sources = [other for other in self._snapshot.reads(name) if made.get(other)]
            if not sources or group.rules.after:
                continue  # what is started by events follows by itself
            chosen = self._readers(group, {other: made[other] for other in sources})
            made[name] = tuple(chosen)
            child = replace(request, group=name, span=_hull(chosen) or plan.span, reprocess=Reprocess.ALL)
            if chosen:
                yield self._plan(child, group, chosen, len(chosen))

    def _readers(self, group: Group, made: Mapping[str, Sequence[Unit]]) -> list[Unit]:
        span = _hull([unit for units in made.values() for unit in units])
        if span is None or not self._has_slots(group):
            return []
        units = self._units(group, _widened(group, span))
        upstream = self._snapshot.groups
        return [
            unit
            for unit in units
            if any(
                reads_any(unit.interval, upstream[other].timetable, [one.interval for one in again])
                for other, again in made.items()
            )
        ]

    def _has_slots(self, group: Group) -> bool:
        state = self._store.schedule.groups().get(group.name)
        return group.timetable.scheduled and state is not None and state.cursor is not None


def _refuse_contradictions(request: BackfillRequest, group: Group, now: datetime) -> None:
    if not group.timetable.scheduled and request.span.end > now:
        raise ConfigError(f"the range {request.span} of {group.name} has not come to its end yet")
    if request.parallel < 1:
        raise ConfigError(f"--parallel is a number of runs from 1, not {request.parallel}")
    if request.order is Order.NEWEST and group.rules.depends_on_past:
        raise ConfigError(
            f"the group {group.name} has depends_on_past, so the newest slot cannot be made first; "
            "leave --order out"
        )


def _widened(group: Group, span: Interval) -> Interval:
    """A range widened to whole slots of a reading group, those that read its last slot included."""
    first = group.timetable.slot_containing(span.start)
    last = group.timetable.slot_containing(span.end + span.length)
    return Interval(
        min(span.start, first.start) if first else span.start,
        max(span.end, last.end) if last else span.end + span.length,
    )


def _hull(units: Sequence[Unit]) -> Interval | None:
    if not units:
        return None
    return Interval(min(unit.interval.start for unit in units), max(unit.interval.end for unit in units))


def _meet(one: Interval, other: Interval) -> bool:
    return one.overlaps(other) or one == other
