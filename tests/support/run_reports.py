"""Made-up reports on a run, small enough that every answer is known by heart.

stg_orders (tried twice) > fct_orders (fails) > board (not run); stg_customers beside them
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from sqlorch.reports.run_model import Finding, PathStep, RunNode, RunReport, Source, SourceRead, Try

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
STG_ORDERS, STG_CUSTOMERS = "model.shop.stg_orders", "model.shop.stg_customers"
FCT_ORDERS, BOARD = "model.shop.fct_orders", "model.shop.board"
EXPECTED = "expectations.shop.stg_orders"
SQL = (
    "create table fct_orders as\nselect\n    o.id,\n    sum(o.amuont) as total -- 'a sum'\nfrom stg_orders o"
)


def _node(unique_id: str, state: str, **more: Any) -> RunNode:
    kind, _, name = unique_id.split(".", 2)
    named = f"{name} expectations" if kind == "expectations" else name
    return RunNode(unique_id=unique_id, name=named, kind=kind, state=state, path=f"models/{name}.sql", **more)


def _try(number: int, state: str, start: float, end: float, message: str = "") -> Try:
    return Try(number=number, state=state, start=start, end=end, message=message)


def failed_run() -> RunReport:
    """A run with a retry, a failure, a failed expectation and what they held up."""
    nodes = (
        _node(
            STG_ORDERS,
            "success",
            seconds=3.0,
            waited=0.5,
            rows=1200,
            tries=(_try(1, "failed", 0.5, 1.5, "the connection was closed"), _try(2, "success", 4.0, 7.0)),
            usual=(1.0, 1.2),
            hints=("took 3.0 s, 3.0 times its usual 1.0 s (median of 9)",),
        ),
        _node(STG_CUSTOMERS, "success", seconds=2.0, waited=0.0, tries=(_try(1, "success", 0.0, 2.0),)),
        _node(
            EXPECTED,
            "failed",
            on=STG_ORDERS,
            severity="error",
            seconds=1.0,
            message="1 of 2 expectations failed",
            where="expectations/stg_orders.yml:3",
            tries=(_try(1, "failed", 7.0, 8.0),),
            findings=(
                Finding(
                    expectation="expect_column_values_to_be_between",
                    column="amount",
                    arguments="min_value: 0",
                    checked=1200,
                    unexpected=3,
                    samples=("-7", "-9"),
                    origin="expectations/stg_orders.yml:3",
                ),
                Finding(expectation="expect_table_row_count_to_be_between", ok=True, observed="1200"),
            ),
        ),
        _node(
            FCT_ORDERS,
            "failed",
            seconds=2.0,
            waited=0.0,
            message='Binder Error: Referenced column "amuont" not found',
            where="models/fct_orders.sql:12",
            tries=(_try(1, "failed", 7.0, 9.0),),
            source=Source(text=SQL, compiled=True, mark=4),
            log="sqlorch runs logs r1 model.shop.fct_orders",
            held=1,
        ),
        _node(BOARD, "upstream_failed", reason="upstream fct_orders failed"),
    )
    return RunReport(
        run_id="manual-20240229T000000Z-0001",
        group="daily",
        state="failed",
        interval="2024-02-29",
        interval_full="2024-02-29 00:00 -> 2024-03-01 00:00 UTC",
        made_at=NOON,
        generation=2,
        seconds=9.0,
        queued=1.0,
        created_at=NOON,
        started_at=NOON,
        finished_at=NOON,
        variables={"ds": "2024-02-29"},
        settings={"target": "default"},
        retry="sqlorch retry manual-20240229T000000Z-0001",
        nodes=nodes,
        edges=((STG_ORDERS, FCT_ORDERS), (STG_CUSTOMERS, FCT_ORDERS), (FCT_ORDERS, BOARD)),
        path=(
            PathStep(unique_id=STG_ORDERS, waited=0.5, seconds=6.5),
            PathStep(unique_id=FCT_ORDERS, waited=0.0, seconds=2.0),
        ),
        chart_seconds=9.0,
        chart_start=NOON,
    )


def hostile_run(names: Sequence[str]) -> RunReport:
    """A run in which everything that somebody could name has one of these names."""
    states = ("failed", "warn", "upstream_failed", "success")
    nodes = tuple(_hostile(at, name, states[at % len(states)]) for at, name in enumerate(names))
    return RunReport(
        run_id=names[0],
        group=names[0],
        kind=names[1],
        state="failed",
        reason=names[1],
        interval=names[2],
        interval_full=names[3],
        made_at=NOON,
        variables=dict.fromkeys(names, names[0]),
        settings=dict.fromkeys(names, names[1]),
        retry=names[0],
        nodes=nodes,
        edges=tuple((a.unique_id, b.unique_id) for a, b in pairwise(nodes)),
        path=tuple(PathStep(unique_id=node.unique_id, waited=0.1, seconds=1.0) for node in nodes),
        sources=tuple(SourceRead(name=name, state="warn", text=name) for name in names),
        chart_seconds=float(len(nodes)),
        chart_start=NOON,
    )


def _hostile(at: int, name: str, state: str) -> RunNode:
    tried = state != "upstream_failed"
    return RunNode(
        unique_id=f"model.{at}.{name}" if at else "__proto__",
        name=name,
        kind="model",
        state=state,
        path=name,
        materialized=name,
        reason=name,
        message=name,
        where=name,
        severity=name,
        seconds=1.0,
        waited=0.1,
        rows=at,
        tries=(_try(1, "failed", at, at + 0.5, name), _try(2, state, at + 0.6, at + 1)) if tried else (),
        usual=(1.0, 2.0),
        hints=(name,),
        findings=(
            Finding(
                expectation=name,
                column=name,
                arguments=name,
                origin=name,
                observed=name,
                checked=3,
                unexpected=1,
                samples=(name, name),
                error=name,
            ),
        ),
        source=Source(text=f"select '{name}' -- {name}\n/* {name}", compiled=bool(at % 2), mark=1),
        log=name,
        held=1,
    )
