"""Whether the process that drives a run is there, wherever the state is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlorch.state.owner import can_be_seen, is_alive

if TYPE_CHECKING:
    from sqlorch.domain.history import Owner
    from sqlorch.engine.schedule_ports import LeaseStore


def by_lease(leases: LeaseStore) -> Callable[[Owner], bool]:
    """For a state that several hosts use: who has no lease is gone, and who is seen to be gone is gone too.

    A process of this machine that was killed is not waited for. One that hangs is given up with its lease,
    though it can be seen.
    """

    def alive(owner: Owner) -> bool:
        if can_be_seen(owner) and not is_alive(owner):
            return False
        return leases.holds(owner)

    return alive
