"""Looking after what is remembered: check, back up, prune, upgrade, recover."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlorch.app.clock import SystemClock
from sqlorch.app.workspace import STATE_FILE, Workspace

if TYPE_CHECKING:
    from sqlorch.state.care import Status
    from sqlorch.state.invariants import Finding

_LOCKED_BY_DAEMON = "daemon.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What was, or would be, forgotten: run ids, other records, folders of runs and their bytes."""

    runs: tuple[str, ...]
    records: int
    folders: int
    size: int


def status(workspace: Workspace) -> Status:
    """What is in the state file; see :func:`sqlorch.state.care.status`."""
    from sqlorch.state import care  # noqa: PLC0415 - help must not wait for SQLAlchemy

    return care.status(workspace.state_dir / STATE_FILE)


def check(workspace: Workspace) -> Iterator[Finding]:
    """Hold the state file against what must be true of it; see :func:`sqlorch.state.care.check`."""
    from sqlorch.state import care  # noqa: PLC0415 - help must not wait for SQLAlchemy

    return care.check(workspace.state_dir / STATE_FILE)


def backup(workspace: Workspace, target: Path) -> int:
    """Copy the state file while it is used; returns the copy's bytes."""
    from sqlorch.state import care  # noqa: PLC0415 - help must not wait for SQLAlchemy

    return care.backup(workspace.state_dir / STATE_FILE, target)


def upgrade(workspace: Workspace) -> tuple[str, str]:
    """Bring the state file to this version's schema; returns its version before and now.

    Raises:
        StateError: there is none, a daemon or a command is using it, or it is of a newer sqlorch.
    """
    from sqlorch.state.schema import open_database  # noqa: PLC0415 - help must not wait for SQLAlchemy

    before = status(workspace).version
    with _alone(workspace, "sqlorch db upgrade"):
        open_database(workspace.state_dir / STATE_FILE).close()
    return before, status(workspace).version


def recover(workspace: Workspace, source: Path) -> Path | None:
    """Put a backup in the place of the state file; returns where that one is now.

    Raises:
        StateError: a daemon or a command is using it, or the backup cannot be used.
    """
    from sqlorch.state import care  # noqa: PLC0415 - help must not wait for SQLAlchemy

    with _alone(workspace, "sqlorch db recover"):
        return care.recover(workspace.state_dir / STATE_FILE, source, now=SystemClock().now())


def prune(workspace: Workspace, *, days: float, keep: int, dry_run: bool) -> Forgotten:
    """Forget runs that ended more than ``days`` ago, beyond the newest ``keep`` of each group."""
    from sqlorch.state.retention import prune as prune_rows  # noqa: PLC0415 - help must not wait for it
    from sqlorch.state.retention import remembered  # noqa: PLC0415 - likewise
    from sqlorch.state.schema import open_database  # noqa: PLC0415 - likewise

    before = SystemClock().now() - timedelta(days=days)
    database = open_database(workspace.state_dir / STATE_FILE)
    try:
        pruned = prune_rows(database, before=before, keep=keep, dry_run=dry_run)
        known = remembered(database) - (set(pruned.runs) if dry_run else set())
    finally:
        database.close()
    folders = list(_old_folders(workspace.state_dir / "runs", known, set(pruned.runs), days))
    size = sum(_size(folder) for folder in folders)
    if not dry_run:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)  # what is left is found again next time
    return Forgotten(runs=pruned.runs, records=pruned.records, folders=len(folders), size=size)


@contextmanager
def _alone(workspace: Workspace, command: str) -> Iterator[None]:
    """Nobody else drives runs or watches schedules of the project meanwhile."""
    from sqlorch.state.lock import FileLock  # noqa: PLC0415 - help must not wait for it

    with workspace.driving(command):
        daemon = FileLock(
            workspace.state_dir / _LOCKED_BY_DAEMON, doing="is the daemon of this project", command=command
        )
        with daemon:
            yield


def _old_folders(folder: Path, known: set[str], pruned: set[str], days: float) -> Iterator[Path]:
    """Folders of runs nothing is known of any more; one of a run just being made is younger."""
    if not folder.is_dir():
        return
    youngest = time.time() - days * 24 * 3600
    for found in folder.iterdir():
        if not found.is_dir() or found.name in known:
            continue
        if found.name in pruned or found.stat().st_mtime < youngest:
            yield found


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
