"""The store as the scheduler asks for it: the methods of all its parts on one object."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlorch.state.store import SqlStore


class SchedulerMemory:
    """A :class:`sqlorch.engine.scheduler_store.SchedulerStore`, each method that of the part it belongs to.

    Args:
        store: the state file, opened.
    """

    def __init__(self, store: SqlStore) -> None:
        schedule, queue, backfills = store.schedule, store.queue, store.backfills
        self.groups, self.enrol, self.watch = schedule.groups, schedule.enrol, schedule.watch
        self.set_status, self.decide = schedule.set_status, schedule.decide
        self.slots, self.version = schedule.slots, schedule.version
        self.enqueue, self.requeue, self.open_runs = queue.enqueue, queue.requeue, queue.open_runs
        self.explain, self.claim, self.rescue = queue.explain, queue.claim, queue.rescue
        self.request_cancel, self.cancel_requested = queue.request_cancel, queue.cancel_requested
        self.entries, self.mark = store.ledger.entries, store.ledger.mark
        self.remember_code, self.code = store.ledger.remember_code, store.ledger.code
        self.submit, self.backfills, self.backfill = (
            backfills.submit,
            backfills.backfills,
            backfills.backfill,
        )
        self.backfill_slots, self.move_backfill = backfills.backfill_slots, backfills.move_backfill
        self.move_slots = backfills.move_slots
        self.raise_alert, self.alerts, self.sent = (
            store.alerts.raise_alert,
            store.alerts.alerts,
            store.alerts.sent,
        )
        self.events, self.consumed = store.datasets.events, store.datasets.consumed
        self.beat, self.daemon, self.audit = store.daemons.beat, store.daemons.daemon, store.daemons.audit
        self.create_run, self.move_run, self.step = store.create_run, store.move_run, store.step
        self.rerun, self.run, self.runs = store.rerun, store.run, store.runs
        self.nodes, self.attempts = store.nodes, store.attempts
