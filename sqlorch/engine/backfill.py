"""Backfills as a person handles them: submitted, paused, resumed, cancelled.

The daemon makes their runs (:mod:`sqlorch.engine.backfill_feed`). Nothing here moves a cursor.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING

from sqlorch.domain.scheduling import Backfill, BackfillSlot, BackfillState

if TYPE_CHECKING:
    from sqlorch.engine.backfill_plan import BackfillPlan
    from sqlorch.engine.scheduler_store import SchedulerStore


class Backfills:
    """What people do with backfills.

    Args:
        store: where they are.
    """

    def __init__(self, store: SchedulerStore) -> None:
        self._store = store

    def submit(self, plan: BackfillPlan, *, who: str, now: datetime) -> list[str]:
        """Remember a planned backfill, and those that follow from it; the daemon does the rest.

        Returns:
            Their ids, the one asked for first; none when there is nothing to do.

        Raises:
            StateError: another backfill of one of the groups is under way over the same time.
        """
        ids: list[str] = []
        for one in (plan, *plan.children):
            if one.units:
                ids.append(self._submit(one, ids[-1] if ids else None, who=who, now=now))
        return ids

    def pause(self, backfill_id: str, *, who: str, now: datetime) -> bool:
        """Start no more of its runs; False when it was not running."""
        return self._move(backfill_id, BackfillState.RUNNING, BackfillState.PAUSED, who, now)

    def resume(self, backfill_id: str, *, who: str, now: datetime) -> bool:
        """Go on with it; False when it was not paused."""
        return self._move(backfill_id, BackfillState.PAUSED, BackfillState.RUNNING, who, now)

    def cancel(self, backfill_id: str, *, who: str, now: datetime) -> bool:
        """End it, those that follow from it, and their runs; False when it has ended."""
        state = self._store.backfills.backfill(backfill_id).state
        if state not in {BackfillState.RUNNING, BackfillState.PAUSED}:
            return False
        if not self._move(backfill_id, state, BackfillState.CANCELLED, who, now):
            return False
        for run in self._store.queue.open_runs():
            if run.backfill == backfill_id:
                reason = f"the backfill {backfill_id} was cancelled"
                self._store.queue.request_cancel(run.run_id, reason=reason, who=who, now=now)
        for child in self._store.backfills.backfills(unfinished=True):
            if child.parent == backfill_id:
                self.cancel(child.backfill_id, who=who, now=now)
        return True

    def _move(
        self, backfill_id: str, before: BackfillState, after: BackfillState, who: str, now: datetime
    ) -> bool:
        return self._store.backfills.move_backfill(backfill_id, before, after, reason="", who=who, now=now)

    def _submit(self, plan: BackfillPlan, parent: str | None, *, who: str, now: datetime) -> str:
        before = len(self._store.backfills.backfills(group=plan.group))
        digest = hashlib.sha256(f"{plan.group}|{plan.span}|{before}".encode()).hexdigest()
        backfill_id = f"bf-{now:%Y%m%dT%H%M%S}Z-{digest[:8]}"
        slots = [
            BackfillSlot(
                backfill_id=backfill_id,
                interval=unit.interval,
                position=place,
                state="waiting",
                run_id=unit.run_id,
            )
            for place, unit in enumerate(plan.units)
        ]
        backfill = Backfill(
            backfill_id=backfill_id,
            group=plan.group,
            interval=plan.span,
            order=plan.order,
            reprocess=plan.reprocess,
            parallel=plan.parallel,
            state=BackfillState.RUNNING,
            reason="",
            created_at=now,
            finished_at=None,
            slots=len(slots),
            done=0,
            failed=0,
            parent=parent,
        )
        self._store.backfills.submit(backfill, slots, who=who, now=now)
        return backfill_id
