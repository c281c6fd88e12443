"""What dead processes left running in the warehouse is ended before anything is run there.

A query whose process was killed goes on at the server and keeps its locks; a second attempt would wait behind
it, or write beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlorch.app.clock import SystemClock
from sqlorch.domain.backends import LostProcess

if TYPE_CHECKING:
    from sqlorch.engine.ports import Reaper
    from sqlorch.state.store import SqlStore

_LONG_AGO = timedelta(days=30)


def settle(store: SqlStore, reaper: Reaper, *, target: str | None, tell: Callable[[str], object]) -> None:
    """End the queries of every process that is known to be gone.

    A process is forgotten when it was looked for on the target it had worked on, which may be another server
    than this one's, or was gone so long that nothing of it can be left.

    Args:
        store: knows them.
        reaper: a session on the warehouse.
        target: the target of this session, None for the profile's default.
        tell: told when there was something.

    Raises:
        ExecutionError: something is still there, or the warehouse cannot be reached.
    """
    lost = store.lost.processes()
    if not lost:
        return
    ended = reaper.reap([one.tag for one in lost])
    store.lost.forget([one.tag for one in lost if one.target == target or _is_old(one)])
    if ended:
        queries = "1 query" if ended == 1 else f"{ended} queries"
        tell(f"ended {queries} that a process which is gone had left running in the warehouse")


def _is_old(one: LostProcess) -> bool:
    return SystemClock().now() - one.noted_at > _LONG_AGO
