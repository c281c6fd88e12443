"""Nodes that dbt knows nothing of, executed on a connection of its adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dbt.contracts.graph.manifest import Manifest

from sqlorch.dbt.errors import let_go_of_frames, one_line
from sqlorch.dbt.node_log import NodeLogs
from sqlorch.domain.interval import Interval
from sqlorch.domain.retry import classify
from sqlorch.domain.run import NodeResult, Outcome
from sqlorch.engine.ports import Check, Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The check of a session, with what one run tells it.

    Attributes:
        check: knows the nodes and executes them.
        interval, variables: of the run.
        retire: told the driver's connection of a node: a library may hold on to it, so no other gets it.
    """

    check: Check
    interval: Interval
    variables: Mapping[str, Any]
    retire: Callable[[Any], object]

    def execute(
        self, unique_id: str, manifest: Manifest, adapter: Any, logs: NodeLogs, log_path: Path
    ) -> NodeResult:
        """Check on a connection that has the node's name, so that it is cancelled like any other."""
        started = datetime.now(UTC)
        try:
            with adapter.connection_named(unique_id):
                handle = adapter.connections.get_thread_connection().handle
                self.retire(handle)
                with _driver_connection(handle, adapter.type()) as connection:
                    return self.check.execute(
                        unique_id,
                        _relation(manifest.nodes[_model_of(unique_id, manifest)]),
                        connection,
                        interval=self.interval,
                        variables=self.variables,
                        log=logs.write,
                        record=log_path.with_suffix(".json"),
                    )
        except Exception as error:  # noqa: BLE001 - a driver may raise anything; a node's failure is a value
            result = NodeResult(
                unique_id=unique_id,
                outcome=Outcome.ERROR,
                started_at=started,
                finished_at=datetime.now(UTC),
                message=logs.mask(one_line(str(error), placed=False)),
                error_class=classify(error),
            )
            let_go_of_frames(error)
            return result


def _model_of(unique_id: str, manifest: Manifest) -> str:
    """The node that is looked at: the same name, of whichever kind."""
    rest = unique_id.partition(".")[2]
    return next(uid for kind in ("model", "seed", "snapshot") if (uid := f"{kind}.{rest}") in manifest.nodes)


def _relation(node: Any) -> Relation:
    return Relation(schema=node.schema, name=node.alias, quoted=node.relation_name)


@contextmanager
def _driver_connection(handle: Any, adapter_type: str) -> Iterator[Any]:
    """What the driver itself calls a connection; dbt-duckdb wraps a cursor, which is one.

    A cursor of DuckDB keeps the file open for as long as it lives, and the library that is given it leaves it
    behind in circles of references.
    """
    if adapter_type != "duckdb":
        yield handle
        return
    cursor = getattr(handle.cursor(), "_cursor", None)
    if cursor is None:
        yield handle
        return
    try:
        yield cursor
    finally:
        cursor.close()
