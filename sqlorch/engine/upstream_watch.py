"""What queued runs wait for in other groups, asked of the store.

The rules are in :mod:`sqlorch.domain.upstream`; here is where ledger, slots and runs are read for them. What
a run needs never changes while its timetables do not, so it is computed once for each run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlorch.domain.interval import Interval
from sqlorch.domain.run import NodeState
from sqlorch.domain.scheduling import GroupState, GroupStatus, OpenRun, RunKind, Slot, SlotStatus
from sqlorch.domain.upstream import Lack, SlotRun, Upstream, find_lacks, needed_slots, say_waiting
from sqlorch.engine.slot_runs import ended_state

if TYPE_CHECKING:
    from sqlorch.domain.snapshot import Reads, Snapshot
    from sqlorch.engine.scheduler_store import SchedulerStore

_WAITING_KINDS = frozenset({RunKind.SCHEDULED, RunKind.BACKFILL, RunKind.DATASET})
_REMEMBERED = 5_000


class UpstreamWatch:
    """Says what a queued run waits for in the groups it reads from.

    Args:
        store: ledger, slots and runs.
        snapshot: the project.
    """

    def __init__(self, store: SchedulerStore, snapshot: Snapshot) -> None:
        self._store = store
        self._snapshot = snapshot
        self._needed: dict[str, Mapping[str, tuple[Interval, ...]]] = {}

    def waits_for(
        self, run: OpenRun, groups: Mapping[str, GroupState], open_runs: Mapping[str, OpenRun]
    ) -> str:
        """The reason a run has to wait, ``""`` when all it reads is there.

        What a person triggered waits for nothing.

        Args:
            run: the queued run.
            groups: the state of every group.
            open_runs: runs that have not ended, by id.
        """
        if run.kind not in _WAITING_KINDS:
            return ""
        reasons = [
            self._reason(other, slots, self._snapshot.reads(run.group)[other], groups, open_runs)
            for other, slots in self._slots_needed(run).items()
        ]
        return "; ".join(reason for reason in reasons if reason)

    def _slots_needed(self, run: OpenRun) -> Mapping[str, tuple[Interval, ...]]:
        if run.run_id not in self._needed:
            if len(self._needed) >= _REMEMBERED:
                self._needed.clear()
            self._needed[run.run_id] = dict(self._compute(run))
        return self._needed[run.run_id]

    def _compute(self, run: OpenRun) -> Iterator[tuple[str, tuple[Interval, ...]]]:
        rules = self._snapshot.groups[run.group].rules
        triggers = self._triggers(run.group) if run.kind is RunKind.DATASET else frozenset()
        for other in self._snapshot.reads(run.group):
            if other not in triggers:
                timetable = self._snapshot.groups[other].timetable
                slots = tuple(needed_slots(timetable, run.interval, Upstream(rules.upstream)))
                if slots:
                    yield other, slots

    def _triggers(self, group: str) -> frozenset[str]:
        """Groups whose events start runs of this one: the event was the wait."""
        named = [uid for uids in self._snapshot.producers(group).values() for uid in uids]
        nodes = self._snapshot.nodes
        return frozenset(nodes[name].group if name in nodes else name for name in named)

    def _reason(
        self,
        other: str,
        slots: Sequence[Interval],
        reads: Reads,
        groups: Mapping[str, GroupState],
        open_runs: Mapping[str, OpenRun],
    ) -> str:
        state = groups.get(other)
        if state is None:
            return ""  # never enrolled: it has no schedule that would ever make them
        span = Interval(slots[0].start, slots[-1].end)
        decided = self._store.schedule.slots(other, span)
        coming = [slot for slot in slots if _is_coming(slot, decided, state.cursor)]
        if not coming:
            return ""
        lacks = self._lacks(coming, reads, decided, open_runs)
        if not lacks:
            return ""
        stopped = "" if state.status is GroupStatus.ACTIVE else state.status.value
        names = {lack.node: self._snapshot.nodes[lack.node].name for lack in lacks}
        return say_waiting(other, self._snapshot.groups[other].timezone, lacks, names=names, stopped=stopped)

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


def _is_coming(slot: Interval, decided: Sequence[Slot], cursor: datetime | None) -> bool:
    """Whether somebody made or will make a slot; what lies before a group's first one never comes."""
    if cursor is None or slot.end > cursor:
        return True
    return any(_meets(slot, made.interval) for made in decided)


def _meets(one: Interval, other: Interval) -> bool:
    return one.overlaps(other) or one == other
