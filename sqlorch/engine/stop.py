"""A request to stop that may come from a signal handler."""

from __future__ import annotations

from queue import SimpleQueue


class Stop:
    """Asked between events by everything that takes long.

    ``SimpleQueue.put`` is reentrant, so :meth:`request` may run inside a signal handler.
    """

    def __init__(self) -> None:
        self.requested = False
        self._waiters: list[SimpleQueue[object]] = []

    @property
    def waited_for(self) -> bool:
        """Whether something is under way that will notice a request."""
        return bool(self._waiters)

    def request(self) -> None:
        """Ask for it, any number of times."""
        self.requested = True
        for waiter in tuple(self._waiters):
            waiter.put(None)

    def subscribe(self, waiter: SimpleQueue[object]) -> None:
        """Have None put into ``waiter`` when a stop is requested."""
        self._waiters.append(waiter)

    def unsubscribe(self, waiter: SimpleQueue[object]) -> None:
        """No longer."""
        self._waiters.remove(waiter)
