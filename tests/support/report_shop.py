"""A small project for the report's page, small enough that every answer is known by heart.

raw.orders > stg_orders > fct_orders > revenue (exposure); raw.customers > stg_customers > fct_orders
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlorch.reports.model import (
    Bar,
    Gantt,
    LineageReport,
    NodeRuns,
    ReportColumn,
    ReportColumnEdge,
    ReportGroup,
    ReportNode,
    ReportRun,
    ReportTest,
)

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
RAW_ORDERS, RAW_CUSTOMERS = "source.shop.raw.orders", "source.shop.raw.customers"
DESCRIPTION = """What was sold.

| status | meaning |
|---|---|
| `paid` | the **money** is in |

- one row per order
- <b>no</b> refunds"""
STG_ORDERS, STG_CUSTOMERS = "model.shop.stg_orders", "model.shop.stg_customers"
FCT_ORDERS, REVENUE = "model.shop.fct_orders", "exposure.shop.revenue"
SQL = """-- what was paid
select o.id, sum(o.amount) as total
from {{ ref('stg_orders') }} o
where o.status = 'paid'"""


def _runs(state: str, seconds: float, *, critical: bool = False, message: str | None = None) -> NodeRuns:
    return NodeRuns(
        state=state,
        seconds=seconds,
        last_run=NOON,
        rows=100,
        freshness_seconds=300.0,
        critical=critical,
        durations=(seconds, seconds * 2),
        message=message,
    )


def _node(unique_id: str, path: str, columns: str = "", **more: Any) -> ReportNode:
    kind, _, name = unique_id.split(".", 2)
    known = tuple(ReportColumn(name=column, type="BIGINT") for column in columns.split())
    return ReportNode(
        unique_id=unique_id,
        name=name,
        kind=kind,
        path=path,
        folder=path.rpartition("/")[0],
        columns=known,
        **more,
    )


_FCT_ORDERS = _node(
    FCT_ORDERS,
    "models/marts/fct_orders.sql",
    "id total",
    schema="analytics",
    group="daily",
    materialized="table",
    description=DESCRIPTION,
    owner="Finance <finance@example.com>",
    tags=("money", "nightly"),
    relation='"shop"."analytics"."fct_orders"',
    sql=SQL,
    schedule="@daily, UTC",
    runs=_runs("failed", 4.0, critical=True, message="Binder Error: no"),
    tests=(
        ReportTest(name="not_null_fct_orders_id", column="id", state="success", failures=0, at=NOON),
        ReportTest(name="total_is_positive", severity="warn", state="warn", failures=3, at=NOON),
    ),
)
_HOURLY = {"schema": "staging", "group": "hourly", "materialized": "view"}
_NODES = (
    _node(RAW_ORDERS, "models/staging/_raw.yml", "order_id amount status", schema="raw"),
    _node(RAW_CUSTOMERS, "models/staging/_raw.yml", "customer_id", schema="raw"),
    _node(
        STG_ORDERS,
        "models/staging/stg_orders.sql",
        "id amount status",
        runs=_runs("success", 1.0, critical=True),
        **_HOURLY,
    ),
    _node(STG_CUSTOMERS, "models/staging/stg_customers.sql", "id", runs=_runs("success", 0.5), **_HOURLY),
    _FCT_ORDERS,
    _node(REVENUE, "models/marts/_marts.yml"),
)
_EDGES = {
    (RAW_ORDERS, STG_ORDERS): False,
    (RAW_CUSTOMERS, STG_CUSTOMERS): True,
    (STG_ORDERS, FCT_ORDERS): False,
    (STG_CUSTOMERS, FCT_ORDERS): False,
    (FCT_ORDERS, REVENUE): False,
}


def _edge(start: str, end: str, kind: str, expression: str = "") -> ReportColumnEdge:
    """From ``node/column`` to ``node/column``, or to ``node`` for all of its rows."""
    (parent, parent_column), (child, _, child_column) = start.split("/"), end.partition("/")
    return ReportColumnEdge(
        parent=parent,
        parent_column=parent_column,
        child=child,
        child_column=child_column or None,
        kind=kind,
        expression=expression,
    )


_COLUMN_EDGES = (
    _edge(f"{RAW_ORDERS}/order_id", f"{STG_ORDERS}/id", "rename"),
    _edge(f"{RAW_ORDERS}/amount", f"{STG_ORDERS}/amount", "transform", "CAST(amount AS BIGINT)"),
    _edge(f"{RAW_ORDERS}/status", f"{STG_ORDERS}/status", "pass-through"),
    _edge(f"{STG_ORDERS}/id", f"{FCT_ORDERS}/id", "pass-through"),
    _edge(f"{STG_ORDERS}/amount", f"{FCT_ORDERS}/total", "aggregate", "SUM(o.amount)"),
    _edge(f"{STG_ORDERS}/status", FCT_ORDERS, "filter", "o.status = 'paid'"),
    _edge(f"{STG_CUSTOMERS}/id", FCT_ORDERS, "join"),
)


def _bar(node: str, start: float, end: float, state: str, **more: Any) -> Bar:
    return Bar(
        **{"node": node, "test": None, "attempt": 1, "run_id": "r1", **more},
        start=start,
        end=end,
        state=state,
    )


_GANTT = Gantt(
    start=NOON,
    seconds=9.0,
    bars=(
        _bar(STG_ORDERS, 0.0, 1.0, "success"),
        _bar(STG_CUSTOMERS, 0.0, 0.5, "success"),
        _bar(FCT_ORDERS, 1.0, 3.0, "failed"),
        _bar(FCT_ORDERS, 4.0, 8.0, "failed", attempt=2),
        _bar(FCT_ORDERS, 8.0, 9.0, "warn", test="total_is_positive"),
    ),
)


def shop(*, ran: bool = True) -> LineageReport:
    """The project, with what one run left behind, or as it is before its first run."""
    nodes = _NODES if ran else tuple(replace(node, runs=NodeRuns()) for node in _NODES)
    run = ReportRun(run_id="r1", group="daily", interval="2024-02-29", state="failed", finished_at=NOON)
    return LineageReport(
        project="shop",
        adapter="duckdb",
        nodes=nodes,
        edges=_EDGES,
        column_edges=_COLUMN_EDGES,
        groups=(ReportGroup(name="hourly", schedule="@hourly"), ReportGroup(name="daily", schedule="@daily")),
        runs=(run,) if ran else (),
        gantt=_GANTT if ran else None,
        generated_at=NOON if ran else None,
    )
