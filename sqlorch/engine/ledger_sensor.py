"""Waiting for another group or model: answered from ledger, slots and runs, like an upstream group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlorch.domain.coverage import Standing, verdict_over
from sqlorch.domain.describe import name_slot
from sqlorch.domain.sensor import GROUP, Look, SensorSpec
from sqlorch.domain.snapshot import Reads

if TYPE_CHECKING:
    from sqlorch.domain.interval import Interval
    from sqlorch.domain.snapshot import Snapshot
    from sqlorch.engine.queue_view import Queue
    from sqlorch.engine.scheduler_store import SchedulerStore
    from sqlorch.engine.upstream_watch import UpstreamWatch

_DONE = frozenset({Standing.DONE, Standing.CHANGED})
_MET = Look(met=True, said="done")


class LedgerSensor:
    """Says whether a group or model is done for an interval.

    With a schedule, every slot of its group that ends inside the interval must be done, or the last one
    before when there is none; without a schedule, the interval itself. A blocking test must not have failed;
    one that nobody ran holds nothing back, unless it is about to run.

    Args:
        store: the ledger.
        snapshot: the project.
        upstream: what slots lack.
    """

    def __init__(self, store: SchedulerStore, snapshot: Snapshot, upstream: UpstreamWatch) -> None:
        self._store = store
        self._snapshot = snapshot
        self._upstream = upstream

    def look(self, spec: SensorSpec, interval: Interval, queue: Queue) -> Look:
        """How it stands.

        Args:
            spec: of the kind ``group`` or ``model``.
            interval: the waiting run's.
            queue: what is known of runs and groups.
        """
        name = self._group(spec)
        if name is None:
            return Look(met=False, said="the project does not have it any more", failed=True)
        group = self._snapshot.groups[name]
        wanted = self._wanted(spec, name)
        if group.timetable.scheduled and name in queue.groups:
            lack = self._upstream.lacking(name, wanted, interval=interval, queue=queue)
            return Look(met=False, said=lack.removeprefix("waiting for ")) if lack else _MET
        coming = any(_meets(run.interval, interval) for run in queue.by_group.get(name, ()))
        return self._covered(wanted, interval, group.timezone, coming=coming)

    def _group(self, spec: SensorSpec) -> str | None:
        if spec.kind == GROUP:
            return spec.target if spec.target in self._snapshot.groups else None
        node = self._snapshot.nodes.get(spec.target)
        return None if node is None else node.group

    def _wanted(self, spec: SensorSpec, group: str) -> Reads:
        nodes = self._snapshot.nodes
        if spec.kind == GROUP:
            members = self._snapshot.members(group)
            built = frozenset(uid for uid in members if not nodes[uid].is_test)
            tests = frozenset(uid for uid in members if nodes[uid].is_test and nodes[uid].blocks)
            return Reads(built=built, tests=tests)
        tests = frozenset(
            uid
            for uid in self._snapshot.members(group)
            if nodes[uid].is_test and nodes[uid].blocks and nodes[uid].parents == {spec.target}
        )
        return Reads(built=frozenset({spec.target}), tests=tests)

    def _covered(self, wanted: Reads, interval: Interval, timezone: str, *, coming: bool) -> Look:
        entries = self._store.ledger.entries(sorted(wanted.built | wanted.tests), interval)
        for uid in (*sorted(wanted.built), *sorted(wanted.tests)):
            standing = verdict_over(entries.get(uid, ()), interval).standing
            never_run = uid in wanted.tests and standing is Standing.MISSING and not coming
            if standing not in _DONE and not never_run:
                name = self._snapshot.nodes[uid].name
                return Look(met=False, said=f"{name} {name_slot(interval, timezone)} is {standing}")
        return _MET


def _meets(one: Interval, other: Interval) -> bool:
    return one.overlaps(other) or one == other
