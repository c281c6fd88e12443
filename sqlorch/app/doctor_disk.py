"""Whether there is room where sqlorch and the warehouse write, and whether they may, and nobody else."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from sqlorch.app.lineage import warehouse_files
from sqlorch.app.workspace import PRIVATE, Workspace
from sqlorch.domain.remarks import Grade, Remark, judge_space

_PART = "disk"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def remarks(workspace: Workspace) -> Iterator[Remark]:
    """Free space, folders one may write to, and files that others may not read."""
    yield from _room(workspace.state_dir, "the state folder")
    yield from _private(workspace)
    for folder in dict.fromkeys(path.parent for path in workspace.settings.exports.to):
        yield from _room(folder, "the folder of exports")
    for file in warehouse_files(workspace):
        yield from _room(file.resolve().parent, "the warehouse's folder")
        if file.exists() and not os.access(file, os.R_OK | os.W_OK):
            message = f"the warehouse {file} cannot be written to"
            yield Remark(part=_PART, grade=Grade.ERROR, message=message, advice="correct its owner or mode")


def _room(folder: Path, what: str) -> Iterator[Remark]:
    there = next((one for one in (folder, *folder.resolve().parents) if one.exists()), folder)
    if not there.is_dir():
        message = f"{there} is in the way of {what}: it is not a folder"
        yield Remark(part=_PART, grade=Grade.ERROR, message=message, advice="move it away")
        return
    if not os.access(there, os.W_OK | os.X_OK):
        message = f"{what} {there} cannot be written to"
        yield Remark(part=_PART, grade=Grade.ERROR, message=message, advice="correct its owner or mode")
    try:
        usage = shutil.disk_usage(there)
    except OSError as error:
        message = f"{what} {there}: {error.strerror or error}"
        yield Remark(part=_PART, grade=Grade.ERROR, message=message)
        return
    grade = judge_space(usage.free, usage.total)
    free = f"{usage.free / 1e9:,.1f} GB" if usage.free >= 1e9 else f"{usage.free / 1e6:,.0f} MB"  # noqa: PLR2004
    message = f"{free} free of {usage.total / 1e9:,.0f} GB for {what} {there}"
    advice = "" if grade is Grade.OK else "free some space; old runs are forgotten by: sqlorch db prune"
    yield Remark(part=_PART, grade=grade, message=message, advice=advice)


def _private(workspace: Workspace) -> Iterator[Remark]:
    """What holds data of the warehouse is its owner's alone, as it was made.

    In a folder that others cannot enter it does not matter what they might do with the rest.
    """
    folder = workspace.state_dir
    if not folder.is_dir() or not _open_to_others(folder):
        return
    message = f"others may look into {folder}"
    yield Remark(part=_PART, grade=Grade.NOTE, message=message, advice=f"chmod 700 {folder}")
    files = [workspace.state_file.with_name(workspace.state_file.name + end) for end in ("", "-wal")]
    for path in (*(folder / name for name in PRIVATE), *files):
        if _open_to_others(path):
            mode = "700" if path.is_dir() else "600"
            message = f"others may read {path}"
            yield Remark(part=_PART, grade=Grade.WARNING, message=message, advice=f"chmod {mode} {path}")


def _open_to_others(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & _OTHERS)
    except OSError:  # not there, or not ours to look at
        return False
