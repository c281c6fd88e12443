"""Folders that cannot be written and disks that are full: one sentence, exit code 2 or 1, nothing lost."""

from __future__ import annotations

import ctypes
import os
import resource
from pathlib import Path
from typing import Any

from support.projects import Project, Said, make_project

_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE = 24, 1
FILES = {"models/a.sql": "{{ config(materialized='table') }} select range as id from range(100)"}


def as_anybody() -> None:
    """In a child about to start: give up root's right to write everywhere; others never had it."""
    if os.geteuid() == 0:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, 0, 0, 0)


def with_a_small_disk() -> None:
    """No file may grow beyond a few pages: what a full disk is to who writes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))


def spawn(project: Project, *arguments: str, before: Any) -> Said:
    return project.spawn(*arguments, preexec_fn=before)


def test_a_read_only_project_folder_is_told(tmp_path: Path) -> None:
    project = make_project(tmp_path / "shop", FILES)
    project.root.chmod(0o555)
    try:
        message = spawn(project, "run", "--json", "-i", "2013-01-03", before=as_anybody).told(2)
    finally:
        project.root.chmod(0o755)
    assert message.startswith("Error: ")
    assert str(project.root) in message
    assert "Permission denied" in message or "cannot be written" in message
    assert "\n" not in message


def test_a_read_only_state_folder_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    project = make_project(tmp_path / "shop", FILES)
    assert project.run().code == 0
    folder = project.root / ".sqlorch"
    for path in (folder, *folder.glob("state.db*"), folder / "run.lock"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        message = spawn(project, "run", "--json", "-i", "2013-01-03", before=as_anybody).told(2)
    finally:
        for path in (folder, *folder.glob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert ".sqlorch" in message
    assert len(project.sqlorch("runs", "list", "--json").document["runs"]) == 1
    assert project.run().code == 0


def test_a_full_disk_is_told_and_the_next_run_goes_on(tmp_path: Path) -> None:
    project = make_project(tmp_path / "shop", FILES)
    said = spawn(project, "run", "--json", "-i", "2013-01-03", before=with_a_small_disk)
    assert said.code in {1, 2}
    assert "Traceback" not in said.out + said.err
    assert "defect of sqlorch" not in said.err
    assert said.err.count("Error: ") == (1 if said.code == 2 else 0)
    after = project.run()
    assert (after.code, after.err) == (0, "")
    assert project.query("select count(*) from a") == [(100,)]
