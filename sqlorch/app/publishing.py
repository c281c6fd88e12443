"""Publish marts and sqlorch's own tables for dashboards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlorch.app.clock import SystemClock
from sqlorch.app.summaries import SUMMARIES, summary_tables
from sqlorch.app.workspace import Workspace
from sqlorch.config.meta import group_nodes
from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.errors import ConfigError, IntegrationError, SqlorchError
from sqlorch.domain.selector import select
from sqlorch.engine.ports import ArrowStream, ExportTable, Publication

if TYPE_CHECKING:
    from sqlorch.dbt.session import WarmSession
    from sqlorch.domain.grouping import Grouping
    from sqlorch.state.moment import Moment
    from sqlorch.state.store import SqlStore

_RELATIONS = frozenset({"model", "seed", "snapshot"})
_OWN = {
    "runs": "One row a run: its interval, state and duration.",
    "node_runs": "One row a node of a run: state, attempts, rows and duration.",
    "test_results": "One row an execution of a test: what it found.",
    "expectation_results": "One row an expectation each time it was checked: what was found.",
    "source_freshness": "One row a source that a run reads and that says how fresh it must be.",
}
_EDGES = [("parent", "text"), ("child", "text"), ("parent_name", "text"), ("child_name", "text")]
_EDGES += [("parent_kind", "text"), ("child_kind", "text")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What was exported.

    Attributes:
        publications: one for each file written.
        notices: tables that could not be exported, and why, one sentence each.
        failure: why a file could not be written, ``""`` when all were.
    """

    publications: Sequence[Publication] = ()
    notices: Sequence[str] = ()
    failure: str = ""


def publish_after_run(workspace: Workspace, session: WarmSession, store: SqlStore) -> Published:
    """Publish to the files of ``sqlorch.yml``; a failure is told, it does not undo the runs."""
    targets = workspace.settings.exports.to
    if not targets:
        return Published()
    try:
        return publish(workspace, session, store, targets)
    except SqlorchError as error:
        return Published(failure=str(error))


def publish(
    workspace: Workspace, session: WarmSession, store: SqlStore, targets: Iterable[Path]
) -> Published:
    """Publish the selected tables and sqlorch's own to each target.

    Raises:
        ConfigError: a target of an unknown kind, or two tables of one name.
        IntegrationError: a target cannot be written.
    """
    from sqlorch.exporters.registry import exporter_for  # noqa: PLC0415 - pyarrow is heavy

    exporters = [exporter_for(_harmless(target, workspace, session)) for target in targets]
    groups = group_nodes(session.dag, workspace.settings, select_nodes)
    nodes, notices = _exported(workspace, session, groups)
    with (
        session.driver_connection() as connection,
        _snapshot(session.adapter_type, connection),
        store.moment() as moment,
    ):
        read = _reader(session.adapter_type, connection)
        marts = [_mart(node, name, partial(read, connection)) for name, node in _named(nodes).items()]
        own = [_own(moment, name, text) for name, text in _OWN.items()]
        summaries = summary_tables(moment, session.dag, groups, now=SystemClock().now())
        tables = [*marts, *own, _edges(session.dag), *summaries]
        publications = [exporter.publish(tables) for exporter in exporters]
    return Published(publications=publications, notices=notices)


def _harmless(target: Path, workspace: Workspace, session: WarmSession) -> Path:
    """``target``, when publishing to it replaces neither the warehouse nor what we remember.

    Raises:
        ConfigError: it would.
    """
    precious = [("the warehouse", path) for path in session.warehouse_files]
    for what, path in (*precious, ("sqlorch's state", workspace.state_dir / "state.db")):
        if path.exists() and target.exists() and path.samefile(target):
            raise ConfigError(f"cannot export to {target}: it is {what}, which would be replaced")
    return target


@contextmanager
def _snapshot(adapter_type: str, connection: Any) -> Iterator[None]:
    """One state of the warehouse for all tables, where the warehouse can give it."""
    if adapter_type != "postgres":
        yield
        return
    connection.rollback()
    with connection.cursor() as cursor:
        cursor.execute("begin isolation level repeatable read, read only")
    try:
        yield
    finally:
        connection.rollback()


def _exported(workspace: Workspace, session: WarmSession, groups: Grouping) -> tuple[list[Node], list[str]]:
    dag, exports = session.dag, workspace.settings.exports
    wanted: set[str] = set()
    if exports.select:
        wanted |= select(dag, exports.select, exports.exclude or (), kinds=_RELATIONS)
    wanted |= groups.exported
    nodes, notices = [], []
    for uid in sorted(wanted):
        node = dag[uid]
        if node.materialized == "ephemeral" or node.relation is None:
            notices.append(f"{node.name} is not exported: it is ephemeral, there is no table of it")
        elif not session.exists(uid):
            notices.append(f"{node.name} is not exported: it has not been built yet")
        else:
            nodes.append(node)
    return nodes, notices


def select_nodes(dag: Dag, text: str, exclude: str | None, *, may_be_empty: bool = False) -> frozenset[str]:
    """Selection as ``sqlorch.yml`` uses it: tests only when they are named."""
    return select(dag, text, exclude or (), indirect="empty", may_be_empty=may_be_empty)


def _named(nodes: Iterable[Node]) -> dict[str, Node]:
    """Each table's name in the file: the relation's own, which must be unique and none of ours."""
    names = [(_table_name(node), node) for node in nodes]
    twice = [name for name, count in Counter(name.lower() for name, _ in names).items() if count > 1]
    if twice:
        owners = " and ".join(node.unique_id for name, node in names if name.lower() == twice[0])
        raise ConfigError(f"two exported tables are called {twice[0]}: {owners}; leave one out of exports")
    for name, node in names:
        if name.lower() in {*_OWN, *SUMMARIES, "lineage_edges"}:
            raise ConfigError(
                f"{node.unique_id} cannot be exported: the name {name} is taken by sqlorch's own table"
            )
    return dict(names)


def _table_name(node: Node) -> str:
    return str(node.config.get("alias") or node.name)


def _mart(node: Node, name: str, read: Callable[[str], AbstractContextManager[ArrowStream]]) -> ExportTable:
    query = f"select * from {node.relation}"
    return ExportTable(name=name, open=partial(read, query), description=node.description)


def _reader(adapter_type: str, connection: Any) -> Callable[[Any, str], AbstractContextManager[ArrowStream]]:
    if adapter_type not in _READERS and not hasattr(connection, "cursor"):
        raise IntegrationError(
            f"tables of a {adapter_type} warehouse cannot be exported: its driver has no cursors; "
            "take 'exports' out of sqlorch.yml"
        )
    return _READERS.get(adapter_type, _read_rows)


def _read_duckdb(connection: Any, query: str) -> AbstractContextManager[ArrowStream]:
    from sqlorch.exporters.duckdb_rows import reading  # noqa: PLC0415 - only this warehouse needs it

    return reading(connection, query)


def _read_postgres(connection: Any, query: str) -> AbstractContextManager[ArrowStream]:
    from sqlorch.exporters.postgres_rows import reading  # noqa: PLC0415 - psycopg2 is an extra

    return reading(connection, query)


def _read_rows(connection: Any, query: str) -> AbstractContextManager[ArrowStream]:
    from sqlorch.exporters.cursor_rows import reading  # noqa: PLC0415 - pyarrow is heavy

    return reading(connection, query)


_READERS = {"duckdb": _read_duckdb, "postgres": _read_postgres}


def _own(moment: Moment, name: str, description: str) -> ExportTable:
    @contextmanager
    def stream() -> Iterator[ArrowStream]:
        from sqlorch.exporters.arrow import table_from_rows  # noqa: PLC0415 - pyarrow is heavy

        columns, rows = moment.dashboard_rows(name)
        yield table_from_rows(columns, rows)

    return ExportTable(name=name, open=stream, description=description)


def _edges(dag: Dag) -> ExportTable:
    @contextmanager
    def stream() -> Iterator[ArrowStream]:
        from sqlorch.exporters.arrow import table_from_rows  # noqa: PLC0415 - pyarrow is heavy

        rows = (
            (parent, child, dag[parent].name, dag[child].name, dag[parent].kind, dag[child].kind)
            for parent, child in dag.edges
        )
        yield table_from_rows(_EDGES, rows)

    return ExportTable(name="lineage_edges", open=stream, description="One row an edge of the project's DAG.")
