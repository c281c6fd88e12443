"""The daemon's worker and, while the project is opened anew, its successor.

dbt keeps its project process-wide, so a changed project is opened by a second process: when that is ready it
takes over between two runs, and when the project cannot be opened the first goes on with what it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from sqlorch.engine.ports import Clock
from sqlorch.executors.child import Child
from sqlorch.executors.messages import Broken, Drive, Ready
from sqlorch.executors.supervisor import Event, Limits, Lost, Phase, Supervisor


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """The changed project is open; it is used from the next run on."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadFailed:
    """The changed project cannot be opened; runs go on with the one before where that is open."""

    error: str


Happening = Event | Reloaded | ReloadFailed
_DEFAULTS = Limits()


class Workers:
    """See the module. It belongs to the daemon's loop.

    Args:
        spawn: starts a worker process.
        clock: where monotonic seconds come from.
        limits: when a worker is replaced.
    """

    def __init__(self, *, spawn: Callable[[], Child], clock: Clock, limits: Limits = _DEFAULTS) -> None:
        self._make = partial(Supervisor, spawn=spawn, clock=clock, limits=limits)
        self.current = self._make()
        self._successor: Supervisor | None = None
        self._announced = False
        self._retiring: list[Supervisor] = []

    @property
    def reloading(self) -> bool:
        """Whether a changed project is being opened, or waits to be used."""
        return self._successor is not None and self._announced

    @property
    def free(self) -> bool:
        """Whether a run can be given away now."""
        waiting = self._successor is not None and self._successor.phase is Phase.IDLE
        return not waiting and self.current.phase in {Phase.IDLE, Phase.WARM}

    @property
    def holding(self) -> bool:
        """Whether a worker has the warehouse, or may have."""
        return any(s.phase in {Phase.BUSY, Phase.WARM, Phase.LEAVING} for s in self._all())

    @property
    def empty(self) -> bool:
        """Whether no worker process is left."""
        return all(supervisor.child is None for supervisor in self._all())

    def children(self) -> list[Child]:
        """What to wait on."""
        return [supervisor.child for supervisor in self._all() if supervisor.child is not None]

    def warm(self) -> bool:
        """Have a worker."""
        return self.current.warm()

    def drive(self, order: Drive) -> bool:
        """Give a run away; False when there is nobody to take it."""
        return self.free and self.current.drive(order)

    def reload(self) -> None:
        """The project has changed: open it in a successor. Tells with Reloaded or ReloadFailed."""
        self._replace(announced=True)
        self.current.forgive()

    def suspend(self, grace: float) -> None:
        """Let a running run come to rest and the workers leave."""
        self._dismiss_successor()
        self.current.suspend(grace)

    def stop(self) -> None:
        """Let all workers leave now."""
        self._dismiss_successor()
        self.current.stop()

    def kill(self, reason: str) -> None:
        """End all workers at once."""
        for supervisor in self._all():
            supervisor.kill(reason)

    def poll(self) -> list[Happening]:
        """What has happened since the last time."""
        happened: list[Happening] = list(self.current.poll())
        for old in self._retiring:
            old.poll()
        self._retiring = [old for old in self._retiring if old.child is not None]
        happened += self._poll_successor()
        if self._successor is None and self.current.phase is Phase.IDLE and self.current.worn:
            self._replace(announced=False)
        return happened

    def wake_at(self) -> float | None:
        """The monotonic instant at which :meth:`poll` must be called at the latest."""
        return min((at for s in self._all() if (at := s.wake_at()) is not None), default=None)

    def _all(self) -> Iterator[Supervisor]:
        yield self.current
        if self._successor is not None:
            yield self._successor
        yield from self._retiring

    def _replace(self, *, announced: bool) -> None:
        self._dismiss_successor()
        self._successor, self._announced = self._make(), announced
        self._successor.keep = True  # it may have to wait for a long run
        self._successor.warm()

    def _dismiss_successor(self) -> None:
        if self._successor is not None:
            self._successor.stop()
            self._retiring.append(self._successor)
            self._successor = None

    def _poll_successor(self) -> list[Happening]:
        if self._successor is None:
            return []
        told: list[Happening] = []
        for event in self._successor.poll():
            if isinstance(event, Ready) and self._announced:
                told.append(Reloaded(seconds=event.seconds))
            elif isinstance(event, Broken | Lost):
                told += self._give_up(event.error if isinstance(event, Broken) else event.reason)
        if self._successor is not None and self._successor.phase is Phase.IDLE:
            self._hand_over()
        return told

    def _give_up(self, error: str) -> list[Happening]:
        announced, self.current.keep = self._announced, True
        if self._successor is not None:
            self._retiring.append(self._successor)
            self._successor = None
        return [ReloadFailed(error=error)] if announced else []

    def _hand_over(self) -> None:
        """Between two runs: one that is under way is finished as it was begun."""
        if self._successor is None or self.current.phase in {Phase.BUSY, Phase.WARM}:
            return
        if self.current.child is not None:
            self.current.stop()
            self._retiring.append(self.current)
        self.current, self._successor = self._successor, None
        self.current.keep = False
