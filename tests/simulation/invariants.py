"""What must hold after every step, whatever died, and what must hold in the end."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from simulation.leases import Membership

from sqlorch.domain.coverage import Standing, verdict_over
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import RunState
from sqlorch.domain.scheduling import GroupStatus, RunKind
from sqlorch.domain.snapshot import Snapshot
from sqlorch.engine.scheduler import TickReport
from sqlorch.state.store import SqlStore

_TERMINAL = {state.value for state in RunState if state.terminal}


class Broken(AssertionError):  # noqa: N818 - it reads as what it says: an invariant is broken
    """An invariant does not hold."""


class Invariants:
    """Looks into the state file past all of our code.

    Args:
        path: the file.
        most: for each group, the largest cap any of its rules and backfills ever allowed.
    """

    def __init__(self, path: Path, points: set[str]) -> None:
        self._path = path
        self._points = points
        self._ended: dict[tuple[str, int], str] = {}
        self._fence = 0

    def check(self) -> None:
        """What holds at every moment."""
        with closing(sqlite3.connect(self._path)) as connection:
            rows = connection.execute
            self._slots(rows)
            self._runs(rows)
            self._attempts(rows)

    def _slots(self, rows: Any) -> None:
        groups = {
            name: (origin, cursor) for name, origin, cursor in rows("SELECT name, origin, cursor FROM grp")
        }
        by_group: dict[str, list[tuple[int, int, str, str]]] = defaultdict(list)
        for name, start, end, status, run in rows(
            "SELECT group_name, interval_start, interval_end, status, run_id FROM slot ORDER BY 1, 2"
        ):
            by_group[name].append((start, end, status, run))
        covered = {
            run: (start, end)
            for run, start, end in rows("SELECT run_id, interval_start, interval_end FROM run")
        }
        for name, slots in by_group.items():
            origin, cursor = groups[name]
            if any(before[1] > after[0] for before, after in pairwise(slots)):
                raise Broken(f"{name}: slots overlap")
            # before the first slot of the schedule backfills may leave holes: nobody promised those slots
            own = [slot for slot in slots if origin is not None and slot[0] >= origin]
            for before, after in pairwise(own):
                self._neighbours(name, before, after)
            if own and (own[0][0] != origin or own[-1][1] != cursor) and name not in self._points:
                raise Broken(
                    f"{name}: slots reach from {own[0][0]} to {own[-1][1]}, not {origin} to {cursor}"
                )
            for start, end, status, run in slots:
                if (status == "run") != (run is not None) or (run is not None and run not in covered):
                    raise Broken(f"{name}: the slot {start} is {status} with run {run}")
                if run is not None and not (covered[run][0] <= start and end <= covered[run][1]):
                    raise Broken(f"{name}: {run} does not cover its slot")

    def _neighbours(self, name: str, before: tuple[Any, ...], after: tuple[Any, ...]) -> None:
        if name in self._points:
            if not before[0] < after[0]:
                raise Broken(f"{name}: points are not strictly increasing")
        elif before[1] != after[0] or after[1] <= after[0]:
            raise Broken(f"{name}: {before[:2]} and {after[:2]} do not touch")

    def _runs(self, rows: Any) -> None:
        under_way: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
        for run, name, gen, state, start, end in rows(
            "SELECT run_id, group_name, gen, state, interval_start, interval_end FROM run"
        ):
            known = self._ended.get((run, gen))
            if known is not None and known != state:
                raise Broken(f"{run} gen {gen} was {known} and is {state}")
            if state in _TERMINAL:
                self._ended[run, gen] = state
            if state in {"running", "cancelling"}:
                under_way[name].append((start, end, run))
        for name, spans in under_way.items():
            spans.sort()
            for before, after in pairwise(spans):
                if before[1] > after[0] or before[0] == after[0]:
                    raise Broken(f"{name}: {before[2]} and {after[2]} run over the same time")

    def _attempts(self, rows: Any) -> None:
        numbers: dict[tuple[str, str, int], list[int]] = defaultdict(list)
        fences = []
        for run, node, gen, n, fence, state, outcome in rows(
            "SELECT run_id, unique_id, gen, n, fence, state, outcome FROM attempt ORDER BY attempt_id"
        ):
            numbers[run, node, gen].append(n)
            fences.append(fence)
            if state == "running" and outcome is not None:
                raise Broken(f"a live attempt of {node} has an outcome")
        if fences != sorted(set(fences)):
            raise Broken("fences do not grow")
        for key, found in numbers.items():
            if found != list(range(1, len(found) + 1)):
                raise Broken(f"attempts of {key} are numbered {found}")
        for what, statement in _NEVER.items():
            if rows(statement).fetchone() is not None:
                raise Broken(what)


_NEVER = {
    "two live attempts at a node": (
        "SELECT 1 FROM attempt WHERE state = 'running' GROUP BY run_id, unique_id HAVING count(*) > 1"
    ),
    "two accepted successes of a node in one generation": (
        "SELECT 1 FROM attempt WHERE state = 'done' AND outcome = 'success' "
        "GROUP BY run_id, unique_id, gen HAVING count(*) > 1"
    ),
    "a run ended with an attempt live": (
        "SELECT 1 FROM attempt JOIN run USING (run_id) WHERE attempt.state = 'running' "
        "AND run.state NOT IN ('running', 'cancelling')"
    ),
    "an event without a success": (
        "SELECT 1 FROM dataset_event AS e WHERE NOT EXISTS (SELECT 1 FROM run WHERE run.run_id = e.run_id "
        "AND (run.gen > e.gen OR run.state = 'success'))"
    ),
    "a success without its event": (
        "SELECT 1 FROM run WHERE state = 'success' AND NOT EXISTS (SELECT 1 FROM dataset_event AS e "
        "WHERE e.run_id = run.run_id AND e.dataset = run.group_name)"
    ),
}


def check_leaders(members: Iterable[Membership]) -> None:
    """Two never trust that they lead, whatever hangs or dies."""
    leading = [member.process.pid for member in members if member.leads]
    if len(leading) > 1:
        raise Broken(f"{leading} lead at once")


def check_ready(report: TickReport, snapshot: Snapshot, store: SqlStore) -> None:
    """What is handed out may go: caps, the slot before, and every upstream slot, read off literally."""
    queue = store.queue.open_runs()
    for candidate in report.ready:
        run = candidate.run
        if candidate.resume or run.kind in {RunKind.TRIGGERED, RunKind.DATASET}:
            continue
        rules = snapshot.groups[run.group].rules
        if rules.upstream == "wait":
            for other in snapshot.reads(run.group):
                _upstream_settled(run.run_id, run.interval, other, snapshot, store)
        if rules.depends_on_past and run.kind is RunKind.SCHEDULED:
            before = [
                slot for slot in store.schedule.slots(run.group) if slot.interval.start < run.interval.start
            ]
            if before and before[-1].run_id is not None:
                state = store.run(before[-1].run_id).state
                if state is not RunState.SUCCESS:
                    raise Broken(f"{run.run_id} is ready after a slot that is {state}")
    held = {name for name, state in store.schedule.groups().items() if state.status is not GroupStatus.ACTIVE}
    for candidate in report.ready:
        if (
            candidate.run.group in held
            and not candidate.resume
            and candidate.run.kind is not RunKind.TRIGGERED
        ):
            raise Broken(f"{candidate.run.run_id} of a stopped group is ready")
    missing = {run.run_id for run in queue if run.state is RunState.QUEUED} - set(report.waiting)
    missing -= {candidate.run.run_id for candidate in report.ready}
    if missing:
        raise Broken(f"queued, neither ready nor waiting for anything: {sorted(missing)}")


def _upstream_settled(
    run_id: str, interval: Interval, other: str, snapshot: Snapshot, store: SqlStore
) -> None:
    timetable = snapshot.groups[other].timetable
    if not timetable.scheduled:
        return
    state = store.schedule.groups()[other]
    decided = store.schedule.slots(other)
    ended = [slot for slot in decided if slot.interval.end <= interval.end]
    needed = [slot for slot in ended if slot.interval.end > interval.start] or ended[-1:]
    coming = None if state.cursor is None else timetable.next_slot(state.cursor)
    if coming is not None and coming.end <= interval.end:
        raise Broken(f"{run_id} is ready while {other} {coming} is still to be decided")
    for slot in needed:
        if slot.run_id is None or store.run(slot.run_id).state is RunState.SUCCESS:
            continue
        reads = snapshot.reads(store.run(run_id).group)[other].built
        entries = store.ledger.entries(reads, slot.interval)
        for uid in reads:
            if verdict_over(entries.get(uid, ()), slot.interval).standing is not Standing.DONE:
                raise Broken(f"{run_id} is ready while {uid} is not done over {slot.interval}")


def check_end(store: SqlStore, snapshot: Snapshot, now: datetime) -> None:
    """Everything that was due is decided, everything decided has ended, nothing is left over."""
    left = store.queue.open_runs()
    if left:
        raise Broken(f"not terminal: {[(run.run_id, run.state.value, run.reason) for run in left]}")
    for name, state in store.schedule.groups().items():
        group = snapshot.groups.get(name)
        if group is None or state.cursor is None or not group.timetable.scheduled:
            continue
        coming = group.timetable.next_slot(state.cursor)
        if coming is not None and coming.end <= now:
            raise Broken(f"{name}: {coming} is due and was never decided")
    for backfill in store.backfills.backfills(unfinished=True):
        raise Broken(f"the backfill {backfill.backfill_id} is {backfill.state}")
    for name in snapshot.groups:
        _whole(store, name, snapshot)


def _whole(store: SqlStore, name: str, snapshot: Snapshot) -> None:
    """Every slot is one run that succeeded, or a skip with its reason."""
    for slot in store.schedule.slots(name):
        if slot.run_id is None:
            if not slot.reason:
                raise Broken(f"{name}: {slot.interval} was skipped without a reason")
        elif store.run(slot.run_id).state is not RunState.SUCCESS:
            raise Broken(f"{slot.run_id} has not succeeded in the end")
