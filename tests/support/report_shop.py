"""A small project for the report's page, small enough that every answer is known by heart.

raw.orders > stg_orders > fct_orders > revenue (exposure); raw.customers > stg_customers > fct_orders
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

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
STG_ORDERS, STG_CUSTOMERS = "model.shop.stg_orders", "model.shop.stg_customers"
FCT_ORDERS, REVENUE = "model.shop.fct_orders", "exposure.shop.revenue"
SQL = "-- what was paid\nselect o.id, sum(o.amount) as total\nfrom {{ ref('stg_orders') }} o\nwhere o.status = 'paid'"


def _columns(*names: str) -> tuple[ReportColumn, ...]:
    return tuple(ReportColumn(name=name, type="BIGINT") for name in names)


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


_NODES = (
    ReportNode(unique_id=RAW_ORDERS, name="raw.orders", kind="source", path="models/staging/_raw.yml",
               folder="models/staging", schema="raw", columns=_columns("order_id", "amount", "status")),
    ReportNode(unique_id=RAW_CUSTOMERS, name="raw.customers", kind="source", path="models/staging/_raw.yml",
               folder="models/staging", schema="raw", columns=_columns("customer_id")),
    ReportNode(unique_id=STG_ORDERS, name="stg_orders", kind="model", path="models/staging/stg_orders.sql",
               folder="models/staging", schema="staging", group="hourly", materialized="view",
               columns=_columns("id", "amount", "status"), runs=_runs("success", 1.0, critical=True)),
    ReportNode(unique_id=STG_CUSTOMERS, name="stg_customers", kind="model",
               path="models/staging/stg_customers.sql", folder="models/staging", schema="staging",
               group="hourly", materialized="view", columns=_columns("id"), runs=_runs("success", 0.5)),
    ReportNode(unique_id=FCT_ORDERS, name="fct_orders", kind="model", path="models/marts/fct_orders.sql",
               folder="models/marts", schema="analytics", group="daily", materialized="table",
               description="What was sold.", owner="Finance <finance@example.com>", tags=("money", "nightly"),
               relation='"shop"."analytics"."fct_orders"', sql=SQL, schedule="@daily, UTC",
               columns=_columns("id", "total"), runs=_runs("failed", 4.0, critical=True, message="Binder Error: no"),
               tests=(ReportTest(name="not_null_fct_orders_id", column="id", state="success", failures=0, at=NOON),
                      ReportTest(name="total_is_positive", severity="warn", state="warn", failures=3, at=NOON))),
    ReportNode(unique_id=REVENUE, name="revenue", kind="exposure", path="models/marts/_marts.yml",
               folder="models/marts"),
)  # fmt: skip
_EDGES = {
    (RAW_ORDERS, STG_ORDERS): False,
    (RAW_CUSTOMERS, STG_CUSTOMERS): True,
    (STG_ORDERS, FCT_ORDERS): False,
    (STG_CUSTOMERS, FCT_ORDERS): False,
    (FCT_ORDERS, REVENUE): False,
}


def _edge(
    parent: str, parent_column: str, child: str, child_column: str | None, kind: str, expression: str = ""
) -> ReportColumnEdge:
    return ReportColumnEdge(
        parent=parent,
        parent_column=parent_column,
        child=child,
        child_column=child_column,
        kind=kind,
        expression=expression,
    )


_COLUMN_EDGES = (
    _edge(RAW_ORDERS, "order_id", STG_ORDERS, "id", "rename"),
    _edge(RAW_ORDERS, "amount", STG_ORDERS, "amount", "transform", "CAST(amount AS BIGINT)"),
    _edge(RAW_ORDERS, "status", STG_ORDERS, "status", "pass-through"),
    _edge(STG_ORDERS, "id", FCT_ORDERS, "id", "pass-through"),
    _edge(STG_ORDERS, "amount", FCT_ORDERS, "total", "aggregate", "SUM(o.amount)"),
    _edge(STG_ORDERS, "status", FCT_ORDERS, None, "filter", "o.status = 'paid'"),
    _edge(STG_CUSTOMERS, "id", FCT_ORDERS, None, "join"),
)


def _gantt() -> Gantt:
    def bar(node: str, start: float, end: float, state: str, test: str | None = None, attempt: int = 1) -> Bar:
        return Bar(node=node, test=test, attempt=attempt, run_id="r1", start=start, end=end, state=state)

    bars = (
        bar(STG_ORDERS, 0.0, 1.0, "success"),
        bar(STG_CUSTOMERS, 0.0, 0.5, "success"),
        bar(FCT_ORDERS, 1.0, 3.0, "failed"),
        bar(FCT_ORDERS, 4.0, 8.0, "failed", attempt=2),
        bar(FCT_ORDERS, 8.0, 9.0, "warn", test="total_is_positive"),
    )
    return Gantt(start=NOON, seconds=9.0, bars=bars)


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
        gantt=_gantt() if ran else None,
        generated_at=NOON if ran else None,
    )
