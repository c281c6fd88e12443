"""A request to stop that may come from a signal handler."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue


class Stop:
    """Asked between events by everything that takes long.

    ``SimpleQueue.put`` is reentrant, so :meth:`request` may run inside a signal handler.
    """

    def __init__(self) -> None:
        self.requested = False
        self.suspended_from: float | None = None
        self._waiters: list[SimpleQueue[object]] = []

    @property
    def waited_for(self) -> bool:
        """Whether something is under way that will notice a request."""
        return bool(self._waiters)

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Whoever is within looks for a request himself, also while nothing waits for one just then."""
        unread: SimpleQueue[object] = SimpleQueue()
        self.subscribe(unread)
        try:
            yield
        finally:
            self.unsubscribe(unread)

    def request(self) -> None:
        """Ask for it, any number of times."""
        self.requested = True
        self._wake()

    def suspend(self, deadline: float) -> None:
        """Ask for the run to come to rest where it is, so that another process can go on with it later.

        Nothing more is started; what is still being executed at ``deadline`` is cut. The earliest of several
        counts.

        Args:
            deadline: monotonic seconds.
        """
        before = self.suspended_from
        self.suspended_from = deadline if before is None else min(before, deadline)
        self._wake()

    def _wake(self) -> None:
        for waiter in tuple(self._waiters):
            waiter.put(None)

    def subscribe(self, waiter: SimpleQueue[object]) -> None:
        """Have None put into ``waiter`` when a stop is requested."""
        self._waiters.append(waiter)

    def unsubscribe(self, waiter: SimpleQueue[object]) -> None:
        """No longer."""
        self._waiters.remove(waiter)
