"""Leases: how long processes of several hosts may rely on one another, and on their own right to act.

Where the state is on a server, who drives runs cannot be seen in a table of processes. So each such process
holds a lease, by the clock of the database, and renews it. One that cannot stops before its lease ends, by
its own monotonic clock; only after the end do others take up what it was doing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlorch.domain.history import Owner

LEASE = 30.0
"""Seconds from a renewal to the end of the lease."""
RENEWAL = 10.0
"""Seconds between two renewals."""
LEAVING = 12.0
"""Seconds before the end at which a holder gives up: as long as it may take to cut what it is doing."""
SKEW_TOLD = timedelta(seconds=5)
"""How far a clock may be from the database's before somebody is told (crash safety 3.6)."""
SKEW_REFUSED = timedelta(seconds=30)
"""How far it may be before its daemon neither leads nor decides on intervals."""
_SLOW = timedelta(seconds=2)  # an answer that took longer says nothing about clocks


class Role(StrEnum):
    """What a holder of a lease does."""

    DAEMON = "daemon"
    WORKER = "worker"  # drives runs for a daemon
    COMMAND = "command"  # drives runs that a person started


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A lease that holds.

    Attributes:
        owner: who has it.
        role: what that process does.
        since: when it was taken, by the database's clock.
        until: when it ends unless it is renewed.
        lead_since: since when this process would lead; None when it would not.
    """

    owner: Owner
    role: Role
    since: datetime
    until: datetime
    lead_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a process learns when it renews its lease.

    Attributes:
        now: the database's clock.
        holders: every lease that holds, its own among them, oldest first.
    """

    now: datetime
    holders: Sequence[Holder]

    @property
    def leader(self) -> Owner | None:
        """Who does what is to be done once: who has been ready to for the longest, None when nobody is."""
        ready = [one for one in self.holders if one.lead_since is not None]
        return min(ready, key=_ready_since).owner if ready else None

    @property
    def daemons(self) -> frozenset[Owner]:
        """The daemons among the holders."""
        return frozenset(one.owner for one in self.holders if one.role is Role.DAEMON)


def _ready_since(holder: Holder) -> datetime:
    assert holder.lead_since is not None  # noqa: S101 - for the type checker: only those are asked for
    return holder.lead_since


def trusted_until(started: float) -> float:
    """Until when a holder may act on a renewal, in its own monotonic seconds.

    Args:
        started: when it began to renew: the database cannot have counted from earlier.
    """
    return started + LEASE - LEAVING


def clock_skew(before: datetime, after: datetime, there: datetime) -> timedelta | None:
    """How far this machine's clock is ahead of the database's.

    Args:
        before: this clock, before asking.
        after: this clock, when the answer was there.
        there: the database's clock, in between.

    Returns:
        The difference, or None when the answer took too long to tell.
    """
    took = after - before
    if not timedelta() <= took <= _SLOW:
        return None
    return before + took / 2 - there


def say_skew(skew: timedelta) -> str:
    """How far this machine's clock is from the database's, in a sentence."""
    seconds = skew.total_seconds()
    way = "ahead of" if seconds > 0 else "behind"
    return f"the clock of this machine is {abs(seconds):.0f} s {way} the state database's"
