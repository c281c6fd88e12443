"""The root project and the packages installed beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlorch.domain.errors import ProjectError
from sqlorch.lineage.jinja.state import State, Target
from sqlorch.lineage.merge import as_list
from sqlorch.lineage.project import LoadWarning
from sqlorch.lineage.project_file import FILE_NAME, ProjectFile, read_project_file, read_raw
from sqlorch.lineage.yaml_io import read_yaml

_LISTS = ("packages.yml", "dependencies.yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """All packages, the root project first.

    Attributes:
        root: the root project.
        by_name: every package by name, the root among them.
        variables: what ``var`` sees in each package.
        warnings: packages that are missing or unreadable.
    """

    root: ProjectFile
    by_name: Mapping[str, ProjectFile]
    variables: Mapping[str, Mapping[str, Any]]
    warnings: tuple[LoadWarning, ...]


def read_packages(
    project_dir: Path, raw: Mapping[str, Any], target: Target, command_line: Mapping[str, Any]
) -> Packages:
    """Read dbt_project.yml of the root and of each installed package.

    Args:
        project_dir: the root project's folder.
        raw: its unrendered dbt_project.yml.
        target: the warehouse.
        command_line: ``--vars``, the only variables a dbt_project.yml sees.

    Raises:
        ProjectError: the root's file cannot be used, or two packages have one name.
    """
    state = State(target=target, root=raw["name"], variables={raw["name"]: command_line})
    root = read_project_file(project_dir, raw, state, FILE_NAME)
    by_name = {root.name: root}
    warnings = _missing(root)
    for folder in _installed(root):
        where = f"{root.packages_dir}/{folder.name}/{FILE_NAME}"
        try:
            package = read_project_file(folder, read_raw(folder, where), state, where)
        except ProjectError as error:
            warnings.append(
                LoadWarning(path=where, message=f"{error}; the package is left out", kind="invalid")
            )
            continue
        if package.name in by_name:
            raise ProjectError(f"{where}: there are two packages called {package.name}; remove one")
        by_name[package.name] = package
    variables = {name: visible_variables(package, root, command_line) for name, package in by_name.items()}
    return Packages(root=root, by_name=by_name, variables=variables, warnings=tuple(warnings))


def _installed(root: ProjectFile) -> list[Path]:
    folder = root.root / root.packages_dir
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("__"))


def _missing(root: ProjectFile) -> list[LoadWarning]:
    for name in _LISTS:
        path = root.root / name
        if not path.is_file():
            continue
        data = read_yaml(path, name)
        wanted = len(as_list(data.get("packages"))) if isinstance(data, Mapping) else 0
        present = len(_installed(root))
        if wanted > present:
            message = f"{wanted} packages are asked for and {present} are installed; run `dbt deps`"
            return [LoadWarning(path=name, message=message, kind="invalid")]
    return []


def visible_variables(
    package: ProjectFile, root: ProjectFile, command_line: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what ``var`` sees in a package, unrendered."""
    # The more specific come later: own package, the root for it, the command line (dbt's VarProvider).
    visible = dict(package.variables)
    for project in (package, root):
        scoped = project.variables.get(package.name)
        visible |= project.variables
        visible |= scoped if isinstance(scoped, Mapping) else {}
    return {**visible, **command_line}
