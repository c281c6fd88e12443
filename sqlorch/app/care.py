"""Looking after what is remembered: check, back up, prune, upgrade, recover."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlorch.app.clock import SystemClock
from sqlorch.app.workspace import Workspace
from sqlorch.config.references import resolve_reference
from sqlorch.domain.errors import StateError

if TYPE_CHECKING:
    from sqlorch.state.care import Status
    from sqlorch.state.invariants import Finding

_LOCKED_BY_DAEMON = "daemon.lock"
_DRIVES = "is driving runs of this project"
_WATCHES = "is the daemon of this project"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What was, or would be, forgotten: run ids, other records, folders of runs and their bytes."""

    runs: tuple[str, ...]
    records: int
    folders: int
    size: int


def status(workspace: Workspace) -> Status:
    """What is in the state file; see :func:`sqlorch.state.care.status`."""
    from sqlorch.state import care, care_postgres  # noqa: PLC0415 - help must not wait for SQLAlchemy

    url = _where(workspace)
    return care.status(workspace.state_file) if url is None else care_postgres.status(url)


def check(workspace: Workspace) -> Iterator[Finding]:
    """Hold the state file against what must be true of it; see :func:`sqlorch.state.care.check`."""
    from sqlorch.state import care, care_postgres  # noqa: PLC0415 - help must not wait for SQLAlchemy

    url = _where(workspace)
    return care.check(workspace.state_file) if url is None else care_postgres.check(url)


def backup(workspace: Workspace, target: Path) -> int:
    """Copy the state file while it is used; returns the copy's bytes."""
    from sqlorch.state import care  # noqa: PLC0415 - help must not wait for SQLAlchemy

    _refuse_server(workspace, "pg_dump makes a backup of it")
    return care.backup(workspace.state_file, target)


def upgrade(workspace: Workspace) -> tuple[str, str]:
    """Bring the state file to this version's schema; returns its version before and now.

    Raises:
        StateError: there is none, a daemon or a command is using it, or it is of a newer sqlorch.
    """
    from sqlorch.state.opening import open_state  # noqa: PLC0415 - help must not wait for SQLAlchemy

    before = status(workspace).version
    with _alone(workspace, "sqlorch db upgrade"):
        open_state(workspace.state_file, url=workspace.state_url).close()
    return before, status(workspace).version


def recover(workspace: Workspace, source: Path) -> Path | None:
    """Put a backup in the place of the state file; returns where that one is now.

    Raises:
        StateError: a daemon or a command is using it, or the backup cannot be used.
    """
    from sqlorch.state import care  # noqa: PLC0415 - help must not wait for SQLAlchemy

    _refuse_server(workspace, "pg_restore puts a backup of it back")
    with _alone(workspace, "sqlorch db recover"):
        return care.recover(workspace.state_file, source, now=SystemClock().now())


def copy(workspace: Workspace, target: str) -> tuple[str, dict[str, int]]:
    """Copy the state file into an empty PostgreSQL database; returns where, and the rows of each table.

    Args:
        workspace: the project.
        target: ``env:NAME``, ``file:PATH`` or a URL.

    Raises:
        StateError: a daemon or a command is using the state, or it cannot be copied.
    """
    from sqlorch.state.copying import copy_to_postgres  # noqa: PLC0415 - help must not wait for SQLAlchemy
    from sqlorch.state.engine_postgres import parse_url, show_url  # noqa: PLC0415 - likewise

    url = resolve_reference(target, os.environ, workspace.location.project_dir, what="the URL to copy to")
    where = show_url(parse_url(url))
    with own_state_file(workspace, "sqlorch db copy"):
        return where, copy_to_postgres(workspace.state_file, url)


def target(workspace: Workspace) -> str | None:
    """The target whose intervals are remembered; None where nothing was run yet."""
    if not workspace.has_state:
        return None
    with workspace.store() as store:
        return store.target.name()


def retarget(workspace: Workspace, name: str) -> str | None:
    """Let what is remembered count for another target; returns whose it was.

    Raises:
        StateError: there is no state, or a daemon or a command is using it.
    """
    from sqlorch.app.person import this_person  # noqa: PLC0415 - help must not wait for it

    if not workspace.has_state:
        from sqlorch.state.faults import ON_A_SERVER  # noqa: PLC0415 - likewise

        raise StateError(f"there is no state at {workspace.state_file}: nothing was run yet; {ON_A_SERVER}")
    with _alone(workspace, "sqlorch db target"), workspace.store() as store:
        return store.target.rename(name, who=this_person(), now=SystemClock().now())


def _refuse_server(workspace: Workspace, instead: str) -> None:
    if _where(workspace) is not None:
        raise StateError(f"the state is in PostgreSQL, not in a file: {instead}")


def _where(workspace: Workspace) -> str | None:
    """The URL of the state's database, None for the file, which has to be where the history is kept."""
    from sqlorch.state.sides import refuse_elsewhere  # noqa: PLC0415 - help must not wait for it

    if workspace.state_url is None:
        refuse_elsewhere(workspace.state_file)
    return workspace.state_url


def prune(workspace: Workspace, *, days: float, keep: int, dry_run: bool) -> Forgotten:
    """Forget runs that ended more than ``days`` ago, beyond the newest ``keep`` of each group."""
    from sqlorch.state.opening import open_state  # noqa: PLC0415 - likewise
    from sqlorch.state.retention import prune as prune_rows  # noqa: PLC0415 - help must not wait for it
    from sqlorch.state.retention import remembered  # noqa: PLC0415 - likewise

    before = SystemClock().now() - timedelta(days=days)
    database = open_state(workspace.state_file, url=workspace.state_url)
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
    from sqlorch.state.turn import hosts_lock  # noqa: PLC0415 - help must not wait for it

    with ExitStack() as stack:
        stack.enter_context(own_state_file(workspace, command))
        for name, doing in (("run", _DRIVES), ("daemon", _WATCHES)):
            if (hosts := hosts_lock(workspace.state_url, name, doing=doing)) is not None:
                stack.enter_context(hosts)
        yield


@contextmanager
def own_state_file(workspace: Workspace, command: str) -> Iterator[None]:
    """Nobody else of this host drives runs or watches schedules of the project meanwhile."""
    from sqlorch.state.lock import FileLock, run_lock  # noqa: PLC0415 - help must not wait for it
    from sqlorch.state.schema import make_private_folder  # noqa: PLC0415 - likewise

    make_private_folder(workspace.state_dir)
    daemon = FileLock(workspace.state_dir / _LOCKED_BY_DAEMON, doing=_WATCHES, command=command)
    with run_lock(workspace.state_dir, command=command), daemon:
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
