"""Whose turn it is to drive runs: the daemon, which goes on for ever, and commands that want to in between.

The daemon keeps one open file for life and hands its descriptor to its workers. A lock of ``flock(2)``
belongs to that open file, not to a process: when the daemon is killed while a worker drives a run, the lock
stays taken until the worker is gone too, so that nobody can drive beside an orphan.

Who waits holds a second lock meanwhile, the turnstile. The daemon looks at it between two runs and lets the
one who waits go first; without it, a command could wait for as long as there is something due.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlorch.domain.errors import StateError
from sqlorch.state.lock import FileLock, LockedError, run_lock

if TYPE_CHECKING:
    from sqlorch.state.lock_postgres import PostgresLock

_DOING = "is driving runs of this project"
_WAITING = "is waiting to drive runs of this project"
_MOMENT = 0.25  # seconds
_KEEP = 2.0  # seconds between two looks whether the lock is still known
_FOR_EVER = 366 * 24 * 3600.0


class RunTurn:
    """The daemon's hold on the run lock, taken and let go of any number of times.

    Args:
        folder: the state folder.
        command: this command line, for whoever finds the lock taken.
        url: the state's, where it is in PostgreSQL: other hosts are kept out by a lock there.
        shared: daemons of other hosts may drive runs too; commands are kept out all the same.
    """

    def __init__(self, folder: Path, *, command: str, url: str | None = None, shared: bool = False) -> None:
        self._hosts = hosts_lock(url, "run", doing=_DOING, shared=shared)
        self._lock = FileLock(folder / "run.lock", doing=_DOING, command=command, keep_open=True)
        self._turnstile = folder / "turnstile.lock"
        self._command = command
        self._wanted, self._ask_again, self._keep_again = False, 0.0, 0.0
        self.held = False

    def filenos(self) -> list[int]:
        """The descriptors that workers inherit.

        Raises:
            StateError: the database of the other hosts' lock cannot be reached.
        """
        return [lock.fileno() for lock in (self._lock, self._hosts) if lock is not None]

    def take(self) -> str:
        """Take the lock; returns ``""``, or who has it."""
        if self.held and self._hosts is not None and not self._hosts.holds():
            self.release()
        if not self.held:
            try:
                self._acquire()
            except StateError as error:
                return str(error)
            self.held = True
        return ""

    def _acquire(self) -> None:
        self._lock.acquire()
        try:
            if self._hosts is not None:
                self._hosts.acquire()
        except BaseException:
            self._lock.release()
            raise

    def keep(self) -> None:
        """Take the hosts' lock again where the server has forgotten it while runs are under way."""
        now = time.monotonic()
        if self.held and self._hosts is not None and now >= self._keep_again:
            self._keep_again = now + _KEEP
            self._hosts.keep()  # where a command was quicker, nothing new is begun beside it

    def release(self) -> None:
        """Let others drive. Not while a worker drives a run: it would lose the lock with us."""
        if self.held:
            self.held = False
            try:
                if self._hosts is not None:
                    self._hosts.release()
            finally:
                self._lock.release()

    def wanted(self) -> bool:
        """Whether somebody waits, on this host or another."""
        if self._wanted_elsewhere():
            return True
        try:
            with FileLock(self._turnstile, doing=_WAITING, command=self._command):
                return False
        except StateError:
            return True

    def _wanted_elsewhere(self) -> bool:
        """Asked for every run that could start, which may be hundreds: what was found holds for a moment."""
        if self._hosts is None or not self.held:
            return False
        now = time.monotonic()
        if now >= self._ask_again:
            self._wanted, self._ask_again = self._hosts.wanted(), now + _MOMENT
        return self._wanted

    def close(self) -> None:
        """Let go of the file, and of the connection."""
        if self._hosts is not None:
            self._hosts.close()
        self._lock.close()
        self.held = False


def hosts_lock(url: str | None, name: str, *, doing: str, shared: bool = False) -> PostgresLock | None:
    """The lock that keeps other hosts out; None where the state is a file, which other hosts do not share."""
    if url is None:
        return None
    from sqlorch.state.lock_postgres import PostgresLock  # noqa: PLC0415 - SQLAlchemy, only where it is wanted

    return PostgresLock(url, name, doing=doing, shared=shared)


@contextmanager
def own_turn(
    folder: Path, *, command: str, wait: bool, waiting: Callable[[str], object], url: str | None = None
) -> Iterator[PostgresLock | None]:
    """Drive runs inside: at once, or when it is one's turn. Gives the lock over hosts, if there are any.

    Only daemons are waited for, which let others go first between two runs. A command may take hours.

    Args:
        folder: the state folder.
        command: this command line, for whoever finds the lock taken.
        wait: wait for a daemon, instead of being refused.
        waiting: told once, before waiting, who drives runs now.
        url: the state's, where it is in PostgreSQL.

    Raises:
        LockedError: on entry, when another process drives runs and is not waited for.
    """
    lock = run_lock(folder, command=command)
    try:
        lock.acquire()
    except LockedError as error:
        if not (wait and error.shares):
            raise
        waiting(str(error).partition(";")[0])
        with FileLock(folder / "turnstile.lock", doing=_WAITING, command=command, timeout=_FOR_EVER):
            lock = run_lock(folder, command=command, timeout=_FOR_EVER)
            lock.acquire()
    try:
        with ExitStack() as stack:
            if (hosts := hosts_lock(url, "run", doing=_DOING)) is not None:
                stack.callback(hosts.close)
                _take_from_daemons(hosts, wait=wait, waiting=waiting)
            yield hosts
    finally:
        lock.release()


def _take_from_daemons(hosts: PostgresLock, *, wait: bool, waiting: Callable[[str], object]) -> None:
    """Take the lock over hosts; the daemons that share it let whoever queues for it go first."""
    try:
        hosts.acquire()
    except LockedError as error:
        if not (wait and error.shares):
            raise
        waiting(str(error).partition(";")[0])
        hosts.queue()
