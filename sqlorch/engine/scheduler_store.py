"""Everything the scheduler asks of the store, as one Protocol."""

from __future__ import annotations

from typing import Protocol

from sqlorch.engine.ports import RunStore
from sqlorch.engine.schedule_ports import (
    AlertStore,
    BackfillStore,
    DaemonStore,
    DatasetStore,
    LedgerStore,
    QueueStore,
    ScheduleStore,
)


class SchedulerStore(
    ScheduleStore,
    QueueStore,
    LedgerStore,
    BackfillStore,
    AlertStore,
    DatasetStore,
    DaemonStore,
    RunStore,
    Protocol,
):
    """One database seen through all the seams of :mod:`sqlorch.engine.schedule_ports` and the runs."""
