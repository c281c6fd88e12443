"""The open project with workers of its own, where several processes may use the warehouse at once."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlorch.dbt.options import SessionOptions
from sqlorch.dbt.session import WarmSession
from sqlorch.domain.adapters import IN_A_FILE
from sqlorch.domain.errors import TransientError
from sqlorch.domain.interval import Interval
from sqlorch.engine.ports import RunContext
from sqlorch.executors.pool.forking import descriptors_of, obstacle
from sqlorch.executors.pool.led_run import PooledRun
from sqlorch.executors.pool.pool import Pool
from sqlorch.executors.pool.rooms import rooms_for
from sqlorch.executors.pool.serving import serve
from sqlorch.executors.pool.zygote import Zygote

LOG = "pool.log"
_FEWEST = 8  # nodes of a run below which workers would cost more than they bring


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolOptions:
    """How the workers are made.

    Attributes:
        processes: how many, None for as many as suit the machine and the profile's threads.
        state_dir: sqlorch's folder; what workers print goes below it.
        lock: the file whose lock stays taken until the last worker is gone, if this process holds it.
        tell: told in a sentence what a person may want to know.
        alone: entered while this process is forked: no other thread may be there inside.
    """

    state_dir: Path
    lock: Path
    processes: int | None = None
    tell: Callable[[str], object] = str
    alone: Callable[[], AbstractContextManager[object]] = nullcontext


class PooledSession(WarmSession):
    """A session whose runs are executed by worker processes, where that is possible and worth it.

    Args:
        options: the project's.
    """

    def __init__(self, options: SessionOptions) -> None:
        super().__init__(options)
        self._pool: Pool | None = None

    def get_workers(self, options: PoolOptions) -> None:
        """Have workers for the runs to come, as far as that is possible.

        Raises:
            SqlorchError: the project's graph cannot be used; the session is closed then.
        """
        try:
            self._pool = self._make_pool(options)
        except BaseException:
            self.close()
            raise

    @property
    def processes(self) -> int:
        """How many worker processes execute nodes; 0 when this one does."""
        return 0 if self._pool is None else self._pool.size

    def _make_pool(self, options: PoolOptions) -> Pool | None:
        """Fork what workers are made from, now that the project is open and nothing else is."""
        rooms = rooms_for(self.threads, options.processes, processors=processors())
        if self.adapter_type in IN_A_FILE or len(rooms) == 1 or self.interval_dependent:
            return None
        _ = self.dag  # read once, for all
        with options.alone():
            reason = obstacle()
            if reason:
                if options.processes is not None:  # who has not asked for several is not bothered
                    options.tell(f"nodes are executed in one process: {reason}")
                return None
            zygote = Zygote(
                partial(_serve, self, max(rooms)),
                keep=descriptors_of(options.lock),
                log_path=options.state_dir / LOG,
            )
        return Pool(zygote, rooms, on_lost=self.reap_worker, tell=options.tell)

    def open_run(
        self,
        *,
        run_id: str,
        interval: Interval,
        variables: Mapping[str, Any],
        nodes: Sequence[str],
        target_path: Path,
        full_refresh: bool = False,
    ) -> RunContext:
        """Prepare one run; see the port.

        Raises:
            TransientError: a worker of an earlier run has left a query behind that cannot be ended.
        """
        if self._pool is not None and (left := self._pool.left_running()):
            raise TransientError(left)
        context = self.lead_run(interval, variables, nodes, target_path, full_refresh=full_refresh)
        if self._pool is None or sum(map(self.serves, nodes)) < _FEWEST:
            return context
        arguments = {
            "run_id": run_id,
            "interval": interval,
            "variables": dict(variables),
            "nodes": list(nodes),
            "target_path": target_path,
            "full_refresh": full_refresh,
        }
        return PooledRun(context, self._pool, arguments, serves=self.serves)

    def close(self) -> None:
        """End the workers, then as :meth:`WarmSession.close`."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()
        super().close()


def _serve(session: WarmSession, threads: int, number: int, end: socket.socket) -> None:
    serve(session, number, end, threads=threads)


def processors() -> int:
    """How many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
