"""The line of one group's queued runs: which of them may go now, and what each of the others waits for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlorch.domain.describe import name_slot
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import RunState
from sqlorch.domain.scheduling import BackfillState, GroupStatus, OpenRun, RunKind, SlotStatus
from sqlorch.engine.queue_view import OF_SLOTS, UNDER_WAY, Candidate, Queue
from sqlorch.engine.slot_runs import ended_state

if TYPE_CHECKING:
    from sqlorch.domain.group import Group
    from sqlorch.engine.scheduler_store import SchedulerStore
    from sqlorch.engine.upstream_watch import UpstreamWatch

LOOKED_AT = 100
"""Queued runs of a group that are looked into at once; the others are behind them."""
_BEGINNING = datetime(1, 1, 3, tzinfo=UTC)


class GroupLine:
    """One group's queue at one moment.

    Args:
        group: the group.
        queue: what is known of runs.
        store: slots and ended runs.
        upstream: what runs wait for in other groups.
        sensors: why a run waits for its sensors, ``""`` when it need not.
    """

    def __init__(
        self,
        *,
        group: Group,
        queue: Queue,
        store: SchedulerStore,
        upstream: UpstreamWatch,
        sensors: Callable[[OpenRun], str],
    ) -> None:
        self._group = group
        self._queue = queue
        self._store = store
        self._upstream = upstream
        self._sensors = sensors
        runs = queue.by_group[group.name]
        self._taken = [run for run in runs if run.state in UNDER_WAY]
        self.ready = [Candidate(run=run, resume=True) for run in self._taken if run.run_id in queue.adopted]
        self.waiting: dict[str, str] = {}
        self.upstream: set[str] = set()

    def form(self, queued: list[OpenRun]) -> None:
        """Let runs go or wait, in the order given."""
        for place, run in enumerate(queued):
            reason = self._reason(run) if place < LOOKED_AT else "behind older runs of the group"
            if reason:
                self.waiting[run.run_id] = reason
            else:
                self.ready.append(Candidate(run=run, max_active=self._limit(run)))
                self._taken.append(run)

    def _reason(self, run: OpenRun) -> str:
        reason = self._stopped(run) or self._full(run) or self._past(run)
        if not reason:
            reason = self._upstream.waits_for(run, self._queue)
            if reason:
                self.upstream.add(run.run_id)
        return reason or self._sensors(run)

    def _stopped(self, run: OpenRun) -> str:
        """Whether the group or the backfill is stopped; what a person triggered goes all the same."""
        if run.backfill is not None:
            backfill = self._queue.backfills.get(run.backfill)
            if backfill is not None and backfill.state is BackfillState.PAUSED:
                return f"the backfill {run.backfill} is paused; sqlorch backfill resume {run.backfill}"
        state = self._queue.groups.get(run.group)
        if run.kind is RunKind.TRIGGERED or state is None or state.status is GroupStatus.ACTIVE:
            return ""
        if state.status is GroupStatus.PAUSED:
            return f"the group is paused; sqlorch resume {run.group}"
        return f"the group is held: {state.reason}"

    def _full(self, run: OpenRun) -> str:
        """Whether too much of the group is under way, or something over the same time."""
        for other in self._taken:
            if other.interval.overlaps(run.interval) or other.interval.start == run.interval.start:
                return f"waiting for {other.run_id}, which covers the same time"
        extra = self._exempt(run)
        if run.backfill is not None:
            parallel = self._parallel(run.backfill)
            if sum(other.backfill == run.backfill for other in self._taken) >= parallel:
                return f"cap {parallel}/{parallel} of the backfill (--parallel)"
        else:
            cap = self._group.rules.max_active_runs
            if sum(other.backfill is None for other in self._taken) >= cap + extra:
                return f"cap {cap}/{cap} (max_active_runs)"
        if len(self._taken) >= self._limit(run):
            return f"cap {len(self._taken)}/{self._limit(run)} of the group and its backfills"
        return ""

    def _limit(self, run: OpenRun) -> int:
        """Runs of the group under way at once: a backfill does not add to the group's own cap."""
        parallels = [
            backfill.parallel
            for backfill in self._queue.backfills.values()
            if backfill.group == run.group and backfill.state is BackfillState.RUNNING
        ]
        return max(self._group.rules.max_active_runs, *parallels, 1) + self._exempt(run)

    def _parallel(self, backfill_id: str) -> int:
        backfill = self._queue.backfills.get(backfill_id)
        return 1 if backfill is None else backfill.parallel

    def _exempt(self, run: OpenRun) -> int:
        """One more for an earlier slot made again where later ones depend on it.

        Otherwise runs that wait for it could hold every place (apache/airflow#29524).
        """
        if run.gen == 1 or not self._group.rules.depends_on_past:
            return 0
        return int(bool(self._taken) and all(run.interval < other.interval for other in self._taken))

    def _past(self, run: OpenRun) -> str:
        """Whether the slot before must end well first; the first of a group or backfill has none."""
        if not self._group.rules.depends_on_past or run.kind not in OF_SLOTS:
            return ""
        before = self._store.schedule.slots(run.group, Interval(_BEGINNING, run.interval.start), limit=1)
        if not before or before[0].status is SlotStatus.SKIPPED or before[0].run_id is None:
            return ""
        slot, run_id = before[0], before[0].run_id
        backfill = self._queue.backfills.get(run.backfill or "")
        if run_id == run.run_id or (backfill is not None and slot.interval.start < backfill.interval.start):
            return ""
        said = f"waiting for slot {name_slot(slot.interval, self._group.timezone)}"
        if run_id in self._queue.by_id:
            return f"{said}: {run_id} is {self._queue.by_id[run_id].state}"
        state = ended_state(self._store, run_id)
        ended = _ENDED.get(state) if state is not None else None
        return f"{said}: {run_id} {ended}; sqlorch retry {run_id}" if ended else ""


_ENDED = {RunState.FAILED: "failed", RunState.CANCELLED: "was cancelled"}
