"""The lineage commands: a project read from its files, put together with its groups; dbt only to compare."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sqlorch.app.git import changed_files
from sqlorch.app.publishing import select_nodes
from sqlorch.app.workspace import Choices, Workspace, open_workspace
from sqlorch.config.meta import group_nodes
from sqlorch.domain.dag import Dag
from sqlorch.domain.errors import CycleError, SqlorchError, StateError
from sqlorch.domain.grouping import Grouping
from sqlorch.domain.selector import select
from sqlorch.lineage import Project, load_project
from sqlorch.lineage.checks import Finding, check_project, cycle_finding
from sqlorch.lineage.verify import Verification, verify

if TYPE_CHECKING:
    from sqlorch.lineage.columns import ColumnLineage, KnownColumns
    from sqlorch.lineage.project_columns import Describe

_MACRO = re.compile(r"\{%-?\s*(?:macro|test|materialization)\s+(\w+)")


@dataclass(frozen=True, kw_only=True)
class LineageView:
    """A project as the lineage commands see it.

    Attributes:
        workspace: where it is and what it is told.
        project: as read from its files.
    """

    workspace: Workspace
    project: Project

    @cached_property
    def grouping(self) -> Grouping:
        """Who belongs to which group; a selection means what it means to dbt, inferred edges left out.

        Raises:
            SqlorchError: the groups cannot be used.
        """
        dag, inferred = self.project.dag, self.project.inferred
        if inferred:
            dag = Dag(dag.nodes.values(), set(dag.edges) - inferred, project=dag.project)
        return group_nodes(dag, self.workspace.settings, select_nodes)

    @cached_property
    def columns(self) -> ColumnLineage:
        """Which column is made from which."""
        from sqlorch.lineage.column_cache import ColumnCache  # noqa: PLC0415 - sqlglot; the graph does without
        from sqlorch.lineage.project_columns import project_columns  # noqa: PLC0415 - likewise

        folder = _cache_dir(self.workspace)
        cache = None
        if folder is not None:
            cache = ColumnCache(folder, str(self.project.root), self.project.adapter)
        found = project_columns(self.project, self.known_columns, describe=self._files, cache=cache)
        if cache is not None:
            cache.save()
        return found

    @cached_property
    def known_columns(self) -> Mapping[str, KnownColumns]:
        """Columns of sources, seeds and snapshots that no SQL of the project makes."""
        from sqlorch.lineage.project_columns import known_columns  # noqa: PLC0415 - sqlglot; the graph does without

        return known_columns(self.project, self._files)

    @cached_property
    def _files(self) -> Describe | None:
        from sqlorch.lineage.described import FileColumns  # noqa: PLC0415 - sqlglot; the graph does without

        return FileColumns() if self.project.adapter == "duckdb" else None

    def selected(self, selection: Sequence[str]) -> frozenset[str]:
        """Unique ids that a selection means; everything without one."""
        return select(self.project.dag, tuple(selection))


def open_view(choices: Choices) -> LineageView:
    """Read a project; nothing of dbt is imported.

    Raises:
        SqlorchError: it cannot be found or read, or its references form a cycle.
    """
    workspace = open_workspace(choices)
    return LineageView(workspace=workspace, project=load(workspace))


def check(choices: Choices) -> list[Finding]:
    """Everything that is wrong with a project, as far as its files tell.

    A cycle, or groups that contradict one another, are findings; the other rules are applied as far as they
    can be without.

    Raises:
        SqlorchError: there is no project to check, or its settings cannot be read.
    """
    workspace = open_workspace(choices)
    try:
        view = LineageView(workspace=workspace, project=load(workspace))
    except CycleError as error:
        return [cycle_finding(error, workspace.location.project_dir)]
    try:
        return check_project(view.project, view.grouping)
    except SqlorchError as error:
        broken = [Finding(rule="groups", severity="error", message=line) for line in str(error).splitlines()]
        return [*broken, *check_project(view.project, None)]


def project_folder(choices: Choices) -> Path:
    """The folder that the paths of findings are relative to."""
    return open_workspace(choices).location.project_dir


def verify_against_dbt(view: LineageView) -> Verification:
    """Compare with what dbt finds when it parses the project in the same way.

    Raises:
        SqlorchError: dbt cannot open the project or its warehouse.
    """
    session = view.workspace.session()
    try:
        dag = session.dag
    finally:
        session.close()
    return compare(view.project, dag)


def compare(project: Project, dag: Dag) -> Verification:
    """Compare a project as read from its files with the graph dbt found."""
    manifest = {
        "nodes": {uid: {} for uid in dag.nodes},
        "parent_map": {uid: sorted(dag.parents(uid)) for uid in dag.nodes},
    }
    return verify(project.dag, manifest, inferred=project.inferred)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a change set touches.

    Attributes:
        files: changed files, relative to the project's folder.
        nodes: nodes that are made of one of them: its SQL, its YAML, a macro it calls.
        other: files no node is made of, deleted ones among them.
    """

    files: tuple[str, ...]
    nodes: tuple[str, ...]
    other: tuple[str, ...]


def changes_since(view: LineageView, revision: str) -> Changes:
    """The nodes whose files differ from a revision of git.

    Raises:
        ConfigError: git cannot say.
    """
    files = changed_files(view.project.root, revision)
    nodes: set[str] = set()
    other: list[str] = []
    for file in files:
        found = _made_of(view.project, file)
        nodes |= found
        if not found:
            other.append(file)
    order = tuple(uid for uid in view.project.dag.order if uid in nodes)
    return Changes(files=files, nodes=order, other=tuple(other))


def _made_of(project: Project, file: str) -> frozenset[str]:
    found = {
        uid
        for uid, node in project.dag.nodes.items()
        if node.package == project.name and file in {node.path, node.patch_path} and not node.is_test
    }
    if found or not file.endswith(".sql"):
        return frozenset(found)
    try:
        text = (project.root / file).read_text(encoding="utf-8", errors="replace")
    except OSError:  # deleted since: what used it does not resolve any more, which `check` tells
        return frozenset()
    macros = {f"macro.{project.name}.{name}" for name in _MACRO.findall(text)}
    return frozenset(uid for uid, called in project.macros.items() if macros.intersection(called))


def load(workspace: Workspace) -> Project:
    """Read a project from its files, or from what is remembered of them.

    Raises:
        SqlorchError: it cannot be read, or its references form a cycle.
    """
    with _project_dir(workspace):
        return load_project(
            workspace.location.project_dir,
            profiles_dir=workspace.location.profiles_dir,
            target=workspace.choices.target,
            vars={**workspace.sample_variables, **workspace.variables},
            cache_dir=_cache_dir(workspace),
        )


@contextmanager
def _project_dir(workspace: Workspace) -> Iterator[None]:
    """Tell profiles and sources where the project is, as the session does for dbt."""
    before = os.environ.get("DBT_PROJECT_DIR")
    os.environ["DBT_PROJECT_DIR"] = str(workspace.location.project_dir)
    try:
        yield
    finally:
        if before is None:
            del os.environ["DBT_PROJECT_DIR"]
        else:
            os.environ["DBT_PROJECT_DIR"] = before


def _cache_dir(workspace: Workspace) -> Path | None:
    """The state folder, made private when it is new; None where none can be made."""
    if not workspace.state_dir.is_dir():
        from sqlorch.state.schema import make_private_folder  # noqa: PLC0415 - SQLAlchemy, only the first time

        try:
            make_private_folder(workspace.state_dir)
        except StateError:  # a read-only checkout: everything is read anew each time
            return None
    return workspace.state_dir
