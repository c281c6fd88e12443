"""One machine in virtual time: processes over one real state file, that die and fail where a seed says.

A *crash point* is a statement that writes, named for what it does. A process may be killed just before such
a statement (its transaction is rolled back, as SQLite does after a kill), or just after the commit of a
transaction that held it. In the same places the database may answer with an error instead; after a commit
that is an acknowledgement that got lost.
"""

from __future__ import annotations

import atexit
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from sqlalchemy import Connection, event
from support.scheduling import Hand, owner, quick_store

from sqlorch.domain.errors import StateError
from sqlorch.domain.history import Owner
from sqlorch.state.store import SqlStore
from sqlorch.state.tables import metadata

POINTS = {
    "insert slot": "SLOT_INSERTED",
    "update slot": "SLOT_TAKEN",
    "insert run": "RUN_QUEUED",
    "update run": "RUN_MOVED",
    "update grp": "CURSOR_MOVED",
    "insert grp": "GROUP_ENROLLED",
    "insert node_run": "CLAIMED",
    "update node_run": "NODE_MOVED",
    "insert attempt": "ATTEMPT_COMMITTED",
    "update attempt": "RESULT_STORED",
    "insert ledger": "LEDGER_WRITTEN",
    "insert dataset_event": "EVENT_EMITTED",
    "insert dataset_cursor": "EVENT_CONSUMED",
    "insert alert": "ALERT_RAISED",
    "insert backfill": "BACKFILL_SUBMITTED",
    "insert backfill_slot": "BACKFILL_SLOT_INSERTED",
    "update backfill_slot": "BACKFILL_SLOT_MOVED",
    "update backfill": "BACKFILL_MOVED",
    "insert lease": "LEASE_CHANGED",
    "update lease": "LEASE_RENEWED",
}
_WRITES = re.compile(
    r"\s*(INSERT INTO|INSERT OR IGNORE INTO|UPDATE|DELETE FROM)\s+\"?(\w+)\"?", re.IGNORECASE
)


class Killed(BaseException):
    """The process is no more; nothing in it may catch this."""


@dataclass
class Fault:
    """What will go wrong in the action under way: at the ``countdown``-th place of its kind.

    With ``intrusion`` nothing fails: just before a transaction begins, some other process does something, so
    that what was read before is out of date.
    """

    countdown: int
    kill: bool = False
    after_commit: bool = False
    intrusion: bool = False


@dataclass
class Process:
    """One process with its own handle on the state file."""

    pid: int
    handle: Handle
    fault: Fault | None = None
    points: list[str] = field(default_factory=list)  # of the transaction under way

    @property
    def store(self) -> SqlStore:
        return self.handle.store

    @property
    def owner(self) -> Owner:
        return owner(self.pid)


@dataclass
class Handle:
    """A store, and the process that uses it now.

    Opening the real store takes longer than a seed may take, so handles are used again: after a kill SQLite
    has rolled the transaction back, and nothing else of a process is in a handle.
    """

    store: SqlStore
    process: Process | None = None
    strike: Callable[..., None] | None = None
    intrude: Callable[[Process], None] = lambda _: None

    def __post_init__(self) -> None:
        database = self.store._database
        plain = database.write

        @contextmanager
        def write() -> Iterator[Connection]:
            assert self.process is not None
            assert self.strike is not None
            self.intrude(self.process)
            self.process.points = []
            with plain() as connection:
                yield connection
            self.strike(self.process, self.process.points, after_commit=True)

        event.listen(database._engine, "before_cursor_execute", self._statement)
        database.write = write  # type: ignore[method-assign]

    def _statement(self, _connection: Any, _cursor: Any, text: str, *_rest: Any) -> None:
        found = _WRITES.match(text)
        if found and self.process is not None and self.strike is not None:
            verb = "update" if found[1].upper() == "UPDATE" else "insert"
            point = POINTS.get(f"{verb} {found[2].lower()}")
            if point is not None:
                self.process.points.append(point)
                self.strike(self.process, [point], after_commit=False)

    def lend(self, process: Process, strike: Callable[..., None], intrude: Callable[[Process], None]) -> None:
        """From now on it is this process's."""
        self.process, self.strike, self.intrude = process, strike, intrude
        store = self.store
        for part in (store, store.schedule, store.queue):
            part._owner = process.owner  # type: ignore[attr-defined]


class Pool:
    """The state file of all seeds of this Python process, emptied before each, and the handles on it."""

    def __init__(self) -> None:
        home = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a private folder below it
        self.folder = Path(mkdtemp(prefix="sqlorch-sim-", dir=home))
        atexit.register(rmtree, self.folder, ignore_errors=True)
        self._free: list[Handle] = []

    def take(self) -> Handle:
        return self._free.pop() if self._free else Handle(quick_store(self.folder, owner()))

    def give_back(self, handle: Handle) -> None:
        handle.process = handle.strike = None
        self._free.append(handle)

    def empty(self) -> None:
        """Forget everything the last seed wrote."""
        handle = self.take()
        self.give_back(handle)
        with closing(sqlite3.connect(self.folder / "state.db")) as connection, connection:
            for table in reversed(metadata.sorted_tables):
                if table.name != "meta":
                    connection.execute(f"DELETE FROM {table.name}")
            connection.execute("DELETE FROM sqlite_sequence")
            connection.execute("UPDATE meta SET value = '0' WHERE key = 'fence_seq'")


class Machine:
    """Clock, processes and faults, all from one seed.

    Args:
        pool: the state file, emptied here.
        rng: decides everything.
    """

    def __init__(self, pool: Pool, rng: Random) -> None:
        self._pool = pool
        pool.empty()
        self.rng = rng
        self.clock = Hand()
        self.dead: set[int] = set()
        self.daemons: set[int] = set()  # process ids, of dead ones too
        self.hit: Counter[str] = Counter()
        self.trace: list[str] = []
        self.fault_rate = 0.3
        self.latest = self.clock.wall
        self.idle: list[Process] = []  # workers that are done with their run
        self.intruder: Callable[[Process], None] | None = None
        self._pids = 1
        self._lent: dict[int, Handle] = {}

    def is_alive(self, who: Owner) -> bool:
        return who.pid not in self.dead

    def process(self) -> Process:
        """A new process."""
        self._pids += 1
        process = Process(pid=self._pids, handle=self._pool.take())
        process.handle.lend(process, self._strike, self._intrude)
        self._lent[process.pid] = process.handle
        return process

    def kill(self, process: Process) -> None:
        """The process is gone."""
        self.dead.add(process.pid)
        self.say(f"pid {process.pid} is dead")
        self.close_handle(process)

    def has_handle(self, process: Process) -> bool:
        """Whether the process can still do anything: dead ones that will yet report can."""
        return process.pid in self._lent

    def close_handle(self, process: Process) -> None:
        handle = self._lent.pop(process.pid, None)
        if handle is not None:
            self._pool.give_back(handle)

    def close(self) -> None:
        for handle in self._lent.values():
            self._pool.give_back(handle)

    def say(self, what: str) -> None:
        self.trace.append(f"{self.clock.wall:%m-%d %H:%M:%S} {what}")

    def advance(self, length: timedelta) -> None:
        self.clock.to(self.clock.wall + length)
        self.latest = max(self.latest, self.clock.wall)

    def arm(self, process: Process) -> None:
        """Maybe let something go wrong in the next action of a process."""
        process.fault = None
        if self.rng.random() < self.fault_rate:
            countdown = self.rng.choice([1, 1, 1, 2, 2, 3, 5, 8])
            kind = self.rng.random()
            if kind < 0.25:
                process.fault = Fault(countdown=countdown, intrusion=True)
            else:
                after_commit = self.rng.random() < 0.5
                process.fault = Fault(countdown=countdown, kill=kind < 0.7, after_commit=after_commit)

    def _strike(self, process: Process, points: list[str], *, after_commit: bool) -> None:
        fault = process.fault
        if fault is None or fault.intrusion or fault.after_commit is not after_commit or not points:
            return
        fault.countdown -= 1
        if fault.countdown > 0:
            return
        process.fault = None
        where = "after" if after_commit else "before"
        for point in set(points):
            self.hit[f"{where} {point}"] += 1
        what = "killed" if fault.kill else "refused"
        self.say(f"pid {process.pid} {what} {where} {'+'.join(dict.fromkeys(points))}")
        if fault.kill:
            raise Killed
        raise StateError("the database is not available")

    def _intrude(self, process: Process) -> None:
        fault = process.fault
        if fault is None or not fault.intrusion or self.intruder is None:
            return
        fault.countdown -= 1
        if fault.countdown > 0:
            return
        process.fault = None
        intruder, self.intruder = self.intruder, None  # nobody interrupts who interrupts
        try:
            self.hit["between reading and writing"] += 1
            intruder(process)
        finally:
            self.intruder = intruder
        if not self.has_handle(process):
            raise Killed  # by whoever came in between

    def wall(self, moment: datetime) -> None:
        """Somebody sets the clock; the monotonic one does not notice."""
        self.say(f"the clock is set to {moment:%m-%d %H:%M}")
        self.clock.wall = moment
        self.latest = max(self.latest, moment)
