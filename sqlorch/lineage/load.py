"""Reads a dbt project from its files, without dbt."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from sqlorch.lineage.collecting import rarely_collecting
from sqlorch.lineage.files import find_files
from sqlorch.lineage.memory import open_memory
from sqlorch.lineage.packages import read_packages
from sqlorch.lineage.profile import ProfileChoice, read_target
from sqlorch.lineage.project import Project
from sqlorch.lineage.project_file import FILE_NAME, read_raw


def load_project(
    project_dir: Path,
    *,
    profiles_dir: Path | None = None,
    profile: str | None = None,
    target: str | None = None,
    adapter: str | None = None,
    vars: Mapping[str, Any] | None = None,  # noqa: A002 # dbt's name for them
    cache_dir: Path | None = None,
) -> Project:
    """Read a dbt project: every node, every edge, and what could not be read.

    Args:
        project_dir: the folder of dbt_project.yml.
        profiles_dir: the folder of profiles.yml; None looks where dbt does, then near the project, and does
            without when there is none.
        profile: the profile's name; None takes the project's.
        target: the target's name; None takes the profile's default.
        adapter: read it as for this adapter, whatever a profile says; None takes the profile's.
        vars: variables of the command line.
        cache_dir: where to remember the result; None remembers nothing.

    Raises:
        ProjectError: dbt_project.yml or the profile cannot be used, or the references form a cycle.
    """
    choice = ProfileChoice(directory=profiles_dir, profile=profile, target=target, adapter=adapter)
    with rarely_collecting():
        return _load(project_dir.resolve(), choice, dict(vars or {}), cache_dir)


def _load(
    root: Path, choice: ProfileChoice, command_line: Mapping[str, Any], cache_dir: Path | None
) -> Project:
    raw = read_raw(root, FILE_NAME)
    warehouse = read_target(root, raw, choice, command_line)
    packages = read_packages(root, raw, warehouse, command_line)
    files = {name: find_files(package) for name, package in packages.by_name.items()}
    memory = None
    if cache_dir is not None:
        memory = open_memory(
            cache_dir, packages, chain.from_iterable(files.values()), warehouse, command_line
        )
        remembered = memory.recall()
        if remembered is not None:
            return remembered
    from sqlorch.lineage.reading import Reading  # noqa: PLC0415 - half of what there is to import

    return Reading(packages=packages, files=files, target=warehouse, memory=memory).read()
