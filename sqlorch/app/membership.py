"""The daemon among others of its state: its lease, who leads, and whether its clock can be relied on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlorch.domain.lease import SKEW_REFUSED, SKEW_TOLD, say_skew
from sqlorch.engine.peers import Alone

if TYPE_CHECKING:
    from sqlorch.app.journal import Journal
    from sqlorch.domain.history import Owner
    from sqlorch.state.lease_keeper import LeaseKeeper

_SAME = timedelta(seconds=2)  # a clock that has moved by less is not told of again


class Sole(Alone):
    """The only daemon there can be: the state is a file of this host."""

    trusted = True
    trouble = ""

    def follow(self) -> bool:
        """Nothing ever changes."""
        return False

    def status(self) -> dict[str, Any]:
        """Nothing to tell."""
        return {}


class Member:
    """One of several; implements :class:`sqlorch.engine.peers.Peers`.

    Args:
        keeper: renews the lease.
        owner: this process.
        journal: the daemon's log.
    """

    def __init__(self, keeper: LeaseKeeper, owner: Owner, journal: Journal) -> None:
        self._keeper = keeper
        self._owner = owner
        self._journal = journal
        self._told: tuple[bool, bool, frozenset[Owner]] = (True, False, frozenset({owner}))
        self._told_skew = timedelta()

    @property
    def leads(self) -> bool:
        """See the port."""
        return self._keeper.leads

    @property
    def trusted(self) -> bool:
        """Whether runs may be given to workers."""
        return self._keeper.trusted

    @property
    def trouble(self) -> str:
        """Why they may not, ``""`` when they may."""
        if self.trusted:
            return ""
        why = _because(self._keeper.trouble)
        return f"the lease of this daemon is over{why}; it goes on when it has another"

    @property
    def distrusted(self) -> str:
        """See the port."""
        skew = self._keeper.skew
        if skew is None or abs(skew) <= SKEW_REFUSED:
            return ""
        return f"{say_skew(skew)}; nothing is decided here until that is corrected"

    def is_daemon(self, owner: Owner) -> bool:
        """See the port; as of the last renewal."""
        standing = self._keeper.standing
        return standing is not None and owner in standing.daemons

    def follow(self) -> bool:
        """Say what has changed since the last time; whether anything has."""
        standing = self._keeper.standing
        others = frozenset() if standing is None else standing.daemons
        now = (self.trusted, self.leads, others or frozenset({self._owner}))
        before, self._told = self._told, now
        if now[0] != before[0]:
            self._tell_trust()
        if now[1] != before[1]:
            self._tell_lead()
        for one in sorted(now[2] ^ before[2], key=_name):
            verb = "joined" if one in now[2] else "left"
            self._journal.info(f"daemon_{verb}", f"daemon {_name(one)} {verb}", host=one.host, pid=one.pid)
        self._tell_skew()
        return now != before

    def status(self) -> dict[str, Any]:
        """How it stands, for health checks."""
        standing, skew = self._keeper.standing, self._keeper.skew
        leader = None if standing is None else standing.leader
        return {
            "leads": self.leads,
            "leader": None if leader is None else _name(leader),
            "lease": "ok" if self.trusted else self.trouble,
            "daemons": [] if standing is None else sorted(map(_name, standing.daemons)),
            "clock_ahead_seconds": None if skew is None else round(skew.total_seconds(), 3),
        }

    def _tell_trust(self) -> None:
        if self.trusted:
            self._journal.info("lease", "it has a lease again, and goes on")
        else:
            self._journal.error("lease_lost", f"{self.trouble}; its workers stop what they are doing")

    def _tell_lead(self) -> None:
        if self.leads:
            self._journal.info("leads", "this daemon leads: it delivers alerts")
        else:
            self._journal.warning("leads_no_more", "this daemon leads no more")

    def _tell_skew(self) -> None:
        skew, told = self._keeper.skew, self._told_skew
        if skew is None or abs(skew - told) < _SAME or max(abs(skew), abs(told)) <= SKEW_TOLD:
            return
        self._told_skew = skew
        if abs(skew) <= SKEW_TOLD:
            self._journal.info("clock", "the clock is right again")
        else:
            refused = self.distrusted or f"{say_skew(skew)}; correct it, with NTP"
            self._journal.warning("clock", refused, seconds=round(skew.total_seconds(), 1))


def _because(trouble: str) -> str:
    return f" ({trouble})" if trouble else ""


def _name(owner: Owner) -> str:
    return f"{owner.host}:{owner.pid}"
