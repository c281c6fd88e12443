"""Groups started by what other groups have finished, instead of by a schedule.

Events are consumed in the transaction that queues the run they start, so none is lost and none starts two.
Events that came while a run of the group was waiting are listed in one run over all their intervals. Only
intervals that touch are joined: an old slot made again beside today's starts a run of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlorch.domain.interval import Interval
from sqlorch.domain.run import RunState
from sqlorch.domain.scheduling import DatasetEvent, GroupState, GroupStatus, NewRun, OpenRun, RunKind
from sqlorch.domain.snapshot import spec_hash
from sqlorch.domain.variables import new_run_id

if TYPE_CHECKING:
    from sqlorch.domain.group import Group
    from sqlorch.domain.snapshot import Snapshot
    from sqlorch.engine.schedule_ports import DatasetStore
    from sqlorch.engine.scheduler_store import SchedulerStore

_SUFFIX = 12
EVENTS = "events"
"""Parameter of a dataset run: what it was started by, one mapping an event."""


class DatasetTrigger:
    """Starts runs of groups with ``after``.

    Args:
        store: events, and how far each group has read them.
        snapshot: the project.
    """

    def __init__(self, store: SchedulerStore, snapshot: Snapshot) -> None:
        self._store = store
        self._snapshot = snapshot
        self._groups = [
            group for group in snapshot.groups.values() if group.rules.after and not group.timetable.scheduled
        ]

    def trigger(
        self, states: Mapping[str, GroupState], runs: Mapping[str, OpenRun], now: datetime
    ) -> list[str]:
        """Queue the runs that new events ask for; one a group, since later events join the next."""
        queued = {
            run.group for run in runs.values() if run.state is RunState.QUEUED and run.kind is RunKind.DATASET
        }
        created = []
        for group in self._groups:
            state = states.get(group.name)
            if state is None or state.status is not GroupStatus.ACTIVE or group.name in queued:
                continue
            run = self._due(group, state, now)
            if run is not None:
                made, consumed = run
                created.append(self._store.queue.enqueue(made, now=now, consumed=consumed))
        return created

    def _due(self, group: Group, state: GroupState, now: datetime) -> tuple[NewRun, Mapping[str, int]] | None:
        producers = self._snapshot.producers(group.name)
        fresh = fresh_events(self._store.datasets, producers, group, state)
        if not fresh or (group.rules.after_all and lacking(producers, fresh, group)):
            return None
        taken = _touching(fresh)
        consumed: dict[str, int] = {}
        for event in taken:
            consumed[event.dataset] = event.event_id
        return self._new_run(group, taken, now), consumed

    @staticmethod
    def _new_run(group: Group, events: Sequence[DatasetEvent], now: datetime) -> NewRun:
        start = min(event.interval.start for event in events)
        newest = events[-1].event_id
        digest = hashlib.sha256(f"{group.name}|{newest}".encode()).hexdigest()
        listed = [
            {
                "dataset": event.dataset,
                "run_id": event.run_id,
                "gen": event.gen,
                "start": event.interval.start.isoformat(),
                "end": event.interval.end.isoformat(),
            }
            for event in events
        ]
        return NewRun(
            run_id=new_run_id("dataset", start, digest[:_SUFFIX]),
            group=group.name,
            kind=RunKind.DATASET,
            interval=Interval(start, max(event.interval.end for event in events)),
            timezone=group.timezone,
            due_at=now,
            trigger_key=f"ds:{newest}",
            spec_hash=spec_hash(group),
            parameters={EVENTS: listed, "reprocess": "all"},
        )


def fresh_events(
    datasets: DatasetStore, producers: Mapping[str, tuple[str, ...]], group: Group, state: GroupState
) -> list[DatasetEvent]:
    """What a group's producers have finished since it was known, and it has not consumed; oldest first."""
    wanted = sorted({dataset for names in producers.values() for dataset in names})
    events = datasets.events(wanted, datasets.consumed(group.name))
    return [event for event in events if state.cursor is None or event.at >= state.cursor]


def lacking(
    producers: Mapping[str, tuple[str, ...]], events: Sequence[DatasetEvent], group: Group
) -> list[str]:
    """The names in ``after`` without an event; a name that means nothing never has one."""
    heard = {event.dataset for event in events}
    return [name for name in group.rules.after if heard.isdisjoint(producers.get(name, ()))]


def _touching(events: Sequence[DatasetEvent]) -> list[DatasetEvent]:
    """The first events whose intervals together have no gap."""
    taken = [events[0]]
    start, end = events[0].interval.start, events[0].interval.end
    for event in events[1:]:
        if event.interval.start > end or event.interval.end < start:
            break
        taken.append(event)
        start, end = min(start, event.interval.start), max(end, event.interval.end)
    return taken
