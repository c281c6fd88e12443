"""From runs that may start to those that are driven: a worker, the run lock, and whose turn it is."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlorch.executors.messages import Drive

if TYPE_CHECKING:
    from sqlorch.domain.scheduling import OpenRun
    from sqlorch.engine.queue_view import Candidate
    from sqlorch.executors.messages import Declined
    from sqlorch.executors.workers import Workers
    from sqlorch.state.turn import RunTurn

_AGAIN = 0.5  # seconds between two looks at a lock that somebody else has
_HEED = 60.0  # seconds a worker has to stop what it was asked to cancel, before it is killed
_DECLINED = (2.0, 30.0)  # seconds before the next try after a worker could not begin: the first, the longest
_ALL = ""  # what was in the way of one run is in the way of every run


@dataclass(slots=True, kw_only=True)
class _Pause:
    """A run, or every run, is not tried before a monotonic instant."""

    reason: str
    until: float
    times: int


class Dispatcher:
    """Gives runs away.

    Args:
        workers: those who drive them.
        turn: the project's run lock.
    """

    def __init__(self, workers: Workers, turn: RunTurn) -> None:
        self._workers = workers
        self._turn = turn
        self._pauses: dict[str, _Pause] = {}
        self._given: dict[str, str] = {}
        self._asked: dict[str, float] = {}

    def dispatch(self, ready: Sequence[Candidate]) -> Mapping[str, str]:
        """Give away as many as can be, the first first.

        Returns:
            What each of the others waits for, by run id.
        """
        driving = self._workers.driving
        self._given = {run_id: group for run_id, group in self._given.items() if run_id in driving}
        waiting: dict[str, str] = {}
        self._turn.keep()
        for candidate in ready:
            if candidate.run.run_id not in driving:
                reason = self._give(candidate)
                waiting |= {candidate.run.run_id: reason} if reason else {}
        self._pauses = {name: p for name, p in self._pauses.items() if name == _ALL or name in waiting}
        self._let_go()
        return waiting

    def _give(self, candidate: Candidate) -> str:
        """Give one away; returns what it waits for instead."""
        run = candidate.run
        reason = self._pause(run.run_id) or self._queues_behind(run) or self._obstacle()
        if reason:
            return reason
        if not self._workers.drive(Drive(run_id=run.run_id, max_active=candidate.max_active)):
            return "waiting for a worker"
        self._given[run.run_id] = run.group
        return ""

    def declined(self, event: Declined) -> None:
        """A worker could not begin a run: try again in a while, later each time.

        Where another process was quicker there is nothing to try again; should there be, soon.
        """
        first, longest = (_AGAIN, _AGAIN) if event.taken else _DECLINED
        name = _ALL if event.for_all else event.run_id
        times = self._pauses[name].times if name in self._pauses else 0
        until = time.monotonic() + min(longest, first * 2**times)
        self._pauses[name] = _Pause(reason=event.reason, until=until, times=times + 1)
        self._given.pop(event.run_id, None)

    def begun(self, run_id: str) -> None:
        """A run was begun, so whatever was in the way of all is gone."""
        self._given.pop(run_id, None)
        for name in (run_id, _ALL):
            self._pauses.pop(name, None)

    def insist(self, runs: Iterable[OpenRun]) -> None:
        """Kill a worker when its run was to be cancelled long ago: a query does not heed its interruption.

        Args:
            runs: every run that has not ended.
        """
        now, driving = time.monotonic(), self._workers.driving
        asked = {run.run_id for run in runs if run.cancel_requested and run.run_id in driving}
        self._asked = {run_id: self._asked.get(run_id, now) for run_id in asked}
        for run_id, since in self._asked.items():
            if now > since + _HEED:
                self._workers.kill_driver(run_id, f"it did not cancel {run_id} within {_HEED:g} s")

    def look_again_at(self) -> float:
        """The monotonic instant at which an obstacle may be gone without anybody telling."""
        start, pause = self._workers.retry_at, self._pauses.get(_ALL)
        return max(time.monotonic() + _AGAIN, start or 0.0, pause.until if pause else 0.0)

    def _pause(self, run_id: str) -> str:
        now = time.monotonic()
        pauses = (self._pauses.get(name) for name in (run_id, _ALL))
        return next((pause.reason for pause in pauses if pause is not None and now < pause.until), "")

    def _queues_behind(self, run: OpenRun) -> str:
        """Another run of the group was given away and not yet begun: whether there is room is not known."""
        first = next((run_id for run_id, group in self._given.items() if group == run.group), None)
        return f"waiting for {first}, which begins" if first else ""

    def _obstacle(self) -> str:
        """Why nothing can be given away now, ``""`` when it can."""
        workers = self._workers
        if workers.occupied:
            return _occupied(workers)
        if self._turn.wanted():
            return "another command drives its runs first"
        if not workers.warm():
            trouble = workers.trouble
            return f"the project cannot be opened: {trouble}" if trouble else "waiting for a new worker"
        if not workers.free:
            return "the worker is starting"
        return self._turn.take()

    def _let_go(self) -> None:
        """Let others drive while no worker has the warehouse."""
        if self._turn.held and not self._workers.holding:
            self._turn.release()


def _occupied(workers: Workers) -> str:
    if workers.runs == 1:
        return "waiting for the worker, which drives another run"
    return f"waiting for a worker: {workers.runs} drive other runs (daemon.runs)"
