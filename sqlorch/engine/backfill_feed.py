"""Runs of backfills, a few at a time: queued in order, their slots settled as they end.

Each slot knows its run by a mark the run carries (:data:`SLOT_MARK`), so that a crash between queueing a run
and writing it down leads to the same run, never to another one or another generation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlorch.domain.errors import StateError
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import RunState
from sqlorch.domain.scheduling import (
    Backfill,
    BackfillSlot,
    BackfillState,
    NewRun,
    OpenRun,
    RunKind,
    SlotStatus,
)
from sqlorch.domain.snapshot import spec_hash
from sqlorch.engine.slot_decider import WHO, slot_run_id

if TYPE_CHECKING:
    from sqlorch.domain.group import Group
    from sqlorch.domain.history import RunRecord
    from sqlorch.domain.snapshot import Snapshot
    from sqlorch.engine.scheduler_store import SchedulerStore

SLOT_MARK = "backfill_slot"
"""Parameter of a backfill's run: which slot of which backfill it was queued for."""
_SETTLED = {
    RunState.SUCCESS: "done",
    RunState.FAILED: "failed",
    RunState.CANCELLED: "cancelled",
    RunState.SKIPPED: "skipped",
}
_UNSETTLED = frozenset({"waiting", "queued"})
_BAD = frozenset({"failed", "cancelled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fed:
    """What came of it: the runs queued, and whether anything was written."""

    created: tuple[str, ...]
    changed: bool


class BackfillFeed:
    """Feeds the queue from backfills.

    Args:
        store: backfills, slots and runs.
        snapshot: the project.
    """

    def __init__(self, store: SchedulerStore, snapshot: Snapshot) -> None:
        self._store = store
        self._snapshot = snapshot

    def feed(self, backfills: Mapping[str, Backfill], runs: Mapping[str, OpenRun], now: datetime) -> Fed:
        """Settle what has ended, queue what may follow. To be repeated until nothing changes.

        Args:
            backfills: those that have not ended, by id, the newest first.
            runs: every run that has not ended, by id.
            now: the current instant.
        """
        queued: list[str] = []
        changed = False
        for backfill in reversed(list(backfills.values())):  # what follows from another comes after it
            slots, settled = self._settle(backfill, runs, now)
            if backfill.state is BackfillState.RUNNING:
                queued += self._fill(backfill, slots, backfills, runs, now)
            changed |= settled
        return Fed(created=tuple(queued), changed=changed or bool(queued))

    def _settle(
        self, backfill: Backfill, runs: Mapping[str, OpenRun], now: datetime
    ) -> tuple[list[BackfillSlot], bool]:
        slots = self._store.backfills.backfill_slots(backfill.backfill_id)
        ended = [
            self._ended(slot)
            for slot in slots
            if slot.state == "queued" and slot.run_id is not None and slot.run_id not in runs
        ]
        if ended:
            self._store.backfills.move_slots(backfill.backfill_id, ended, now=now)
            slots = _replaced(slots, ended)
        if not any(slot.state in _UNSETTLED for slot in slots):
            self._finish(backfill, slots, now)
        return slots, bool(ended)

    def _ended(self, slot: BackfillSlot) -> BackfillSlot:
        record = self._record(slot.run_id or "")
        if record is None:
            return replace(slot, state="done", reason="its run is no longer remembered")
        return replace(slot, state=_SETTLED.get(record.state, "queued"), reason=record.reason)

    def _record(self, run_id: str) -> RunRecord | None:
        try:
            return self._store.run(run_id)
        except StateError:
            return None

    def _finish(self, backfill: Backfill, slots: Sequence[BackfillSlot], now: datetime) -> None:
        bad = [slot for slot in slots if slot.state in _BAD]
        after = BackfillState.FAILED if bad else BackfillState.SUCCESS
        reason = f"{len(bad)} of {len(slots)} intervals did not succeed" if bad else ""
        if bad:
            payload = {"backfill": backfill.backfill_id, "group": backfill.group, "reason": reason}
            self._store.alerts.raise_alert(
                f"backfill_failed:{backfill.backfill_id}", "backfill_failed", payload, now=now
            )
        self._store.backfills.move_backfill(
            backfill.backfill_id, backfill.state, after, reason=reason, who=WHO, now=now
        )

    def _fill(
        self,
        backfill: Backfill,
        slots: Sequence[BackfillSlot],
        backfills: Mapping[str, Backfill],
        runs: Mapping[str, OpenRun],
        now: datetime,
    ) -> Iterator[str]:
        group = self._snapshot.groups.get(backfill.group)
        free = backfill.parallel - sum(slot.state == "queued" for slot in slots)
        above = list(self._unsettled_above(backfill, backfills))
        for slot in slots:
            if free <= 0 or group is None:
                return
            if slot.state != "waiting" or any(_comes_first(one, slot) for one in above):
                continue
            moved = self._queue(backfill, group, slot, runs, now)
            self._store.backfills.move_slots(backfill.backfill_id, [moved], now=now)
            if moved.state == "queued" and moved.run_id is not None:
                free -= 1
                yield moved.run_id

    def _unsettled_above(
        self, backfill: Backfill, backfills: Mapping[str, Backfill]
    ) -> Iterator[BackfillSlot]:
        """Slots of the backfills this one follows from that are still to be made."""
        parent = backfills.get(backfill.parent or "")
        while parent is not None:
            yield from (
                slot
                for slot in self._store.backfills.backfill_slots(parent.backfill_id)
                if slot.state in _UNSETTLED
            )
            parent = backfills.get(parent.parent or "")

    def _queue(
        self,
        backfill: Backfill,
        group: Group,
        slot: BackfillSlot,
        runs: Mapping[str, OpenRun],
        now: datetime,
    ) -> BackfillSlot:
        """The slot with its run queued, or with the reason why that cannot be."""
        mark = f"{backfill.backfill_id}:{slot.position}"
        try:
            run_id = self._run_of(backfill.group, slot)
            if run_id is None:
                return self._enqueue(backfill, group, slot, mark, now)
            if run_id in runs:
                return replace(slot, state="queued", run_id=run_id)
            record = self._store.run(run_id)
            if record.invocation.get(SLOT_MARK) == mark:  # queued before a crash, and ended since
                return replace(slot, state="queued", run_id=run_id)
            parameters = {"reprocess": backfill.reprocess, SLOT_MARK: mark}
            self._store.queue.requeue(run_id, now=now, backfill=backfill.backfill_id, parameters=parameters)
            return replace(slot, state="queued", run_id=run_id)
        except StateError as error:
            return replace(slot, state="failed", reason=str(error))

    def _run_of(self, group: str, slot: BackfillSlot) -> str | None:
        """The run that has the slot: the one it had when the backfill was asked for, or one made since."""
        if slot.run_id is not None:
            return slot.run_id
        for decided in self._store.schedule.slots(group, slot.interval):
            if decided.run_id is not None and slot.interval.contains(decided.interval):
                return decided.run_id
        return None

    def _enqueue(
        self, backfill: Backfill, group: Group, slot: BackfillSlot, mark: str, now: datetime
    ) -> BackfillSlot:
        slots = self._slots_in(group, slot.interval)
        # without a slot of its own a range may be asked for again, and is another run then
        name = group.name if slots else f"{group.name}|{mark}"
        run = NewRun(
            run_id=slot_run_id(name, slot.interval.start),
            group=group.name,
            kind=RunKind.BACKFILL,
            interval=slot.interval,
            timezone=group.timezone,
            slots=slots,
            due_at=now,
            trigger_key=f"backfill:{mark}",
            backfill=backfill.backfill_id,
            spec_hash=spec_hash(group),
            parameters={"reprocess": backfill.reprocess, SLOT_MARK: mark},
        )
        return replace(slot, state="queued", run_id=self._store.queue.enqueue(run, now=now))

    def _slots_in(self, group: Group, interval: Interval) -> tuple[Interval, ...]:
        """The slots one run takes: those skipped on record, else those of the timetable."""
        if not group.timetable.scheduled:
            return ()
        skipped = [
            slot.interval
            for slot in self._store.schedule.slots(group.name, interval)
            if slot.status is SlotStatus.SKIPPED and interval.contains(slot.interval)
        ]
        if skipped or interval.start == interval.end:
            return tuple(skipped) or (interval,)
        return tuple(group.timetable.slots_within(interval))


def _comes_first(above: BackfillSlot, slot: BackfillSlot) -> bool:
    """Whether a slot may read what ``above`` makes: that begins before its end."""
    return above.interval.start <= slot.interval.start or above.interval.start < slot.interval.end


def _replaced(slots: Sequence[BackfillSlot], moved: Sequence[BackfillSlot]) -> list[BackfillSlot]:
    by_position = {slot.position: slot for slot in moved}
    return [by_position.get(slot.position, slot) for slot in slots]
