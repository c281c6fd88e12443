"""A folder beside the target in which the next file is prepared, and the removal of abandoned ones.

Each publication works in its own ``.sqlorch-export-*`` folder and holds a lock on the file ``lock`` in it.
The system lets go of a lock when its process ends, however it ends, so a folder whose lock can be taken
belongs to nobody: the next publication removes it. Process ids would not do: they return, and mean nothing to
another container that shares the folder.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = ".sqlorch-export-"
_LOCK = "lock"
_ATTEMPTS = 20


@contextmanager
def workplace(parent: Path) -> Iterator[Path]:
    """A new folder in ``parent`` for this publication; it and abandoned ones are gone afterwards.

    Raises:
        OSError: ``parent`` cannot be written.
    """
    sweep(parent)
    folder, lock = _claimed(parent)
    try:
        yield folder
    finally:
        # The publication is decided by now; what cannot be deleted is left to the next one.
        with suppress(OSError):
            _remove(folder, lock)


def sweep(parent: Path) -> None:
    """Remove the work folders of publications that were killed."""
    for folder in parent.glob(f"{PREFIX}*"):
        if folder.is_dir() and not folder.is_symlink():
            # What another user left, or what another process removes right now, is not ours to fail on.
            with suppress(OSError):
                _sweep_one(folder)


def _sweep_one(folder: Path) -> None:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        # Empty: its maker died, or is about to lock it and will make another. Not empty: never ours.
        folder.rmdir()
        return
    if _taken(lock):
        _remove(folder, lock)
    else:
        os.close(lock)


def _claimed(parent: Path) -> tuple[Path, int]:
    """A fresh folder and the descriptor of its lock; anew when a sweep was quicker than the lock."""
    for _ in range(_ATTEMPTS):
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        with suppress(FileNotFoundError):
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            if _taken(lock, unless_unsupported=True) and (folder / _LOCK).exists():
                return folder, lock
            os.close(lock)
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(parent))


def _remove(folder: Path, lock: int) -> None:
    """Delete a folder we hold; the lock goes last, so that a kill in the middle leaves it recognisable."""
    try:
        for entry in list(folder.iterdir()):
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name != _LOCK:
                entry.unlink()
        if sys.platform != "win32":
            (folder / _LOCK).unlink()
    finally:
        os.close(lock)
    # Windows deletes no open file. Elsewhere a sweep may take the empty folder before we do.
    (folder / _LOCK).unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        folder.rmdir()


def _taken(descriptor: int, *, unless_unsupported: bool = False) -> bool:
    """Take the lock if nobody has it.

    Args:
        descriptor: the open lock file.
        unless_unsupported: what to answer on a file system without locks. There, a maker goes on and a sweep
            leaves everything alone.
    """
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 exists on Windows alone

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 does not exist on Windows

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        return unless_unsupported and error.errno in {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}
    return True
