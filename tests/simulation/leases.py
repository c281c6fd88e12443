"""Leases of daemons in virtual time: renewed all along by those that live, not by those that hang."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from simulation.machine import Machine, Process
from sqlalchemy import Connection
from support.scheduling import T0

from sqlorch.domain.history import Owner
from sqlorch.domain.lease import LEASE, Role, trusted_until
from sqlorch.state.codec import to_micros
from sqlorch.state.lease_keeper import LeaseKeeper
from sqlorch.state.tables import lease


@dataclass(eq=False)
class Membership:
    """A daemon's place among others, as its keeper knows it; implements ``sqlorch.engine.peers.Peers``."""

    machine: Machine
    process: Process
    hangs: bool = False
    distrusted: str = ""
    lost: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.process.store._database.now = self._micros  # type: ignore[method-assign]
        self.keeper = LeaseKeeper(
            self.process.store.leases,
            self.process.owner,
            Role.DAEMON,
            lost=self.lost.append,
            comes_back=True,
            now=self._now,
            monotonic=self.machine.clock.monotonic,
        )
        self.turn()

    @property
    def leads(self) -> bool:
        return self.keeper.leads

    @property
    def trusted(self) -> bool:
        return self.keeper.trusted

    def is_daemon(self, owner: Owner) -> bool:
        standing = self.keeper.standing
        return standing is not None and owner in standing.daemons

    def turn(self) -> None:
        """What the keeper's threads do: renew, or tell that it is over and come back."""
        self.keeper.look()
        for _ in range(2):  # the first may find it over, or only begin it
            self.keeper.turn()

    def renewed(self) -> None:
        """It has renewed its lease all along."""
        self.keeper._until = trusted_until(self.machine.clock.monotonic())
        until = to_micros(self._now() + timedelta(seconds=LEASE))
        mine = lease.update().where(lease.c.pid == self.process.pid).values(until=until)
        fault, self.process.fault = self.process.fault, None
        with self.process.store._database.lease() as connection:
            connection.execute(mine)
        self.process.fault = fault

    def holds(self, owner: Owner) -> bool:
        """What the store says of a daemon."""
        return self.process.store.leases.holds(owner)

    def _now(self) -> datetime:
        """The clock of the state database, which nobody sets."""
        return T0 + timedelta(seconds=self.machine.clock.monotonic())

    def _micros(self, _connection: Connection) -> int:
        return to_micros(self._now())


def pass_time(machine: Machine, members: Iterable[Membership], length: timedelta) -> None:
    """Let time pass; who lives and had a lease has it still."""
    lively = [one for one in members if one.trusted and not one.hangs]
    machine.advance(length)
    for one in lively:
        one.renewed()


def aliveness(machine: Machine, mine: Membership) -> Callable[[Owner], bool]:
    """Whether a process is there: a daemon as its lease says, a worker as can be seen."""

    def alive(owner: Owner) -> bool:
        if not machine.is_alive(owner):
            return False
        return owner.pid not in machine.daemons or mine.holds(owner)

    return alive
