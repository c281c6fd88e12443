"""The daemon's workers and, while the project is opened anew, their successor.

A worker drives one run at a time. Where the warehouse is a server, several drive side by side; each is
started when there is a run for it. dbt keeps its project process-wide, so a changed project is opened by
another process: when that is ready it takes over, those that still drive a run end it as they began it, and
when the project cannot be opened the others go on with what they have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlorch.engine.ports import Clock
from sqlorch.executors.child import Child
from sqlorch.executors.messages import Broken, Drive, Ready
from sqlorch.executors.supervisor import Event, Limits, Lost, Phase, Supervisor

_FREE = frozenset({Phase.IDLE, Phase.WARM})
_HOLDING = frozenset({Phase.BUSY, Phase.WARM})
_COMING = _FREE | {Phase.STARTING}
_BY_WORK = (Phase.BUSY, Phase.WARM, Phase.IDLE, Phase.STARTING, Phase.LEAVING, Phase.ABSENT)


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
        limits: when a worker is replaced; may be changed, and counts for those started after.
        runs: how many runs may be driven at once; may be changed.
    """

    def __init__(
        self, *, spawn: Callable[[], Child], clock: Clock, limits: Limits = _DEFAULTS, runs: int = 1
    ) -> None:
        self._spawn = spawn
        self._clock = clock
        self.limits = limits
        self.runs = runs
        self._crew = [self._make()]
        self._finishing: list[Supervisor] = []  # the last run of each is one of the project as it was
        self._successor: Supervisor | None = None
        self._announced = False
        self._retiring: list[Supervisor] = []

    @property
    def current(self) -> Supervisor:
        """The first of those that take runs."""
        return self._crew[0]

    @property
    def driving(self) -> frozenset[str]:
        """The runs that have been given away and have not ended."""
        return frozenset(supervisor.run_id for supervisor in self._all() if supervisor.run_id)

    @property
    def phase(self) -> Phase:
        """What the one is doing that does most."""
        return min((supervisor.phase for supervisor in self._crew), key=_BY_WORK.index)

    @property
    def trouble(self) -> str:
        """Why no worker could be started, ``""`` when one could."""
        return next((s.trouble for s in self._crew if s.trouble), "")

    @property
    def retry_at(self) -> float | None:
        """The monotonic instant at which another start may be tried after one that failed."""
        return min((at for s in self._crew if (at := s.retry_at) is not None), default=None)

    @property
    def reloading(self) -> bool:
        """Whether a changed project is being opened, or waits to be used."""
        return self._successor is not None and self._announced

    @property
    def free(self) -> bool:
        """Whether a run can be given away now."""
        waiting = self._successor is not None and self._successor.phase is Phase.IDLE
        return not waiting and self._room and any(s.phase in _FREE for s in self._crew)

    @property
    def occupied(self) -> bool:
        """Whether as many runs are driven as may be."""
        return not self._room

    @property
    def holding(self) -> bool:
        """Whether a worker has the warehouse, or may have."""
        return any(s.phase in {*_HOLDING, Phase.LEAVING} for s in self._all())

    @property
    def empty(self) -> bool:
        """Whether no worker process is left."""
        return all(supervisor.child is None for supervisor in self._all())

    @property
    def _room(self) -> bool:
        busy = sum(s.phase is Phase.BUSY for s in (*self._crew, *self._finishing))
        return busy < self.runs

    def children(self) -> list[Child]:
        """What to wait on."""
        return [supervisor.child for supervisor in self._all() if supervisor.child is not None]

    def warm(self) -> bool:
        """Have a worker that takes the next run, started if need be; False when none can be started now."""
        if any(s.phase in _COMING for s in self._crew):
            return True
        absent = next((s for s in self._crew if s.child is None), None)
        if absent is None and len(self._crew) + len(self._finishing) < self.runs:
            absent = self._make()
            self._crew.append(absent)
        return True if absent is None else absent.warm()

    def drive(self, order: Drive) -> bool:
        """Give a run away; False when there is nobody to take it."""
        return self.free and any(s.drive(order) for s in self._crew if s.phase in _FREE)

    def reload(self) -> None:
        """The project has changed: open it in a successor. Tells with Reloaded or ReloadFailed."""
        self._replace(announced=True)
        for supervisor in self._crew:
            supervisor.forgive()

    def suspend(self, grace: float) -> None:
        """Let running runs come to rest and the workers leave."""
        self._dismiss_successor()
        for supervisor in (*self._crew, *self._finishing):
            supervisor.suspend(grace)

    def stop(self) -> None:
        """Let all workers leave now."""
        self._dismiss_successor()
        for supervisor in (*self._crew, *self._finishing):
            supervisor.stop()

    def kill(self, reason: str) -> None:
        """End all workers at once."""
        for supervisor in self._all():
            supervisor.kill(reason)

    def kill_driver(self, run_id: str, reason: str) -> None:
        """End the worker that drives a run."""
        for supervisor in self._all():
            if supervisor.run_id == run_id:
                supervisor.kill(reason)

    def poll(self) -> list[Happening]:
        """What has happened since the last time."""
        happened: list[Happening] = [
            event for supervisor in (*self._crew, *self._finishing) for event in supervisor.poll()
        ]
        self._see_off()
        happened += self._poll_successor()
        self._replace_worn()
        return happened

    def wake_at(self) -> float | None:
        """The monotonic instant at which :meth:`poll` must be called at the latest."""
        return min((at for s in self._all() if (at := s.wake_at()) is not None), default=None)

    def _make(self) -> Supervisor:
        return Supervisor(spawn=self._spawn, clock=self._clock, limits=self.limits)

    def _all(self) -> Iterator[Supervisor]:
        yield from self._crew
        yield from self._finishing
        if self._successor is not None:
            yield self._successor
        yield from self._retiring

    def _see_off(self) -> None:
        """Let those go that have finished, and forget those that are gone."""
        for done in [s for s in self._finishing if s.phase not in _HOLDING]:
            self._finishing.remove(done)
            self._retire(done)
        for old in self._retiring:
            old.poll()
        self._retiring = [old for old in self._retiring if old.child is not None]
        here = [s for s in self._crew if s.child is not None or s.retry_at is not None]
        self._crew = here or self._crew[:1]

    def _retire(self, supervisor: Supervisor) -> None:
        if supervisor.child is not None:
            supervisor.stop()
            self._retiring.append(supervisor)

    def _replace_worn(self) -> None:
        """One that has others beside it leaves; the only one goes on until its successor is there."""
        for worn in [s for s in self._crew if s.phase is Phase.IDLE and s.worn]:
            if len(self._crew) > 1:
                self._crew.remove(worn)
                self._retire(worn)
            elif self._successor is None:
                self._replace(announced=False)

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
        announced = self._announced
        for supervisor in self._crew:
            supervisor.keep = True
        if self._successor is not None:
            self._retiring.append(self._successor)
            self._successor = None
        return [ReloadFailed(error=error)] if announced else []

    def _hand_over(self) -> None:
        """As soon as one more may drive beside those that do; they finish what they have begun."""
        holding = [s for s in (*self._crew, *self._finishing) if s.phase in _HOLDING]
        if self._successor is None or len(holding) >= self.runs:
            return
        for supervisor in self._crew:
            if supervisor.phase in _HOLDING:
                self._finishing.append(supervisor)
            else:
                self._retire(supervisor)
        self._crew, self._successor = [self._successor], None
        self.current.keep = False
