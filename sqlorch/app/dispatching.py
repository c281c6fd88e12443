"""From runs that may start to one that is driven: a worker, the project's run lock, and whose turn it is."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sqlorch.executors.messages import Drive

if TYPE_CHECKING:
    from sqlorch.domain.scheduling import OpenRun
    from sqlorch.engine.queue_view import Candidate
    from sqlorch.executors.workers import Workers
    from sqlorch.state.turn import RunTurn

_AGAIN = 0.5  # seconds between two looks at a lock that somebody else has
_HEED = 60.0  # seconds a worker has to stop what it was asked to cancel, before it is killed
_DECLINED = (2.0, 30.0)  # seconds before the next try after a worker could not begin: the first, the longest


class Dispatcher:
    """Gives runs away, one at a time.

    Args:
        workers: those who drive them.
        turn: the project's run lock.
    """

    def __init__(self, workers: Workers, turn: RunTurn) -> None:
        self._workers = workers
        self._turn = turn
        self._not_before = 0.0
        self._declined = 0
        self._reason = ""
        self._asked: tuple[str, float] | None = None

    def dispatch(self, ready: Sequence[Candidate]) -> str:
        """Give the first of them away if that is possible now.

        Returns:
            What the first one waits for, ``""`` when it was given away or there is none.
        """
        if ready and (reason := self._obstacle()) is None:
            first = ready[0]
            if self._workers.drive(Drive(run_id=first.run.run_id, max_active=first.max_active)):
                return ""
            reason = "waiting for the worker"
        elif not ready:
            reason = ""
        self._let_go()
        return reason or ""

    def declined(self, reason: str) -> None:
        """A worker could not begin a run: try again in a while, later each time."""
        first, longest = _DECLINED
        self._not_before = time.monotonic() + min(longest, first * 2**self._declined)
        self._declined += 1
        self._reason = reason

    def outrun(self) -> None:
        """Another process was quicker with a run: look what else there is, in a moment."""
        self._not_before = time.monotonic() + _AGAIN
        self._reason = "another process was quicker"

    def begun(self) -> None:
        """A run was begun, so whatever was in the way is gone."""
        self._declined, self._not_before = 0, 0.0

    def insist(self, runs: Iterable[OpenRun]) -> None:
        """Kill the worker when its run was to be cancelled long ago: a query does not heed its interruption.

        Args:
            runs: every run that has not ended.
        """
        mine = self._workers.current.run_id
        if not any(run.run_id == mine and run.cancel_requested for run in runs):
            self._asked = None
        elif self._asked is None or self._asked[0] != mine:
            self._asked = (mine, time.monotonic())
        elif time.monotonic() > self._asked[1] + _HEED:
            self._workers.current.kill(f"it did not cancel {mine} within {_HEED:g} s")

    def look_again_at(self) -> float:
        """The monotonic instant at which an obstacle may be gone without anybody telling."""
        start = self._workers.current.retry_at
        return max(time.monotonic() + _AGAIN, self._not_before, start or 0.0)

    def _obstacle(self) -> str | None:
        """Why nothing can be given away now; None when it can."""
        if self._workers.holding and not self._workers.free:
            return "waiting for the worker, which drives another run"
        if self._turn.wanted():
            return "another command drives its runs first"
        if time.monotonic() < self._not_before:
            return self._reason
        if not self._workers.warm():
            trouble = self._workers.current.trouble
            return f"the project cannot be opened: {trouble}" if trouble else "waiting for a new worker"
        if not self._workers.free:
            return "the worker is starting"
        return self._turn.take() or None

    def _let_go(self) -> None:
        """Let others drive while no worker has the warehouse."""
        if self._turn.held and not self._workers.holding:
            self._turn.release()
