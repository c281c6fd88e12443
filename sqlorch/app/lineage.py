"""The lineage commands: a project read from its files, put together with its groups; dbt only to compare."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlorch import __version__
from sqlorch.app.git import changed_files
from sqlorch.app.publishing import select_nodes
from sqlorch.app.workspace import Choices, Workspace, open_workspace
from sqlorch.config.expectations import read_suites, suite_files
from sqlorch.config.locate import said_to_dbt
from sqlorch.config.meta import group_nodes
from sqlorch.config.places import file_name
from sqlorch.domain.dag import Dag
from sqlorch.domain.errors import ConfigError, CycleError, SqlorchError, StateError
from sqlorch.domain.expectations import with_expectations
from sqlorch.domain.grouping import Grouping
from sqlorch.domain.masking import Masker, replace_texts, secrets_of
from sqlorch.domain.selector import select
from sqlorch.lineage import Project, load_project
from sqlorch.lineage.adapter_guess import ADAPTERS
from sqlorch.lineage.checks import Finding, check_project, cycle_findings
from sqlorch.lineage.profile import ProfileChoice, read_target
from sqlorch.lineage.project_file import FILE_NAME as PROJECT_FILE
from sqlorch.lineage.project_file import read_raw
from sqlorch.lineage.remembered import Remembered
from sqlorch.lineage.verify import Verification, verify

if TYPE_CHECKING:
    from sqlorch.lineage.columns import ColumnLineage, KnownColumns
    from sqlorch.lineage.project_columns import Describe

_REST = re.compile(r"(?::(?P<line>\d+)(?::\d+)?)?: (?P<message>.*)\Z")
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
        found = project_columns(
            self.project,
            self.known_columns,
            describe=self._files,
            cache=cache,
            compiled=self.remembered.sql,
        )
        if cache is not None:
            cache.save()
        return found

    @cached_property
    def known_columns(self) -> Mapping[str, KnownColumns]:
        """Columns of sources, seeds and snapshots that no SQL of the project makes."""
        from sqlorch.lineage.project_columns import known_columns  # noqa: PLC0415 - sqlglot; the graph does without

        return known_columns(self.project, self._files, self.remembered.columns)

    @cached_property
    def sources(self) -> Counter[str]:
        """How many sources have their columns from where; ``unknown`` where nobody says all of them."""
        origins: Counter[str] = Counter()
        built = {source for _, source in self.project.inferred}
        for uid, node in self.project.dag.nodes.items():
            if node.kind == "source" and uid not in built:
                known = self.known_columns.get(uid)
                origins[str(known.origin) if known is not None and known.complete else "unknown"] += 1
        return origins

    @cached_property
    def remembered(self) -> Remembered:
        """What runs, or :func:`ask_warehouse`, saw in the warehouse."""
        return Remembered(_cache_dir(self.workspace), self.project)

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
    workspace = _open(choices)
    return LineageView(workspace=workspace, project=load(workspace))


def check(choices: Choices) -> list[Finding]:
    """Everything that is wrong with a project, as far as its files tell.

    Cycles, or groups that contradict one another, are findings; the other rules are applied as far as they
    can be without.

    Raises:
        SqlorchError: there is no project to check, or its settings cannot be read.
    """
    workspace = _open(choices)
    try:
        project = _load(workspace)
    except CycleError as error:
        return cycle_findings(error, workspace.location.project_dir)
    wrong: list[Finding] = []
    try:
        project = _with_expectations(project)
    except ConfigError as error:
        wrong = suite_findings(error, project)
    return [*wrong, *_check_groups(LineageView(workspace=workspace, project=project))]


def _sentences(rule: str, error: SqlorchError) -> list[Finding]:
    return [Finding(rule=rule, severity="error", message=line) for line in str(error).splitlines()]


def suite_findings(error: ConfigError, project: Project) -> list[Finding]:
    """What is wrong with expectations, each at its file and line."""
    files = {file_name(file): file.relative_to(project.root).as_posix() for file in suite_files(project.root)}
    files |= {path: path for node in project.dag.nodes.values() if (path := node.patch_path or node.path)}
    return [_placed("expectations", line, files) for line in str(error).splitlines()]


def _placed(rule: str, sentence: str, files: Mapping[str, str]) -> Finding:
    """A finding of a sentence that begins with its place, ``file:line:column:`` or ``file:``."""
    named = max((name for name in files if sentence.startswith(f"{name}:")), key=len, default="")
    rest = _REST.match(sentence[len(named) :]) if named else None
    if rest is None:
        return Finding(rule=rule, severity="error", message=sentence)
    line, message = int(rest["line"] or 0), rest["message"]
    return Finding(rule=rule, severity="error", message=message, path=files[named], line=line)


def _check_groups(view: LineageView) -> list[Finding]:
    try:
        return check_project(view.project, view.grouping)
    except SqlorchError as error:
        return [*_sentences("groups", error), *check_project(view.project, None)]


def project_folder(choices: Choices) -> Path:
    """The folder that the paths of findings are relative to."""
    return _open(choices).location.project_dir


def ask_warehouse(view: LineageView) -> None:
    """Ask the warehouse for the columns of the project's tables, and remember them.

    Raises:
        SqlorchError: dbt cannot open the project or its warehouse.
    """
    session = view.workspace.session()
    try:
        view.remembered.keep(session.columns(), compiled={})
    finally:
        session.close()


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


def openlineage(view: LineageView, chosen: frozenset[str]) -> Iterator[dict[str, Any]]:
    """The lineage of the chosen nodes as OpenLineage events, in lineage order.

    The namespace of the jobs is OPENLINEAGE_NAMESPACE, as for OpenLineage's own clients. With
    SOURCE_DATE_EPOCH (reproducible-builds.org) equal files give equal events.

    Raises:
        ConfigError: SOURCE_DATE_EPOCH is no number of seconds.
    """
    from sqlorch.lineage.openlineage import events  # noqa: PLC0415 - sqlglot; the graph does without
    from sqlorch.lineage.project_columns import dialect_of  # noqa: PLC0415 - likewise

    made = events(
        view.project,
        view.columns,
        view.known_columns,
        chosen=chosen,
        at=_told_time(),
        producer=f"https://github.com/sqlorch/sqlorch/tree/v{__version__}",
        namespace=os.environ.get("OPENLINEAGE_NAMESPACE") or "sqlorch",
        dialect=dialect_of(view.project.adapter),
    )
    mask = Masker(secrets_of(os.environ)).known  # templates may have put them into the SQL
    return (replace_texts(event, mask) for event in made)


def _told_time() -> datetime:
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if not epoch:
        return datetime.now(UTC)
    try:
        return datetime.fromtimestamp(int(epoch), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ConfigError(f"SOURCE_DATE_EPOCH is no number of seconds since 1970: {epoch!r}") from error


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


def _open(choices: Choices) -> Workspace:
    if choices.adapter is not None and choices.adapter not in ADAPTERS:
        near = get_close_matches(choices.adapter, sorted(ADAPTERS), n=3) or sorted(ADAPTERS)
        raise ConfigError(f"no adapter is called {choices.adapter!r}; did you mean {' or '.join(near)}?")
    return open_workspace(choices, connects=False)


def load(workspace: Workspace) -> Project:
    """Read a project from its files, or from what is remembered of them; expectations are nodes of it.

    Raises:
        SqlorchError: it cannot be read, its references form a cycle, or its expectations are wrong.
    """
    return _with_expectations(_load(workspace))


def _with_expectations(project: Project) -> Project:
    suites = read_suites(project.root, project.dag)
    return replace(project, dag=with_expectations(project.dag, suites)) if suites else project


def _load(workspace: Workspace) -> Project:
    with _project_dir(workspace):
        return load_project(
            workspace.location.project_dir,
            profiles_dir=workspace.location.profiles_dir,
            profile=said_to_dbt("profile", os.environ),
            target=workspace.choices.target,
            adapter=workspace.choices.adapter,
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


def warehouse_files(workspace: Workspace) -> list[Path]:
    """The files the warehouse is in by profiles.yml; none where it is a server, in memory or not said."""
    choices = workspace.choices
    root = workspace.location.project_dir
    choice = ProfileChoice(
        directory=workspace.location.profiles_dir,
        profile=said_to_dbt("profile", os.environ),
        target=choices.target,
        adapter=choices.adapter,
    )
    try:
        with _project_dir(workspace):
            target = read_target(root, read_raw(root, PROJECT_FILE), choice, workspace.variables)
    except SqlorchError:  # whoever reads the project says why
        return []
    if target.adapter == "sqlite":
        paths = target.values.get("schemas_and_paths")
        return [Path(str(path)) for path in paths.values()] if isinstance(paths, Mapping) else []
    path = str(target.values.get("path") or ":memory:") if target.adapter == "duckdb" else ":"
    return [] if ":" in path else [Path(path)]
