"""One worker process at a time: started on demand, watched, recycled, killed when stuck.

It decides nothing about runs. What happened is handed to the daemon as events; after a :class:`Lost` the
worker is certainly dead, so that its run may be taken up by another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sqlorch.domain.errors import ExecutionError
from sqlorch.domain.history import Owner
from sqlorch.engine.ports import Clock
from sqlorch.executors.child import Child
from sqlorch.executors.messages import (
    Beat,
    Broken,
    Declined,
    Drive,
    FromWorker,
    Hello,
    Ready,
    Rested,
    RunEnded,
    Suspend,
)


class Phase(StrEnum):
    """What the worker is doing."""

    ABSENT = "absent"
    STARTING = "starting"
    IDLE = "idle"  # it holds nothing
    BUSY = "busy"
    WARM = "warm"  # between two runs: it can be given the next, and still holds the warehouse
    LEAVING = "leaving"


_GROWN = 1.25  # a project that needs so much memory from the start is not opened anew after every run


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a worker is replaced. Times in seconds, memory in bytes.

    Attributes:
        nodes: after so many, between two runs: dbt's caches only ever grow.
        memory: when it holds so much, between two runs, and more than it held when it was ready.
        idle: without a run for so long it is stopped; the next due run starts another in time.
        silence: without a heartbeat for so long it is taken for stuck and killed.
        leave: how long it may take to leave when told to.
        backoff, longest_backoff: before another start when one could not open the project or died early.
    """

    nodes: int = 500
    memory: int = 2048 * 1024 * 1024
    idle: float = 600.0
    silence: float = 60.0
    leave: float = 15.0
    backoff: float = 2.0
    longest_backoff: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The worker is gone, unasked, or was killed because it was stuck.

    Attributes:
        owner: who it was, None when it never said hello.
        run_id: what it was driving, ``""`` for nothing.
        reason: one line for people.
        tail: the last it printed.
    """

    owner: Owner | None
    run_id: str
    reason: str
    tail: str


Event = FromWorker | Lost
_DEFAULTS = Limits()


class Supervisor:
    """See the module. Not thread-safe: it belongs to the daemon's loop.

    Args:
        spawn: starts a worker process.
        clock: where monotonic seconds come from.
        limits: when it is replaced.
    """

    def __init__(self, *, spawn: Callable[[], Child], clock: Clock, limits: Limits = _DEFAULTS) -> None:
        self._spawn = spawn
        self._clock = clock
        self._limits = limits
        self._child: Child | None = None
        self._owner: Owner | None = None
        self.phase = Phase.ABSENT
        self.run_id = ""
        self.trouble = ""
        self.keep = False  # however long it idles: the project it has open cannot be opened any more
        self.resident = 0
        self._nodes = 0
        self._baseline = 0
        self._heard = 0.0
        self._idle_since = 0.0
        self._leave_by = 0.0
        self._failures = 0
        self._not_before = 0.0
        self._killed_for = ""

    @property
    def worn(self) -> bool:
        """Whether it has done or holds so much that another should take its place between two runs."""
        limits = self._limits
        grown = bool(self._baseline) and self.resident >= max(limits.memory, self._baseline * _GROWN)
        return self._child is not None and (grown or self._nodes >= limits.nodes)

    @property
    def child(self) -> Child | None:
        """The process to wait on, None when there is none."""
        return self._child

    @property
    def pid(self) -> int | None:
        """The worker's process id."""
        return None if self._child is None else self._child.pid

    def warm(self) -> bool:
        """Have a worker: start one unless there is one, or the last start failed a moment ago."""
        if self._child is None and self._clock.monotonic() >= self._not_before:
            self._child = self._spawn()
            self.phase, self._heard = Phase.STARTING, self._clock.monotonic()
            self._killed_for = ""
        return self._child is not None

    def drive(self, order: Drive) -> bool:
        """Give an idle worker a run; False when it is not idle or cannot hear."""
        ready = self.phase in {Phase.IDLE, Phase.WARM}
        if not ready or self._child is None or not self._child.send(order):
            return False
        self.phase, self.run_id = Phase.BUSY, order.run_id
        self._heard = self._clock.monotonic()
        return True

    def forgive(self) -> None:
        """The project has changed: forget what was wrong with it, so that a start is tried at once."""
        self.trouble, self._failures, self._not_before = "", 0, 0.0

    def suspend(self, grace: float) -> None:
        """Let a running run come to rest within ``grace`` seconds, then let the worker leave."""
        if self._child is None:
            return
        self._child.send(Suspend(grace=grace))
        self.phase = Phase.LEAVING
        self._leave_by = self._clock.monotonic() + grace + self._limits.leave

    def stop(self) -> None:
        """End the worker: what it is doing is cut, and it leaves."""
        if self._child is not None:
            self._child.hang_up()
            self.phase = Phase.LEAVING
            self._leave_by = self._clock.monotonic() + self._limits.leave

    def kill(self, reason: str) -> None:
        """End the worker at once; the next :meth:`poll` tells."""
        if self._child is not None:
            self._killed_for = self._killed_for or reason
            self._child.kill()

    def poll(self) -> list[Event]:
        """What has happened since the last time."""
        if self._child is None:
            return []
        events: list[Event] = []
        gone = self._child.exit_code() is not None  # asked first, so that its last words are not missed
        try:
            for message in self._child.receive():
                if not isinstance(message, Drive | Suspend):
                    events += self._heed(message)
        except ExecutionError as error:
            self.kill(str(error))
            gone = True
        self._enforce()
        if gone:
            events += self._bury()
        return events

    def wake_at(self) -> float | None:
        """The monotonic instant at which :meth:`poll` must be called at the latest; None for never."""
        if self._child is None:
            return None
        if self.phase is Phase.LEAVING:
            return self._leave_by
        silence = self._heard + self._limits.silence
        idle = self.phase is Phase.IDLE and not self.keep
        return min(silence, self._idle_since + self._limits.idle) if idle else silence

    def _heed(self, message: FromWorker) -> list[Event]:
        self._heard = self._clock.monotonic()
        if isinstance(message, Hello):
            self._owner = Owner(
                host=message.host, boot_id=message.boot_id, pid=message.pid, started=message.started
            )
        elif isinstance(message, Beat):
            self.resident, self._nodes = message.resident, message.nodes
            self._baseline = self._baseline or message.resident
        elif isinstance(message, Ready):
            self.trouble, self._failures = "", 0
            self._turn(Phase.STARTING, Phase.IDLE)
        elif isinstance(message, Broken):
            self.trouble = message.error
        elif isinstance(message, RunEnded | Declined):
            self.run_id = ""
            self._turn(Phase.BUSY, Phase.WARM)
        elif isinstance(message, Rested):
            self._turn(Phase.WARM, Phase.IDLE)
        return [message]

    def _turn(self, before: Phase, after: Phase) -> None:
        if self.phase is before:
            self.phase, self._idle_since = after, self._clock.monotonic()

    def _enforce(self) -> None:
        now = self._clock.monotonic()
        if self.phase is Phase.LEAVING:
            if now >= self._leave_by:
                self.kill("it did not leave when told to")
        elif now >= self._heard + self._limits.silence:
            self.kill(f"it gave no sign of life for {self._limits.silence:g} s")
        elif self.phase is Phase.IDLE and now >= self._idle_since + self._limits.idle and not self.keep:
            self.stop()

    def _bury(self) -> list[Event]:
        """Forget a process that has ended; tell when nobody had asked it to."""
        assert self._child is not None  # noqa: S101 - the callers have looked
        code, tail = self._child.exit_code(), self._child.dispose()
        lost = Lost(
            owner=self._owner,
            run_id=self.run_id,
            reason=self._killed_for or _ending(code),
            tail=tail,
        )
        asked = self.phase is Phase.LEAVING and not self._killed_for and not self.run_id
        if self.phase is Phase.STARTING:
            self._failures += 1
            pause = min(self._limits.longest_backoff, self._limits.backoff * 2 ** (self._failures - 1))
            self._not_before = self._clock.monotonic() + pause
        broken = bool(self.trouble) and self.phase is Phase.STARTING
        self._child, self._owner, self.phase, self.run_id = None, None, Phase.ABSENT, ""
        self._nodes = self._baseline = self.resident = 0
        return [] if asked or broken else [lost]

    @property
    def retry_at(self) -> float | None:
        """When another start may be tried after one that failed; None when nothing keeps it."""
        return self._not_before if self._child is None and self._not_before else None


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"it was ended by signal {-code}"
    return f"it ended with code {code}"
