"""The daemon's loop: signals, the project, workers, the scheduler's tick, and sleep until something is due.

It decides nothing itself. What is due is the scheduler's to say, runs are the worker's to drive, and all that
must not be lost is in the store, so that the loop may be killed between any two lines.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlorch import __version__
from sqlorch.app.daemon_waits import last_words
from sqlorch.domain.errors import SqlorchError, StateError
from sqlorch.executors.messages import Declined, RunBegan, RunEnded
from sqlorch.executors.supervisor import Lost
from sqlorch.executors.workers import Happening, Reloaded, ReloadFailed

if TYPE_CHECKING:
    from sqlorch.app.daemon_events import Reporter
    from sqlorch.app.daemon_signals import Signals
    from sqlorch.app.dispatching import Dispatcher
    from sqlorch.app.journal import Journal
    from sqlorch.app.membership import Member, Sole
    from sqlorch.app.outbox import Outbox
    from sqlorch.app.poker import ChildPoker
    from sqlorch.app.project_reader import Described, Habits, ProjectReader
    from sqlorch.app.pruning import Pruner
    from sqlorch.app.watching import Watch
    from sqlorch.domain.history import Owner
    from sqlorch.engine.ports import Clock
    from sqlorch.engine.queue_view import Candidate
    from sqlorch.engine.scheduler import Scheduler, TickReport
    from sqlorch.executors.workers import Workers
    from sqlorch.state.store import SqlStore

POLL = 1.0  # seconds between two looks for what another process changed in the state file
_BEAT = 15.0  # seconds between two signs of life in the state file
_TICK = 30.0  # seconds between two ticks when nothing happens
_PREWARM = 30.0  # seconds before something is due at which a worker is started
_DEGRADED = 5.0  # seconds between two tries when the state file cannot be used
_GIVE_UP = 600.0  # seconds of that after which somebody else has to see to it


class Code:
    """Exit codes of the daemon (docs/daemon.md)."""

    OK = 0
    FAILED = 1  # with --once: a run failed
    STATE = 4  # the state file could not be used for a long time


class Stage(StrEnum):
    """What the daemon is about."""

    RUNNING = "running"
    DRAINING = "draining"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the loop works with."""

    journal: Journal
    clock: Clock
    signals: Signals
    reader: ProjectReader
    watch: Watch
    workers: Workers
    poker: ChildPoker
    dispatcher: Dispatcher
    scheduler: Scheduler
    store: SqlStore
    reporter: Reporter
    outbox: Outbox
    member: Member | Sole
    pruner: Pruner
    owner: Owner
    state_dir: Path
    state_url: str | None


@dataclass(slots=True, kw_only=True)
class Daemon:
    """Runs until told to stop, or with ``once`` until nothing is due.

    Attributes:
        parts: what it works with.
        grace: seconds a node under way gets when the daemon is told to stop, as the settings say.
        said_grace: the same, where the command line says something else.
        once: end when nothing is due and nothing is under way.
    """

    parts: Parts
    grace: float
    once: bool
    said_grace: float | None = None
    stage: Stage = Stage.RUNNING
    failed: bool = False
    trouble: str = ""
    _ends: int = 0
    _pending: Described | None = None
    _tick: TickReport | None = None
    _tick_at: float = 0.0
    _seen: int = -1
    _beat_at: float = 0.0
    _turned_at: float = field(default_factory=time.monotonic)
    _degraded_since: float | None = None
    _waiting: str = ""
    _heard: list[Happening] = field(default_factory=list)

    def run(self) -> int:
        """Turn until it is over; returns the exit code."""
        while True:
            try:
                if self._turn():
                    return self._leave()
                self._degraded_since = None
                self.trouble = ""
            except StateError as error:
                if self.stage is Stage.DRAINING and self.parts.workers.empty:
                    return self._leave()
                if self._endure(error):
                    return Code.STATE
            self._sleep()

    def status(self) -> Mapping[str, Any]:
        """How it is, for health checks; called from other threads."""
        turned = time.monotonic() - self._turned_at
        alive = turned < _TICK + _DEGRADED
        trouble = self.trouble or self.parts.member.trouble
        tick = self._tick
        return {
            "alive": alive,
            "ready": alive and self.stage is Stage.RUNNING and not trouble,
            "stage": self.stage,
            "trouble": trouble,
            "project": "changed, and cannot be used" if self.parts.reporter.is_broken else "ok",
            "worker": self.parts.workers.phase,
            "runs": sorted(self.parts.workers.driving),
            "waiting": self._waiting,
            "alerts": self.parts.outbox.trouble or "ok",
            "next_due": None if tick is None or tick.next_due is None else tick.next_due.isoformat(),
            "seconds_since_turn": round(turned, 3),
            "pid": self.parts.owner.pid,
            "version": __version__,
            **self.parts.member.status(),
        }

    def _turn(self) -> bool:
        """One turn; whether it was the last."""
        now = self.parts.clock.now()
        self._turned_at = time.monotonic()
        self._heed_signals(now)
        if self.stage is Stage.RUNNING:
            self._follow_project(now)
        joined = self.parts.member.follow()
        happened = self._follow_workers(now) or joined
        if self.stage is Stage.RUNNING:
            self._schedule(now, urgent=self._sensed(now) or happened)
            self.parts.poker.start(self.parts.scheduler.sensing.due(now))
            self._schedule(now, urgent=happened)
        self.parts.outbox.follow(now, leads=self.parts.member.leads)
        if self.stage is Stage.RUNNING and not self.once and self.parts.member.leads:
            self.parts.pruner.follow()
        self._beat(now)
        if self.stage is Stage.DRAINING:
            return self.parts.workers.empty
        return self.once and self._idle()

    # --- signals

    def _heed_signals(self, now: datetime) -> None:
        signals, workers, journal = self.parts.signals, self.parts.workers, self.parts.journal
        signals.drain()
        if signals.take_reload() and self.stage is Stage.RUNNING:
            journal.info("reload", "told to read the project anew")
            self.parts.reader.start()
        if signals.ends == self._ends:
            return
        self._ends = signals.ends
        self.stage = Stage.DRAINING
        self.parts.reader.close()
        self.parts.poker.close()
        self.parts.pruner.close()
        if self._ends == 1:
            grace = self.grace if self.said_grace is None else self.said_grace
            busy = ", ".join(sorted(workers.driving))
            what = f"nodes of {busy} have {grace:g} s to finish" if busy else "nothing is running"
            journal.info("draining", f"told to stop: {what}")
            workers.suspend(grace)
        elif self._ends == 2:  # noqa: PLR2004 - the second signal
            journal.warning(
                "cutting", "told to stop again: what is under way is cut, and goes on at the next start"
            )
            workers.suspend(0.0)
        else:
            journal.warning("killing", "told to stop once more: workers are ended at once")
            workers.kill("the daemon was told to stop at once")
        self._beat_at = 0.0

    # --- the project

    def _follow_project(self, now: datetime) -> None:
        reader, watch = self.parts.reader, self.parts.watch
        if time.monotonic() >= watch.next_at and watch.edited():
            reader.start()
        found = reader.take()
        if found is None:
            return
        if isinstance(found, SqlorchError):
            self.parts.reporter.broken(str(found), now)
        elif found.state_dir != self.parts.state_dir or found.state_url != self.parts.state_url:
            same = found.state_url == self.parts.state_url
            news = f"state.path is {found.state_dir} now" if same else "state.url is another now"
            moved = f"{news}; it counts when the daemon is started anew"
            self.parts.reporter.broken(moved, now)
        else:
            self._pending = found
            self.parts.workers.reload()

    def _adopt(self, now: datetime) -> None:
        """What was read is also open in a worker: from now on it is scheduled."""
        if self._pending is not None:
            self.parts.scheduler.load(self._pending.snapshot, now)
            self.adopt_alerts(self._pending.alerts)
            self._adopt_habits(self._pending.habits)
            self._pending = self._tick = None

    def _adopt_habits(self, habits: Habits) -> None:
        self.grace = habits.grace
        self.parts.workers.limits, self.parts.workers.runs = habits.limits, habits.runs

    def adopt_alerts(self, book: str) -> None:
        """From now on these receivers are alerted, or nobody."""
        self.parts.outbox.adopt(book)
        self.parts.reporter.leave_to(others=self.parts.outbox.has_receivers)

    # --- workers

    def _follow_workers(self, now: datetime) -> bool:
        self._heard += self.parts.workers.poll()
        happened = bool(self._heard)
        while self._heard:  # one that cannot be dealt with, because the state is out of reach, waits
            self._heed(self._heard[0], now)
            self.parts.reporter.tell(self._heard[0], now)
            self._heard.pop(0)
        return happened

    def _heed(self, event: Happening, now: datetime) -> None:
        if isinstance(event, Reloaded):
            self._adopt(now)
        elif isinstance(event, ReloadFailed):
            self._pending = None
        elif isinstance(event, RunBegan):
            self.parts.dispatcher.begun(event.run_id)
        elif isinstance(event, Declined):
            self.parts.dispatcher.declined(event)
        elif isinstance(event, RunEnded) and event.state == "failed":
            self.failed = True
        elif isinstance(
            event, Lost
        ):  # what it was cancelling ends; what it was driving is rescued by the tick
            self.parts.store.abandon_dead(now, self.parts.store.is_alive)

    # --- scheduling

    def _schedule(self, now: datetime, *, urgent: bool) -> None:
        version = self.parts.store.schedule.version()
        if urgent or version != self._seen or self._tick is None or self._overdue(now):
            self._seen = version
            self._tick_at = time.monotonic()
            self._tick = self.parts.scheduler.tick(now)
            self._tell(now)
        driving = self.parts.workers.driving
        waiting = self._dispatch(self._tick.ready)
        self._waiting = next(iter(waiting.values()), "")
        if waiting and self.parts.member.leads:
            self.parts.store.queue.explain(waiting, now=now)
        if self.parts.workers.driving != driving:
            self._tick = None  # one of them is gone
        self._prewarm(now)

    def _dispatch(self, ready: Sequence[Candidate]) -> Mapping[str, str]:
        trouble = self.parts.member.trouble
        if trouble:
            return {one.run.run_id: trouble for one in ready}
        return self.parts.dispatcher.dispatch(ready)

    def _sensed(self, now: datetime) -> bool:
        """Hear what looks of sensors have found; whether there was anything."""
        found = self.parts.poker.take()
        self.parts.scheduler.hear(found, now)
        return bool(found)

    def _tell(self, now: datetime) -> None:
        if not self.parts.member.leads:
            return
        if self.parts.reporter.alerts(now):
            self.parts.outbox.wanted()
        if self._tick is not None and not self.once:  # what is left in the end is said in the end
            self.parts.reporter.waits(self._tick.waiting)

    def _overdue(self, now: datetime) -> bool:
        assert self._tick is not None  # noqa: S101 - the caller has looked
        due = None if self._tick.guard else self._tick.next_due
        return (due is not None and due <= now) or time.monotonic() >= self._tick_at + _TICK

    def _prewarm(self, now: datetime) -> None:
        due = None if self._tick is None else self._tick.next_due
        soon = due is not None and (due - now).total_seconds() <= _PREWARM
        if soon and not self.once and self.parts.workers.empty:
            self.parts.workers.warm()

    def _idle(self) -> bool:
        """Whether nothing is due, nothing may start and nothing is under way."""
        tick = self._tick
        if tick is None or tick.ready or self.parts.workers.holding or self.parts.poker.busy:
            return False
        return tick.next_due is None or tick.next_due > self.parts.clock.now()

    # --- time

    def _beat(self, now: datetime) -> None:
        if time.monotonic() >= self._beat_at:
            self._beat_at = time.monotonic() + _BEAT
            if self.parts.workers.driving:
                self.parts.dispatcher.insist(self.parts.store.queue.open_runs())
            self.parts.store.daemons.beat(self.parts.owner, version=__version__, state=self.stage, now=now)

    def _sleep(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self.parts.signals, selectors.EVENT_READ)
            for child in self.parts.workers.children():
                selector.register(child, selectors.EVENT_READ)
            for output in self.parts.poker.children():
                selector.register(output, selectors.EVENT_READ)
            if self.parts.reader.busy:
                selector.register(self.parts.reader, selectors.EVENT_READ)
            selector.select(self._patience())

    def _patience(self) -> float:
        now = time.monotonic()
        moments = [now + POLL, self._beat_at]
        wake = self.parts.workers.wake_at()
        moments += [wake] if wake is not None else []
        if self._degraded_since is not None:
            return _DEGRADED
        if self._waiting:
            moments.append(self.parts.dispatcher.look_again_at())
        if self._tick is None:
            return 0.0
        if self._tick.next_due is not None and not self._tick.guard:
            until = (self._tick.next_due - self.parts.clock.now()).total_seconds()
            moments.append(now + until)
        return max(0.0, min(moments) - now)

    # --- the end

    def _endure(self, error: StateError) -> bool:
        """The state file cannot be used: go on trying, for a while. Whether that is over."""
        if self.trouble != str(error):
            self.parts.journal.error("degraded", f"nothing can be scheduled: {error}")
        self.trouble = str(error)
        self._degraded_since = self._degraded_since or time.monotonic()
        return time.monotonic() - self._degraded_since > _GIVE_UP

    def _leave(self) -> int:
        """Stop the workers that are left and say goodbye."""
        workers = self.parts.workers
        workers.stop()
        while not workers.empty:
            for event in workers.poll():
                self.parts.reporter.tell(event, self.parts.clock.now())
            time.sleep(0.02)
        try:
            self._say_goodbye(self.parts.clock.now())
        except StateError as error:
            self.parts.journal.warning("unwritten", f"it could not be written down that it stops: {error}")
        self.parts.journal.info("stopped", self._last_words())
        return Code.FAILED if self.once and self.failed else Code.OK

    def _last_words(self) -> str:
        if not self.once or self._tick is None:
            return "stopped"
        try:
            return last_words(self._tick.waiting, self.parts.store.schedule.groups().values())
        except StateError:
            return "stopped"

    def _say_goodbye(self, now: datetime) -> None:
        self._tell(now)
        self.parts.outbox.end(now)
        self.stage = Stage.STOPPED
        self.parts.store.daemons.beat(self.parts.owner, version=__version__, state=self.stage, now=now)
