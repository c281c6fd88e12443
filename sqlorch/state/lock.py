"""An exclusive lock on a file, held by one process at a time and let go of by its death.

The lock is on a file of its own, never on the database: closing any other descriptor of the database would
drop the locks SQLite holds there.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlorch.domain.errors import StateError
from sqlorch.domain.history import Owner
from sqlorch.state.faults import explain_os
from sqlorch.state.owner import current_owner, is_alive

_POLL_SECONDS = 0.05
_PARTING = 15.0  # seconds in which the children of a killed process, which share its lock, have left


class LockedError(StateError):
    """Somebody else holds the lock.

    Attributes:
        shares: whether the holder lets others have it in between.
    """

    def __init__(self, message: str, *, shares: bool) -> None:
        super().__init__(message)
        self.shares = shares


class FileLock:
    """A context manager: inside it, this process is the only one.

    Args:
        path: the lock file; made when missing, never removed (removing it would let two processes in).
        doing: what a holder does, for the loser's message: ``is driving runs of this project``.
        command: the holder's command line, for the same message.
        timeout: seconds to wait before giving up; children of a holder that is dead are waited for longer.
        keep_open: keep the file open after :meth:`release`, so that children which inherit it share the lock.

    Raises:
        LockedError: on entry, when another process holds it; names its pid, host, command and since when.
    """

    def __init__(
        self, path: Path, *, doing: str, command: str, timeout: float = 0.0, keep_open: bool = False
    ) -> None:
        self._path = path
        self._doing = doing
        self._command = command
        self._timeout = timeout
        self._keep_open = keep_open
        self._file: int | None = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def acquire(self) -> None:
        """Take the lock, waiting at most the timeout."""
        file = self.fileno()
        try:
            self._wait(file)
        except OSError as error:  # a file system that knows no locks
            self.close()
            raise explain_os(error, self._path) from error
        except BaseException:
            if not self._keep_open:
                self.close()
            raise
        self._write_holder(file)

    def release(self) -> None:
        """Let go; may be called twice."""
        if self._file is not None:
            _unlock(self._file)
            if not self._keep_open:
                self.close()

    def fileno(self) -> int:
        """The descriptor of the lock file, which is opened now if it is not."""
        if self._file is None:
            try:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            except OSError as error:
                raise explain_os(error, self._path) from error
        return self._file

    def close(self) -> None:
        """Close the file; the lock goes with it unless a child has inherited it."""
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)

    def _wait(self, file: int) -> None:
        began = time.monotonic()
        while not _try_lock(file):
            holder = _read_holder(file)
            parting = _PARTING if not self._keep_open and _is_gone(holder) else 0.0
            if time.monotonic() >= began + max(self._timeout, parting):
                raise LockedError(self._refusal(holder), shares=bool(holder.get("shares")))
            time.sleep(_POLL_SECONDS)

    def _write_holder(self, file: int) -> None:
        owner = current_owner()
        since = datetime.now(UTC).replace(microsecond=0).isoformat()
        holder: dict[str, Any] = {"pid": owner.pid, "host": owner.host, "command": self._command}
        holder |= {"since": since, "shares": self._keep_open}
        try:
            os.ftruncate(file, 0)
            os.lseek(file, 0, os.SEEK_SET)
            os.write(file, json.dumps(holder).encode())
        except OSError as error:
            self.release()
            self.close()
            raise explain_os(error, self._path) from error

    def _refusal(self, holder: dict[str, Any]) -> str:
        who = (
            f"process {holder['pid']} on {holder['host']} ({holder['command']}), since {holder['since']},"
            if holder.keys() >= {"pid", "host", "command", "since"}
            else "another process"
        )
        return f"{who} {self._doing}; wait until it has finished or end it (lock file {self._path})"


def _is_gone(holder: dict[str, Any]) -> bool:
    """Whether who took the lock is dead, so that only its children can still have it."""
    if not (isinstance(holder.get("pid"), int) and isinstance(holder.get("host"), str)):
        return False
    return not is_alive(Owner(host=holder["host"], boot_id="", pid=holder["pid"], started=0))


def run_lock(folder: Path, *, command: str, timeout: float = 0.0) -> FileLock:
    """The lock to hold while driving runs of the project whose state is kept in ``folder``."""
    return FileLock(
        folder / "run.lock", doing="is driving runs of this project", command=command, timeout=timeout
    )


def _read_holder(file: int) -> dict[str, Any]:
    try:
        os.lseek(file, 0, os.SEEK_SET)
        holder = json.loads(os.read(file, 65_536))
    except (OSError, ValueError):  # taken this very moment: nothing written yet
        return {}
    return holder if isinstance(holder, dict) else {}


if sys.platform == "win32":
    import msvcrt

    # A locked byte cannot be read by others there, so it lies far behind what is written.
    _FAR = 1 << 30

    def _try_lock(file: int) -> bool:
        os.lseek(file, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file: int) -> None:
        os.lseek(file, _FAR, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
