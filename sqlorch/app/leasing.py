"""A lease for a process that drives runs, where the state is one that several hosts use."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from sqlorch.app.clock import WakefulClock

if TYPE_CHECKING:
    from sqlorch.domain.lease import Role
    from sqlorch.engine.stop import Stop
    from sqlorch.state.store import SqlStore


def leased(
    store: SqlStore, role: Role, *, url: str | None, lost: Callable[[str], object]
) -> AbstractContextManager[object]:
    """Inside, this process has a lease; nothing where the state is a file, whose users see each other.

    Args:
        store: what is remembered.
        role: what this process does.
        url: the state's, None for a file.
        lost: told, from a thread, when the process must stop what it is doing, and why.

    Raises:
        StateError: on entry, when the database cannot be used.
    """
    if url is None:
        return nullcontext()
    from sqlorch.state.lease_keeper import LeaseKeeper  # noqa: PLC0415 - SQLAlchemy, only where it is wanted
    from sqlorch.state.owner import current_owner  # noqa: PLC0415 - likewise

    clock = WakefulClock()
    return LeaseKeeper(
        store.leases, current_owner(), role, lost=lost, now=clock.now, monotonic=clock.monotonic
    )


def giving_up(stop: Stop, tell: Callable[[str], object]) -> Callable[[str], None]:
    """What a command does whose lease is over: it says so and stops as if it were interrupted.

    What it would still write is refused where somebody else has ended its run by then.
    """

    def lost(why: str) -> None:
        tell(f"the command stops, since others must take its run for lost: {why}")
        stop.request()

    return lost
