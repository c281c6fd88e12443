"""Flat, typed tables for dashboards: runs, their nodes, results of tests and expectations, sources.

A column's type is one of ``text``, ``integer`` (64 bit), ``real`` and ``timestamp`` (an aware datetime in
UTC); every column may hold None. The columns and their order are a promise to people's dashboards: new ones
are only added at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, select

from sqlorch.domain.dag import TEST_KINDS
from sqlorch.domain.errors import StateError
from sqlorch.domain.run import NodeState, Outcome
from sqlorch.state.codec import bytes_in, from_micros_or_none
from sqlorch.state.tables import attempt, expectation_result, node_run, run, source_freshness
from sqlorch.state.waited import first_attempt, is_first, queued

Columns = list[tuple[str, str]]
_Described = list[tuple[str, str, ColumnElement[Any]]]

_BATCH = 1000


def tables() -> list[str]:
    """The names :func:`describe` knows."""
    return list(_TABLES)


def describe(table: str) -> Columns:
    """Name and type of each column, in order.

    Raises:
        StateError: there is no such table.
    """
    return [(name, kind) for name, kind, _ in _described(table)]


def rows(connection: Connection, table: str) -> Iterator[tuple[Any, ...]]:
    """The rows, oldest run first, fetched as they are asked for."""
    described = _described(table)
    convert = [_AS_TOLD.get(name) or _READ.get(kind) for name, kind, _ in described]
    statement = _TABLES[table][1](select(*(element.label(name) for name, _, element in described)))
    result = connection.execute(statement.execution_options(yield_per=_BATCH))
    for row in result:
        yield tuple(
            value if change is None else change(value) for change, value in zip(convert, row, strict=True)
        )


def _described(table: str) -> _Described:
    if table not in _TABLES:
        raise StateError(f"there is no dashboard table {table}; there are {', '.join(_TABLES)}")
    return _TABLES[table][0]


def _seconds(start: ColumnElement[Any], end: ColumnElement[Any]) -> ColumnElement[Any]:
    return (end - start) / 1_000_000.0


def _nodes_in(*states: NodeState) -> ColumnElement[Any]:
    """How many nodes of the run are in one of the states (in any, when none is named)."""
    counted = select(func.count()).select_from(node_run).where(node_run.c.run_id == run.c.run_id)
    if states:
        counted = counted.where(node_run.c.state.in_(states))
    return counted.correlate(run).scalar_subquery()


_RUN: _Described = [
    ("run_id", "text", run.c.run_id),
    ("group_name", "text", run.c.group_name),
    ("interval_start", "timestamp", run.c.interval_start),
    ("interval_end", "timestamp", run.c.interval_end),
]
_RUNS: _Described = [
    *_RUN,
    ("timezone", "text", run.c.timezone),
    ("kind", "text", run.c.kind),
    ("generation", "integer", run.c.gen),
    ("state", "text", run.c.state),
    ("reason", "text", run.c.reason),
    ("created_at", "timestamp", run.c.created_at),
    ("started_at", "timestamp", run.c.started_at),
    ("finished_at", "timestamp", run.c.finished_at),
    ("seconds", "real", _seconds(run.c.started_at, run.c.finished_at)),
    ("nodes", "integer", _nodes_in()),
    ("nodes_success", "integer", _nodes_in(NodeState.SUCCESS)),
    ("nodes_failed", "integer", _nodes_in(NodeState.FAILED)),
    ("nodes_skipped", "integer", _nodes_in(NodeState.SKIPPED, NodeState.UPSTREAM_FAILED)),
    ("nodes_cancelled", "integer", _nodes_in(NodeState.CANCELLED)),
    ("due_at", "timestamp", run.c.due_at),
    # one that is made again starts after it was made, but waited for that in its first generation only
    ("queued_seconds", "real", case((run.c.gen == 1, _seconds(run.c.created_at, run.c.started_at)))),
]
_NODE: _Described = [
    *_RUN,
    ("unique_id", "text", node_run.c.unique_id),
    ("name", "text", node_run.c.name),
    ("kind", "text", node_run.c.kind),
]
_NODE_RUNS: _Described = [
    *_NODE,
    ("path", "text", node_run.c.path),
    ("materialized", "text", node_run.c.materialized),
    ("position", "integer", node_run.c.position),
    ("generation", "integer", node_run.c.gen),
    ("state", "text", node_run.c.state),
    ("reason", "text", node_run.c.reason),
    ("attempts", "integer", node_run.c.tries),
    ("outcome", "text", attempt.c.outcome),
    ("started_at", "timestamp", attempt.c.started_at),
    ("finished_at", "timestamp", attempt.c.finished_at),
    ("seconds", "real", _seconds(attempt.c.started_at, attempt.c.finished_at)),
    ("rows", "integer", attempt.c.rows),
    ("failures", "integer", attempt.c.failures),
    ("message", "text", attempt.c.message),
    ("bytes", "integer", attempt.c.adapter_response),
    ("queued_seconds", "real", queued / 1_000_000.0),
]
_READ: dict[str, Callable[[Any], Any]] = {"timestamp": from_micros_or_none}
_AS_TOLD: dict[str, Callable[[Any], Any]] = {"bytes": bytes_in}
_STATUS = case(
    {Outcome.SUCCESS.value: "pass", Outcome.WARN.value: "warn", Outcome.FAIL.value: "fail"},
    value=attempt.c.outcome,
    else_="error",
)
_TEST_RESULTS: _Described = [
    *_NODE,
    ("tested_node", "text", node_run.c.attached_to),
    ("severity", "text", node_run.c.severity),
    ("generation", "integer", attempt.c.gen),
    ("attempt", "integer", attempt.c.n),
    ("status", "text", _STATUS),
    ("failures", "integer", attempt.c.failures),
    ("started_at", "timestamp", attempt.c.started_at),
    ("finished_at", "timestamp", attempt.c.finished_at),
    ("seconds", "real", _seconds(attempt.c.started_at, attempt.c.finished_at)),
    ("message", "text", attempt.c.message),
]
_EXPECTATION_RESULTS: _Described = [
    *_NODE,
    ("checked_node", "text", node_run.c.attached_to),
    ("generation", "integer", attempt.c.gen),
    ("attempt", "integer", attempt.c.n),
    ("expectation", "text", expectation_result.c.expectation),
    ("column_name", "text", expectation_result.c.column_name),
    ("arguments", "text", expectation_result.c.arguments),
    ("severity", "text", expectation_result.c.severity),
    ("ok", "integer", expectation_result.c.ok),
    ("observed", "text", expectation_result.c.observed),
    ("checked", "integer", expectation_result.c.checked),
    ("unexpected", "integer", expectation_result.c.unexpected),
    ("samples", "text", expectation_result.c.samples),
    ("error", "text", expectation_result.c.error),
    ("finished_at", "timestamp", attempt.c.finished_at),
]
_SOURCE_FRESHNESS: _Described = [
    *_RUN,
    ("unique_id", "text", source_freshness.c.unique_id),
    ("source", "text", source_freshness.c.source),
    ("generation", "integer", source_freshness.c.gen),
    ("status", "text", source_freshness.c.status),
    ("max_loaded_at", "timestamp", source_freshness.c.max_loaded_at),
    ("snapshotted_at", "timestamp", source_freshness.c.snapshotted_at),
    (
        "age_seconds",
        "real",
        _seconds(source_freshness.c.max_loaded_at, source_freshness.c.snapshotted_at),
    ),
    ("warn_after_seconds", "integer", source_freshness.c.warn_after),
    ("error_after_seconds", "integer", source_freshness.c.error_after),
    ("message", "text", source_freshness.c.message),
]
_Query = Callable[[Select[Any]], Select[Any]]


def _from_runs(query: Select[Any]) -> Select[Any]:
    return query.select_from(run).order_by(run.c.id)


def _from_nodes(query: Select[Any]) -> Select[Any]:
    return (
        query.select_from(run)
        .join(node_run, node_run.c.run_id == run.c.run_id)
        .outerjoin(attempt, attempt.c.attempt_id == node_run.c.last_attempt_id)
        .outerjoin(first_attempt, is_first)
        .order_by(run.c.id, node_run.c.position)
    )


def _from_tests(query: Select[Any]) -> Select[Any]:
    """Every attempt that gave a verdict, those of earlier generations and retries included."""
    same_node = and_(attempt.c.run_id == node_run.c.run_id, attempt.c.unique_id == node_run.c.unique_id)
    verdicts = [Outcome.SUCCESS, Outcome.WARN, Outcome.FAIL, Outcome.ERROR]
    return (
        query.select_from(run)
        .join(node_run, node_run.c.run_id == run.c.run_id)
        .join(attempt, same_node)
        .where(node_run.c.kind.in_(sorted(TEST_KINDS)), attempt.c.state == "done")
        .where(attempt.c.outcome.in_(verdicts))
        .order_by(run.c.id, attempt.c.attempt_id)
    )


def _from_expectations(query: Select[Any]) -> Select[Any]:
    same_node = and_(attempt.c.run_id == node_run.c.run_id, attempt.c.unique_id == node_run.c.unique_id)
    return (
        query.select_from(run)
        .join(node_run, node_run.c.run_id == run.c.run_id)
        .join(attempt, same_node)
        .join(expectation_result, expectation_result.c.attempt_id == attempt.c.attempt_id)
        .order_by(run.c.id, expectation_result.c.attempt_id, expectation_result.c.position)
    )


def _from_sources(query: Select[Any]) -> Select[Any]:
    return (
        query.select_from(run)
        .join(source_freshness, source_freshness.c.run_id == run.c.run_id)
        .order_by(run.c.id, source_freshness.c.gen, source_freshness.c.source)
    )


_TABLES: dict[str, tuple[_Described, _Query]] = {
    "runs": (_RUNS, _from_runs),
    "node_runs": (_NODE_RUNS, _from_nodes),
    "test_results": (_TEST_RESULTS, _from_tests),
    "expectation_results": (_EXPECTATION_RESULTS, _from_expectations),
    "source_freshness": (_SOURCE_FRESHNESS, _from_sources),
}
