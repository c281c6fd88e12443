"""Named limits on how many nodes may be executed at once, over all runs of this process.

Other processes are counted by the store, when a node is started.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from queue import SimpleQueue
from threading import RLock


class Pools:
    """How many attempts are live in each pool.

    Args:
        limits: how many there may be, by pool; a pool that is not named here has no limit.
    """

    def __init__(self, limits: Mapping[str, int]) -> None:
        self.limits: Mapping[str, int] = dict(limits)
        self._live: Counter[str] = Counter()
        self._waiters: list[SimpleQueue[object]] = []
        self.lock = RLock()
        """Held by whoever looks for room and then takes it."""

    @property
    def full(self) -> frozenset[str]:
        """Pools without room."""
        with self.lock:
            return frozenset(pool for pool, limit in self.limits.items() if self._live[pool] >= limit)

    def enter(self, pool: str | None) -> None:
        """One more attempt is live; whether there is room was looked at before."""
        if pool is not None:
            with self.lock:
                self._live[pool] += 1

    def leave(self, pool: str | None) -> None:
        """An attempt has ended; whoever waits for room is told by None in its queue."""
        if pool is None:
            return
        with self.lock:
            was_full = pool in self.full
            self._live[pool] -= 1
            waiters = tuple(self._waiters) if was_full else ()
        for waiter in waiters:
            waiter.put(None)

    def use(self, pool: str) -> str:
        """``4 of 4 in use``, for people."""
        with self.lock:
            return f"{self._live[pool]} of {self.limits.get(pool, 0)} in use"

    def subscribe(self, waiter: SimpleQueue[object]) -> None:
        """Have None put into ``waiter`` when a full pool has room again."""
        with self.lock:
            self._waiters.append(waiter)

    def unsubscribe(self, waiter: SimpleQueue[object]) -> None:
        """No longer."""
        with self.lock:
            self._waiters.remove(waiter)
