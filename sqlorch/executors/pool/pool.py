"""The workers of a run: who executes what, who has died, who takes the place of whom.

Node threads of the driving process ask and wait; one thread listens to all workers. What a worker has
reported is taken in before the node that reported it counts as ended, and told to the others with their next
node.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from sqlorch.domain.errors import ExecutionError, SqlorchError
from sqlorch.executors.pool.member import Gone, Limits, Member, how_it_ended
from sqlorch.executors.pool.ports import LedRun
from sqlorch.executors.pool.wire import Wire
from sqlorch.executors.pool.words import Beat, Close, Done, Execute, Open, Refused
from sqlorch.executors.pool.zygote import Zygote, ZygoteGoneError

_LOOK = 0.5  # seconds between two looks at who is stuck
_DYING = 1.0  # seconds a worker that has hung up may take to be dead
_LEAVING = 12.0  # seconds a worker may take to leave when it was hung up on
_UNLUCKY = 3  # workers lost in a row without a node that ended: more of them would not help
_DEFAULTS = Limits()


@dataclass(slots=True, kw_only=True)
class _Run:
    """The run that is executed.

    ``changes`` are those all workers have reported, each with the number of the worker.
    """

    context: LedRun
    arguments: Mapping[str, Any]
    changes: list[tuple[int, Any]] = field(default_factory=list)


class Pool:
    """See the module.

    Args:
        zygote: makes workers.
        rooms: how many nodes each worker executes at once; as many workers as it is long.
        on_lost: called with the number of a worker that died, before its nodes count as lost: ends what it
            has left running.
        tell: told in a sentence what a person may want to know.
        limits: when a worker is replaced.
    """

    def __init__(
        self,
        zygote: Zygote,
        rooms: Sequence[int],
        *,
        on_lost: Callable[[int], object],
        tell: Callable[[str], object],
        limits: Limits = _DEFAULTS,
    ) -> None:
        self._zygote: Zygote | None = zygote
        self._rooms = dict(enumerate(rooms, 1))
        self._on_lost = on_lost
        self._tell = tell
        self._limits = limits
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._members: dict[int, Member] = {}
        self._run: _Run | None = None
        self._opened = 0
        self._unlucky = 0
        self._unended: set[int] = set()  # dead workers whose queries may still work in the warehouse
        self._ending = threading.Lock()
        self._tickets = count(1)
        self._selector = selectors.DefaultSelector()
        self._bell, bell = socket.socketpair()  # closing ours wakes whoever listens
        self._selector.register(bell, selectors.EVENT_READ, None)
        self._listener: threading.Thread | None = None
        self._closing = False

    @property
    def size(self) -> int:
        """How many workers there are when all are needed."""
        return len(self._rooms)

    def open(self, context: LedRun, arguments: Mapping[str, Any]) -> None:
        """Nodes of this run follow; ``arguments`` are those a worker opens it with."""
        with self._lock:
            for member in [m for m in self._members.values() if m.worn(self._limits)]:
                self._dismiss(member)
            self._run = _Run(context=context, arguments=arguments)
            self._opened += 1
            self._unlucky = 0

    def execute(self, unique_id: str, *, log_path: Path, again: bool, lost: bool) -> Done | Gone | None:
        """Have a node executed and wait for its end.

        Returns:
            How it went; None when no worker can be had, so that it has to be executed here.
        """
        with self._lock:
            member, run, ticket = self._free_member(), self._run, next(self._tickets)
            if member is None or run is None:
                return None
            asked = member.expect(ticket, unique_id)
        # not under the pool's lock: sending waits as long as the worker does not read
        with member.sending:
            for message in self._introduction(member, run):
                member.wire.send(message)
            order = Execute(
                ticket=ticket,
                unique_id=unique_id,
                log_path=log_path,
                changes=self._news(member, run),
                again=again,
                lost=lost,
            )
            member.wire.send(order)  # one that is gone is noticed by who listens to it
        return asked.answer.get()

    def left_running(self) -> str:
        """End what dead workers have left in the warehouse.

        A node that was lost must not be executed beside its own first attempt.

        Returns:
            Why that cannot be done, ``""`` once nothing is left.
        """
        with self._ending:
            for number in sorted(self._unended):
                try:
                    self._on_lost(number)
                except SqlorchError as error:
                    return str(error)
                with self._lock:
                    self._unended.discard(number)
        return ""

    def cancel(self, unique_ids: Collection[str] | None) -> None:
        """Have these nodes stopped, None for all; again until they have ended."""
        with self._lock:
            for member in self._members.values():
                member.cancel(unique_ids)

    def close_run(self) -> None:
        """The run is over: workers let go of its connections."""
        with self._lock:
            self._run = None
            for member in self._members.values():
                if member.opened == self._opened:
                    member.wire.send(Close(), patient=False)

    def close(self) -> None:
        """End all workers and wait until they are gone."""
        with self._lock:
            self._closing = True
            zygote, self._zygote = self._zygote, None
        self._bell.close()
        if self._listener is not None:
            self._listener.join()
        for member in list(self._members.values()):
            self._forget(member)
        self._selector.close()
        if zygote is not None:
            zygote.close()

    def _free_member(self) -> Member | None:
        """The least busy worker that has room, made if need be; None when no more can be made."""
        while self._run is not None:
            leaving = self._relieve()
            # the number of one whose queries go on is not given to another: ending them would hit both
            absent = [n for n in self._rooms if n not in self._members and n not in self._unended]
            free = [m for m in self._members.values() if m.free and m is not leaving]
            best = min(free, key=lambda m: (len(m.asked), m.number), default=None)
            if best is not None and not (best.asked and absent):
                return best
            if absent and self._spawn(absent[0]):
                return self._members[absent[0]]
            if best is not None:
                return best
            if not self._members:
                return None
            self._changed.wait(_LOOK)
        return None

    def _relieve(self) -> Member | None:
        """Let a worn worker go once it is idle; until then it gets no node, one worker at a time."""
        worn = [m for m in self._members.values() if m.worn(self._limits)] if self._can_spawn else []
        if worn and not worn[0].asked:
            self._dismiss(worn[0])
            return None
        return worn[0] if worn else None

    @property
    def _can_spawn(self) -> bool:
        return self._zygote is not None and not self._closing and self._unlucky < _UNLUCKY

    def _spawn(self, number: int) -> bool:
        if self._zygote is None or not self._can_spawn:
            return False
        try:
            pid, end = self._zygote.spawn(number)
        except ZygoteGoneError:
            self._zygote = None
            self._tell("worker processes cannot be started any more; those there are go on")
            return False
        room, heard = self._rooms[number], time.monotonic()
        member = Member(number=number, pid=pid, wire=Wire(end), room=room, heard=heard)
        self._members[number] = member
        self._selector.register(member.wire, selectors.EVENT_READ, member)
        if self._listener is None:
            self._listener = threading.Thread(target=self._listen, name="pool", daemon=True)
            self._listener.start()
        return True

    def _introduction(self, member: Member, run: _Run) -> list[Open]:
        """What the worker must hear before its first node of the run."""
        with self._lock:
            if member.opened == self._opened:
                return []
            member.opened = self._opened
            member.told = len(run.changes)
            return [Open(arguments=run.arguments, shared=run.context.share())]

    def _news(self, member: Member, run: _Run) -> list[Any]:
        """What other workers have changed since the last time."""
        with self._lock:
            news = [change for by, change in run.changes[member.told :] if by != member.number]
            member.told = len(run.changes)
            return news

    def _listen(self) -> None:
        """Runs in a thread of its own, as long as the pool."""
        while not self._closing:
            for key, _ in self._selector.select(_LOOK):
                if key.data is not None:
                    self._hear(key.data)
            now = time.monotonic()
            with self._lock:
                stuck = [(m, why) for m in self._members.values() if (why := m.stuck(self._limits, now))]
            for member, why in stuck:
                member.doomed = why
                member.signal_death()  # the end of its socket brings the rest

    def _hear(self, member: Member) -> None:
        try:
            messages = member.wire.receive()
        except ExecutionError as error:
            member.doomed = str(error)
            member.signal_death()
            messages = None
        if messages is None:
            self._bury(member)
            return
        with self._lock:
            member.heard = time.monotonic()
            for message in messages:
                self._take_in(member, message)

    def _take_in(self, member: Member, message: object) -> None:
        match message:
            case Beat():
                member.resident = message.resident
                member.baseline = member.baseline or message.resident
            case Refused():
                member.doomed = message.error
            case Done():
                self._end(member, message)

    def _end(self, member: Member, done: Done) -> None:
        asked = member.asked.pop(done.ticket)
        self._unlucky = 0
        if self._run is not None and done.report is not None:
            self._run.context.absorb(done.report)
            self._run.changes += [(member.number, change) for change in done.report.changes]
        asked.answer.put(done)
        self._changed.notify_all()

    def _bury(self, member: Member) -> None:
        """A worker has hung up: make sure that it is dead, then say so to those who wait for it."""
        ended = self._certainly_dead(member, _DYING)
        reason = f"its worker process was lost ({member.doomed or ended})"
        try:
            self._on_lost(member.number)
        except SqlorchError as error:  # not to keep those who wait: its nodes are not tried before it is done
            self._tell(f"{reason}; {error}")
            with self._lock:
                self._unended.add(member.number)
        with self._lock:
            if not self._forget(member):
                return
            self._unlucky += 1
            for asked in member.asked.values():
                asked.answer.put(Gone(reason=reason))
            member.asked.clear()
            if self._unlucky == _UNLUCKY:
                self._tell(f"{_UNLUCKY} worker processes were lost in a row ({reason}); no more are started")
            self._changed.notify_all()

    def _certainly_dead(self, member: Member, patience: float) -> str:
        with self._lock:
            zygote = self._zygote
            if zygote is not None:
                try:
                    return how_it_ended(zygote.end(member.pid, patience=patience))
                except ZygoteGoneError:
                    self._zygote = None
        member.signal_death()
        return "killed"

    def _dismiss(self, member: Member) -> None:
        """Let a worker leave that has nothing to do."""
        self._forget(member)
        self._certainly_dead(member, _LEAVING)

    def _forget(self, member: Member) -> bool:
        """Have nothing to do with a worker any more; False when that is so already."""
        with self._lock:
            if self._members.get(member.number) is not member:
                return False
            del self._members[member.number]
            self._selector.unregister(member.wire)
            member.wire.close()
            return True
