"""Who works on every run of an invocation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sqlorch.domain.history import Owner
from sqlorch.engine.pools import Pools
from sqlorch.engine.ports import Clock, Listener, RunStore
from sqlorch.engine.stop import Stop

if TYPE_CHECKING:
    from sqlorch.engine.schedule_ports import AlertStore, QueueStore
    from sqlorch.engine.source_watch import SourceWatch
    from sqlorch.engine.table_watch import TableWatch


def _no_pools() -> Pools:
    return Pools({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """What a driver needs beside the open project.

    Attributes:
        store: where every state is written before anything else happens.
        clock: where now comes from.
        listener: who is told.
        stop: asked between events; a request cancels the run, a suspension leaves it for another process.
        owner: this process, written on each run so that a later one sees whether it is alive.
        run_dir: folder of a run's logs and compiled SQL, by run id.
        fail_fast: stop a run at the first node that fails for good.
        pools: named limits on nodes executed at once.
        queue: where people ask for a run to be cancelled, and another process may take it over; None where
            nobody can.
        alerts: where warnings go that people must learn of, None for nowhere.
        sources: looks at how fresh sources are before the first node of a run; None where nobody asks.
        tables: tells of tables that begin anew with what earlier runs have filled; None where nobody asks.
    """

    store: RunStore
    clock: Clock
    listener: Listener
    stop: Stop
    owner: Owner
    run_dir: Callable[[str], Path]
    fail_fast: bool = False
    pools: Pools = field(default_factory=_no_pools)
    queue: QueueStore | None = None
    alerts: AlertStore | None = None
    sources: SourceWatch | None = None
    tables: TableWatch | None = None
