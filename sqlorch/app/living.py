"""Which daemons are there: by the table of processes of this host, or by their leases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlorch.domain.history import Owner

if TYPE_CHECKING:
    from sqlorch.state.store import SqlStore

_LOOKED_AT = 100  # the newest of those that were not stopped: killed ones stay in the table


@dataclass(frozen=True, slots=True, kw_only=True)
class LivingDaemon:
    """A daemon that is there.

    Attributes:
        host, pid: its process.
        started_at, beat_at: when it began, and when it was last heard of in the state.
        version: of sqlorch.
        state: ``running`` or ``draining``.
        leads: whether it does what is to be done once; None where there can be but one.
    """

    host: str
    pid: int
    started_at: datetime
    beat_at: datetime
    version: str
    state: str
    leads: bool | None


def living_daemons(store: SqlStore) -> list[LivingDaemon]:
    """The daemons of this state whose processes exist and have not been stopped, the one that leads first."""
    standing = store.leases.standing()
    found = []
    for row in store.daemons.daemons(_LOOKED_AT):
        one = dict(row)
        owner = Owner(**{name: one.pop(name) for name in ("host", "boot_id", "pid", "started")})
        if store.is_alive(owner):
            leads = owner == standing.leader if standing.holders else None
            found.append(LivingDaemon(host=owner.host, pid=owner.pid, leads=leads, **one))
    return sorted(found, key=lambda one: (not one.leads, one.started_at))


def living_daemon(store: SqlStore) -> LivingDaemon | None:
    """The daemon of this project, or the one that leads where there are several; None when none is there."""
    return next(iter(living_daemons(store)), None)
