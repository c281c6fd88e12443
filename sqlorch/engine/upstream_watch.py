"""What queued runs wait for in other groups, asked of the store.

The rules are in :mod:`sqlorch.domain.upstream`; here is where ledger, slots and runs are read for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlorch.domain.interval import Interval
from sqlorch.domain.run import NodeState, RunState
from sqlorch.domain.scheduling import GroupState, GroupStatus, OpenRun, RunKind, Slot, SlotStatus
from sqlorch.domain.upstream import (
    Lack,
    SlotRun,
    Upstream,
    find_lacks,
    needed_slots,
    never_built,
    say_never_built,
    say_waiting,
    slots_waited_for,
)
from sqlorch.engine.slot_runs import ended_state

if TYPE_CHECKING:
    from sqlorch.domain.snapshot import Reads, Snapshot
    from sqlorch.engine.queue_view import Queue
    from sqlorch.engine.scheduler_store import SchedulerStore

_WAITING_KINDS = frozenset({RunKind.SCHEDULED, RunKind.BACKFILL, RunKind.DATASET})
_BEGINNING = datetime(1, 1, 3, tzinfo=UTC)
_INSTANT = timedelta(microseconds=1)


class UpstreamWatch:
    """Says what a queued run waits for in the groups it reads from.

    Args:
        store: ledger, slots and runs.
        snapshot: the project.
    """

    def __init__(self, store: SchedulerStore, snapshot: Snapshot) -> None:
        self._store = store
        self._snapshot = snapshot
        self._built: set[tuple[str, str]] = set()

    def waits_for(self, run: OpenRun, queue: Queue) -> str:
        """The reason a run has to wait, ``""`` when all it reads is there.

        What a person triggered waits for nothing.

        Args:
            run: the queued run.
            queue: what is known of runs and groups.
        """
        if run.kind not in _WAITING_KINDS:
            return ""
        rules = self._snapshot.groups[run.group].rules
        triggers = self._triggers(run.group) if run.kind is RunKind.DATASET else frozenset()
        reasons = [
            self._reason(run, other, queue, Upstream(rules.upstream))
            for other in self._snapshot.reads(run.group)
            if other not in triggers
        ]
        return "; ".join(reason for reason in reasons if reason)

    def _triggers(self, group: str) -> frozenset[str]:
        """Groups whose events start runs of this one: the event was the wait."""
        named = [uid for uids in self._snapshot.producers(group).values() for uid in uids]
        nodes = self._snapshot.nodes
        return frozenset(nodes[name].group if name in nodes else name for name in named)

    def _reason(self, run: OpenRun, other: str, queue: Queue, mode: Upstream) -> str:
        if mode is Upstream.IGNORE:
            return ""
        if not self._snapshot.groups[other].timetable.scheduled:
            return self._never_built(run.group, other)
        state = queue.groups.get(other)
        return "" if state is None else self._slot_reason(run, other, queue, mode, state)

    def _slot_reason(self, run: OpenRun, other: str, queue: Queue, mode: Upstream, state: GroupState) -> str:
        group = self._snapshot.groups[other]
        first = self._all_queued(run, other, queue, mode)
        if first:
            return say_waiting(other, group.timezone, first, names={}, stopped=_stopped(state))
        reads = self._snapshot.reads(run.group)[other]
        return self.lacking(other, reads, interval=run.interval, queue=queue, mode=mode)

    def lacking(
        self, other: str, reads: Reads, *, interval: Interval, queue: Queue, mode: Upstream = Upstream.WAIT
    ) -> str:
        """What a scheduled group still lacks for an interval, ``""`` when nothing.

        Args:
            other: the group; one that has been enrolled.
            reads: which of its nodes are of interest.
            interval: of who waits.
            queue: what is known of runs and groups.
            mode: which of its slots are needed.
        """
        state, group = queue.groups[other], self._snapshot.groups[other]
        decided = self._decided(other, interval)
        known = [slot.interval for slot in decided]
        slots = slots_waited_for(group.timetable, known, state.cursor, interval, mode)
        if not slots:
            return ""
        lacks = self._lacks(slots, reads, decided, queue.by_id)
        if not lacks:
            return ""
        names = {lack.node: self._snapshot.nodes[lack.node].name for lack in lacks}
        return say_waiting(other, group.timezone, lacks, names=names, stopped=_stopped(state))

    def _never_built(self, group: str, other: str) -> str:
        """What was never built of a group without a schedule; once it was, it is not asked again."""
        if (group, other) in self._built:
            return ""
        reads = self._snapshot.reads(group)[other]
        missing = never_built(reads, self._store.ledger.entries(sorted(reads.built), merged=True))
        if missing:
            return say_never_built(other, [self._snapshot.nodes[uid].name for uid in missing])
        self._built.add((group, other))
        return ""

    def _all_queued(self, run: OpenRun, other: str, queue: Queue, mode: Upstream) -> list[Lack]:
        """What is lacking when no upstream slot has so much as begun: known without asking the store."""
        queued = queue.first_waits.get(other, ())
        if not queued:
            return []
        slots = list(needed_slots(self._snapshot.groups[other].timetable, run.interval, mode))
        for slot in slots:  # nearly always it is an interval that is queued, which need not be searched for
            if slot not in queued and not any(interval.contains(slot) for interval in queued):
                return []
        return [Lack(slot=slot, node="") for slot in slots]

    def _decided(self, other: str, interval: Interval) -> list[Slot]:
        """Slots that end inside a run's interval, else the last that ended before."""
        found = [
            slot
            for slot in self._store.schedule.slots(other, Interval(interval.start, interval.end + _INSTANT))
            if interval.start < slot.interval.end <= interval.end
        ]
        if found:
            return found
        before = self._store.schedule.slots(other, Interval(_BEGINNING, interval.end + _INSTANT), limit=2)
        return [slot for slot in before if slot.interval.end <= interval.end]

    def _lacks(
        self,
        slots: Sequence[Interval],
        reads: Reads,
        decided: Sequence[Slot],
        open_runs: Mapping[str, OpenRun],
    ) -> list[Lack]:
        span = Interval(slots[0].start, slots[-1].end)
        entries = self._store.ledger.entries(sorted(reads.built | reads.tests), span)
        skipped = [slot.interval for slot in decided if slot.status is SlotStatus.SKIPPED]
        under_way = self._under_way(slots, decided, open_runs)
        lacks = find_lacks(slots, reads, entries=entries, runs=under_way, skipped=skipped)
        if not lacks:
            return []
        lacking = [lack.slot for lack in lacks]
        ended = self._ended(lacking, decided, under_way)
        if not ended:
            return lacks
        skipped += [slot for slot, run in ended.items() if run.ended == RunState.SKIPPED]
        return find_lacks(lacking, reads, entries=entries, runs=under_way | ended, skipped=skipped)

    @staticmethod
    def _under_way(
        slots: Sequence[Interval], decided: Sequence[Slot], open_runs: Mapping[str, OpenRun]
    ) -> dict[Interval, SlotRun]:
        return {
            slot: SlotRun(run_id=made.run_id)
            for made in decided
            if made.run_id in open_runs and made.run_id is not None
            for slot in slots
            if _meets(slot, made.interval)
        }

    def _ended(
        self, lacking: Sequence[Interval], decided: Sequence[Slot], under_way: Mapping[Interval, SlotRun]
    ) -> dict[Interval, SlotRun]:
        """The ended runs of slots that still lack something; read only where it matters."""
        found: dict[Interval, SlotRun] = {}
        for slot in lacking:
            ids = [made.run_id for made in decided if made.run_id and _meets(slot, made.interval)]
            if ids and slot not in under_way:
                found[slot] = self._ended_run(ids[-1])
        return found

    def _ended_run(self, run_id: str) -> SlotRun:
        nodes = self._store.nodes(run_id)
        passed_over = frozenset(node.unique_id for node in nodes if node.state is NodeState.SKIPPED)
        state = ended_state(self._store, run_id)
        return SlotRun(run_id=run_id, ended=state.value if state else "success", passed_over=passed_over)


def _stopped(state: GroupState) -> str:
    return "" if state.status is GroupStatus.ACTIVE else state.status.value


def _meets(one: Interval, other: Interval) -> bool:
    return one.overlaps(other) or one == other
