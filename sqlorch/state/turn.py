"""Whose turn it is to drive runs: the daemon, which goes on for ever, and commands that want to in between.

The daemon keeps one open file for life and hands its descriptor to its workers. A lock of ``flock(2)``
belongs to that open file, not to a process: when the daemon is killed while a worker drives a run, the lock
stays taken until the worker is gone too, so that nobody can drive beside an orphan.

Who waits holds a second lock meanwhile, the turnstile. The daemon looks at it between two runs and lets the
one who waits go first; without it, a command could wait for as long as there is something due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlorch.domain.errors import StateError
from sqlorch.state.lock import FileLock, LockedError, run_lock

_DOING = "is driving runs of this project"
_WAITING = "is waiting to drive runs of this project"
_FOR_EVER = 366 * 24 * 3600.0


class RunTurn:
    """The daemon's hold on the run lock, taken and let go of any number of times.

    Args:
        folder: the state folder.
        command: this command line, for whoever finds the lock taken.
    """

    def __init__(self, folder: Path, *, command: str) -> None:
        self._lock = FileLock(folder / "run.lock", doing=_DOING, command=command, keep_open=True)
        self._turnstile = folder / "turnstile.lock"
        self._command = command
        self.held = False

    def fileno(self) -> int:
        """The descriptor that workers inherit."""
        return self._lock.fileno()

    def take(self) -> str:
        """Take the lock; returns ``""``, or who has it."""
        if not self.held:
            try:
                self._lock.acquire()
            except StateError as error:
                return str(error)
            self.held = True
        return ""

    def release(self) -> None:
        """Let others drive. Not while a worker drives a run: it would lose the lock with us."""
        if self.held:
            self._lock.release()
            self.held = False

    def wanted(self) -> bool:
        """Whether somebody waits."""
        try:
            with FileLock(self._turnstile, doing=_WAITING, command=self._command):
                return False
        except StateError:
            return True

    def close(self) -> None:
        """Let go of the file."""
        self._lock.close()
        self.held = False


@contextmanager
def own_turn(folder: Path, *, command: str, wait: bool, waiting: Callable[[str], object]) -> Iterator[None]:
    """Drive runs inside: at once, or when it is one's turn.

    Only a daemon is waited for, which lets others go first between two runs. A command may take hours.

    Args:
        folder: the state folder.
        command: this command line, for whoever finds the lock taken.
        wait: wait for a daemon, instead of being refused.
        waiting: told once, before waiting, who drives runs now.

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
        yield
    finally:
        lock.release()
