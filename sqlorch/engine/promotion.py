"""Which queued runs may start now, in which order, and what the others wait for.

Nothing is written here and nothing starts here: the answer is a list of candidates for whoever has a worker.
The claim in the store checks again what two processes could disagree on.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sqlorch.domain.run import RunState
from sqlorch.engine.group_line import GroupLine
from sqlorch.engine.ledger_sensor import LedgerSensor
from sqlorch.engine.queue_view import Candidate, Queue, Review

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlorch.domain.group import Group
    from sqlorch.domain.scheduling import OpenRun
    from sqlorch.domain.snapshot import Snapshot
    from sqlorch.engine.fairness import Fairness
    from sqlorch.engine.scheduler_store import SchedulerStore
    from sqlorch.engine.sensing import Sensing
    from sqlorch.engine.upstream_watch import UpstreamWatch


class Promotion:
    """Reviews the queue.

    Args:
        store: slots and ended runs.
        snapshot: the project.
        upstream: what runs wait for in other groups.
        fairness: whose turn it is.
        sensing: what runs wait for outside.
    """

    def __init__(
        self,
        *,
        store: SchedulerStore,
        snapshot: Snapshot,
        upstream: UpstreamWatch,
        fairness: Fairness,
        sensing: Sensing,
    ) -> None:
        self._store = store
        self._snapshot = snapshot
        self._upstream = upstream
        self._fairness = fairness
        self._sensing = sensing
        self._ledger = LedgerSensor(store, snapshot, upstream)

    def review(self, queue: Queue, now: datetime) -> Review:
        """Sort the queue into runs that may start and runs that wait.

        Order of the former: what is to be resumed, then whose turn it is, then the longest due, then what
        takes longest.
        """
        ready: list[Candidate] = []
        waiting: dict[str, str] = {}
        upstream: set[str] = set()
        self._sensing.begin(queue)
        for name, runs in queue.by_group.items():
            queued = [run for run in runs if run.state is RunState.QUEUED]
            group = self._snapshot.groups.get(name)
            if group is None:
                waiting |= {run.run_id: f"the project has no group {name} any more" for run in queued}
                continue
            sensors = partial(self._sensed, group, queue, now)
            line = GroupLine(
                group=group, queue=queue, store=self._store, upstream=self._upstream, sensors=sensors
            )
            line.form(self._in_turn(queued))
            ready += line.ready
            waiting |= line.waiting
            upstream |= line.upstream
        ready.sort(key=self._priority)
        return Review(
            ready=tuple(ready),
            waiting=waiting,
            upstream=frozenset(upstream),
            given_up=self._sensing.given_up(),
            stale=self._sensing.stale(),
        )

    def _sensed(self, group: Group, queue: Queue, now: datetime, run: OpenRun) -> str:
        return self._sensing.waits_for(run, group, queue, self._ledger, now)

    def _in_turn(self, queued: Sequence[OpenRun]) -> list[OpenRun]:
        # by interval, not by when it was queued: an old slot made again may be what the others wait for
        return sorted(queued, key=lambda run: (self._fairness.rank(run), run.interval))

    def _priority(self, candidate: Candidate) -> tuple[object, ...]:
        run = candidate.run
        longest = -self._snapshot.expected_seconds(run.group)
        due = run.due_at or run.created_at
        return (not candidate.resume, self._fairness.rank(run), due, longest, run.group, run.interval)
