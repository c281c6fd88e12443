"""What blocks a run before its first node and after its last, mostly hooks, done so that a stop cuts it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from sqlorch.engine.crew import Crew
from sqlorch.engine.ports import WarehouseSession
from sqlorch.engine.run_loop import CANCEL_AGAIN
from sqlorch.engine.watch import Watch

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """Executes steps of a run in a thread, and interrupts them when the run is to end or to rest.

    Attributes:
        crew: the clock, and the stop.
        session: whose queries are interrupted.
        watch: whether the run is to go on.
    """

    crew: Crew
    session: WarehouseSession
    watch: Watch

    def work(self, step: Callable[[], _T], *, grace: float = 0.0) -> _T:
        """Execute a step; whatever it raises is raised here.

        Args:
            step: what an interruption makes fail.
            grace: seconds for which it is left alone whatever is wanted, for a last step.
        """
        begun = self.crew.clock.monotonic()
        inbox: SimpleQueue[object] = SimpleQueue()
        self.crew.stop.subscribe(inbox)
        try:
            with ThreadPoolExecutor(1, thread_name_prefix="attended") as pool:
                future: Future[Any] = pool.submit(copy_context().run, step)
                future.add_done_callback(inbox.put)
                self._wait(future, inbox, begun + grace)
            result: _T = future.result()
            return result
        finally:
            self.crew.stop.unsubscribe(inbox)

    @property
    def resting(self) -> bool:
        """Whether what is executed is to be cut, so that another process goes on with the run."""
        since = self.crew.stop.suspended_from
        return since is not None and self.crew.clock.monotonic() >= since

    @property
    def unwanted(self) -> bool:
        """Whether the run is not to go on, or not here."""
        return self.watch.ending() is not None or self.resting

    def pause(self, seconds: float) -> None:
        """Let time pass, while the run is to go on."""
        until = self.crew.clock.monotonic() + seconds
        inbox: SimpleQueue[object] = SimpleQueue()
        self.crew.stop.subscribe(inbox)
        try:
            while not self.unwanted and (left := until - self.crew.clock.monotonic()) > 0:
                patience = self._patience()
                with suppress(Empty):
                    inbox.get(timeout=left if patience is None else min(left, patience))
        finally:
            self.crew.stop.unsubscribe(inbox)

    def _wait(self, future: Future[Any], inbox: SimpleQueue[object], spared_until: float) -> None:
        while not future.done():
            with suppress(Empty):
                inbox.get(timeout=self._patience())
            if self.unwanted and not future.done() and self.crew.clock.monotonic() >= spared_until:
                self.session.interrupt()

    def _patience(self) -> float | None:
        if self.unwanted:
            return CANCEL_AGAIN
        moments = [at for at in (self.watch.due, self.crew.stop.suspended_from) if at is not None]
        return max(0.0, min(moments) - self.crew.clock.monotonic()) if moments else None
