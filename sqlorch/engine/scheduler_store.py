"""Everything the scheduler asks of the store: one database, seen through all its seams."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from sqlorch.engine.ports import FreshnessStore, RunStore

if TYPE_CHECKING:
    from sqlorch.domain.history import Owner
    from sqlorch.engine.schedule_ports import (
        AlertStore,
        BackfillStore,
        DaemonStore,
        DatasetStore,
        LedgerStore,
        QueueStore,
        ScheduleStore,
    )


class SchedulerStore(RunStore, Protocol):
    """The runs, and beside them what the scheduler remembers."""

    @property
    def schedule(self) -> ScheduleStore:
        """Groups, cursors and slots."""

    @property
    def queue(self) -> QueueStore:
        """Runs that wait and runs under way."""

    @property
    def ledger(self) -> LedgerStore:
        """Which interval of which node is done."""

    @property
    def backfills(self) -> BackfillStore:
        """Backfills and their slots."""

    @property
    def alerts(self) -> AlertStore:
        """The outbox."""

    @property
    def datasets(self) -> DatasetStore:
        """Events of finished producers."""

    @property
    def daemons(self) -> DaemonStore:
        """Who the daemon is and was."""

    @property
    def freshness(self) -> FreshnessStore:
        """How fresh sources were."""

    def abandon_dead(self, now: datetime, is_alive: Callable[[Owner], bool]) -> list[str]:
        """End what nobody drives and nobody takes up: runs started by hand, and runs being cancelled.

        Returns:
            The runs that were ended.
        """
