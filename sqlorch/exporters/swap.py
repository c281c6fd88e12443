"""The atomic swap: a complete file takes the place of the old one in a single rename.

A program that holds the old file open keeps reading the old file to its end, because a rename replaces the
name and not the file behind it (POSIX ``rename``). The order on disk is: contents, rename, folder.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlorch.exporters.refusal import refusing, unpublishable
from sqlorch.exporters.workplace import workplace

if TYPE_CHECKING:
    from collections.abc import Iterator

# What other programs leave beside a database they wrote to. It belongs to the file that goes: SQLite and
# DuckDB would replay it into the new one.
_SIDECARS = ("-journal", "-wal", "-shm", ".wal")


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a path to write the next file to, and swap it in when the block ends well.

    Symbolic links are followed, so a link stays a link. Missing folders are made. The new file has the
    permissions of the old one. When the block raises, nothing changes and nothing is left behind.

    Raises:
        IntegrationError: the target is a folder, its folder cannot be written, the disk is full, ...
    """
    with refusing(target, OSError):
        real = _real(target)
        with workplace(real.parent) as folder:
            prepared = folder / real.name
            yield prepared
            _put(prepared, real)


def _real(target: Path) -> Path:
    """Where the bytes shall go, its folder made."""
    real = Path(os.path.realpath(target))
    if real.is_symlink():
        raise unpublishable(target, "it is a symbolic link to itself")
    if real.is_dir():
        raise unpublishable(target, "it is a folder; name a file")
    real.parent.mkdir(parents=True, exist_ok=True)
    return real


def _put(prepared: Path, real: Path) -> None:
    with _opened(prepared, os.O_RDWR) as descriptor:
        _inherit(real, prepared)
        os.fsync(descriptor)
    for ending in _SIDECARS:
        real.with_name(real.name + ending).unlink(missing_ok=True)
    prepared.replace(real)
    # The swap has happened; a file system that cannot flush a folder does not undo it.
    with suppress(OSError), _opened(real.parent, os.O_RDONLY) as descriptor:
        os.fsync(descriptor)


def _inherit(old: Path, new: Path) -> None:
    """Whoever could read the old file can read the new one."""
    try:
        before = old.stat()
    except FileNotFoundError:
        return
    if hasattr(os, "chown"):
        # Only the superuser may give a file away; another user may still set a group of their own.
        for owner, group in ((-1, before.st_gid), (before.st_uid, -1)):
            with suppress(PermissionError):
                os.chown(new, owner, group)
    new.chmod(stat.S_IMODE(before.st_mode))


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
