"""Keeps a lease renewed in the background, and says when it can no longer be relied on.

Two threads: one asks the database, which may hang for as long as a network likes; the other only looks at the
clock, so that the end of the trust is told in time whatever the first is waiting for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from sqlalchemy.exc import SQLAlchemyError

from sqlorch.domain.errors import StateError
from sqlorch.domain.lease import RENEWAL, SKEW_REFUSED, Role, Standing, clock_skew, trusted_until
from sqlorch.state.owner import can_be_seen, is_alive

if TYPE_CHECKING:
    from types import TracebackType

    from sqlorch.domain.history import Owner
    from sqlorch.engine.schedule_ports import LeaseStore

_AGAIN = 1.0  # seconds after a renewal that did not succeed
_LOOK = 1.0  # seconds between two looks at the clock: it may leap, as when a machine is stopped for a while
_SOON = 0.05
_PAUSE = 0.2  # seconds between two tries on entry


class LeaseKeeper:
    """A context manager: inside it, the process has a lease for as long as the database can be asked.

    Args:
        leases: the store.
        owner: the process.
        role: what it does.
        lost: told once each time the lease cannot be relied on any more, from a thread.
        comes_back: whether to take a new lease when one is over; else the process is expected to leave.
        changed: told when there is other news, from a thread.
        now: the wall clock that is compared with the database's.
        monotonic: the clock the trust is measured by.
        patience: seconds for which to wait on entry for a server that is being started anew.

    Attributes:
        standing: what the last renewal told.
        skew: how far the wall clock is ahead of the database's; None until it could be told.
        trouble: why the last renewal did not succeed, ``""`` when it did.
    """

    def __init__(
        self,
        leases: LeaseStore,
        owner: Owner,
        role: Role,
        *,
        lost: Callable[[str], object],
        comes_back: bool = False,
        changed: Callable[[], object] = bool,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        patience: float = 30.0,
    ) -> None:
        self._leases, self._owner, self._role = leases, owner, role
        self._lost, self._comes_back, self._changed = lost, comes_back, changed
        self._now, self._monotonic, self._patience = now, monotonic, patience
        self._until = 0.0
        self._held = False
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._threads: list[threading.Thread] = []
        self.standing: Standing | None = None
        self.skew: timedelta | None = None
        self.trouble = ""

    @property
    def trusted(self) -> bool:
        """Whether the process may act on what it has: nobody else takes it up before the lease is over."""
        return self._held and self._monotonic() < self._until

    @property
    def leads(self) -> bool:
        """Whether this process does what is to be done once."""
        return self.trusted and self.standing is not None and self.standing.leader == self._owner

    def __enter__(self) -> Self:
        """Take the lease.

        Raises:
            StateError: the database cannot be used.
        """
        deadline = time.monotonic() + self._patience
        self.turn()
        while self.trouble:
            if time.monotonic() >= deadline:
                raise StateError(self.trouble)
            self._end.wait(_PAUSE)
            self.turn()
        for target in (self._renew_for_ever, self._watch_for_ever):
            self._threads.append(threading.Thread(target=target, name="lease", daemon=True))
            self._threads[-1].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the lease back, so that others need not wait for its end."""
        self._end.set()
        self._threads[0].join(_AGAIN)
        self._held = False
        try:
            self._leases.release(self._owner)
        except (StateError, SQLAlchemyError) as failure:  # it ends by itself
            self.trouble = str(failure)

    def turn(self) -> None:
        """Renew once, or take the lease when there is none and it may be taken."""
        started, before = self._monotonic(), self._now()
        try:
            standing = self._ask()
        except (StateError, SQLAlchemyError) as error:
            self.trouble = str(error)
            return
        self.trouble = ""
        if standing is None:
            self._give_up("its lease was over before it was renewed")
            return
        skew = clock_skew(before, self._now(), standing.now)
        self.skew = self.skew if skew is None else skew
        with self._lock:
            news = not self._held or self._seen(standing) != self._seen(self.standing)
            self._until, self._held, self.standing = trusted_until(started), True, standing
        if news:
            self._changed()

    def look(self) -> None:
        """Tell when the trust has ended."""
        if self._held and self._monotonic() >= self._until:
            why = f": {self.trouble}" if self.trouble else ""
            self._give_up(f"its lease could not be renewed in time{why}")

    def _ask(self) -> Standing | None:
        standing = self._renewed()
        gone = [one.owner for one in standing.holders if _is_gone(one.owner)] if standing else []
        for owner in gone:
            self._leases.release(owner)
        return self._leases.standing() if gone else standing

    def _renewed(self) -> Standing | None:
        if self._held:
            return self._leases.renew(self._owner, may_lead=self._may_lead)
        if self.standing is not None and not self._comes_back:
            return None
        return self._leases.take(self._owner, self._role)

    @property
    def _may_lead(self) -> bool:
        """A daemon whose clock is known to be right, or nearly."""
        return self._role is Role.DAEMON and self.skew is not None and abs(self.skew) <= SKEW_REFUSED

    @staticmethod
    def _seen(standing: Standing | None) -> object:
        return None if standing is None else (standing.leader, standing.daemons)

    def _give_up(self, why: str) -> None:
        with self._lock:
            held, self._held = self._held, False
        if held:
            self._lost(why)

    def _renew_for_ever(self) -> None:
        # a daemon is ready to lead once the clocks were compared
        wait = 0.0 if self._role is Role.DAEMON else RENEWAL
        while not self._end.wait(wait):
            self.turn()
            if not self._held and not self._comes_back:
                return
            wait = RENEWAL if self._held and not self.trouble else _AGAIN

    def _watch_for_ever(self) -> None:
        while not self._end.wait(min(_LOOK, max(_SOON, self._until - self._monotonic()))):
            self.look()


def _is_gone(owner: Owner) -> bool:
    """Whether a process of this machine is seen to be gone; its lease need not be waited for."""
    return can_be_seen(owner) and not is_alive(owner)
