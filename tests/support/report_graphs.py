"""Made-up projects of any size for the lineage report: they look like real ones, and are the same every time.

report = made_up_report(740)                   # with columns, SQL and a run
report = made_up_report(740, ran=False)        # structure only
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from support.report_drafts import TOPICS, Draft, chance, made_up_graph, make_drafts

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

__all__ = ["NOON", "SIZES", "made_up_graph", "made_up_report"]

SIZES = (15, 150, 740, 1500, 5000)
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)

_NOUNS = (
    *("amount", "status", "region", "channel", "currency", "quantity"),
    *("price", "discount", "tax", "country", "segment", "created_at"),
)
_TYPES = ("BIGINT", "VARCHAR", "DECIMAL(18,2)", "TIMESTAMP", "BOOLEAN", "DATE", "DOUBLE")


def made_up_report(nodes: int, *, seed: int = 7, ran: bool = True) -> LineageReport:
    """A report on a project of so many nodes; ``ran`` says whether anything ever ran in it."""
    rng = chance(nodes, seed)
    drafts = make_drafts(nodes, rng)
    columns = _columns(drafts, rng)
    tests = {d.uid: _tests(d, columns[d.uid], rng, ran=ran) for d in drafts}
    runs = _runs(drafts, rng) if ran else {}
    return LineageReport(
        project="shop",
        adapter="duckdb",
        nodes=tuple(
            _node(d, columns[d.uid], tests[d.uid], runs.get(d.uid, NodeRuns()), rng, ran=ran) for d in drafts
        ),
        edges={(parent, d.uid): parent.startswith("seed.") for d in drafts for parent in d.parents},
        column_edges=tuple(_column_edges(drafts, columns, rng)),
        groups=(
            ReportGroup(name="hourly", schedule="@hourly", timezone="Europe/Berlin", description="Raw data."),
            ReportGroup(name="daily", schedule="@daily", timezone="Europe/Berlin", owner="Analytics"),
            ReportGroup(name="default"),
        ),
        runs=_headers() if ran else (),
        gantt=_gantt(drafts, runs, tests) if ran else None,
        generated_at=NOON if ran else None,
    )


def _columns(drafts: list[Draft], rng: random.Random) -> dict[str, tuple[ReportColumn, ...]]:
    found = {}
    for d in drafts:
        if d.kind == "exposure":
            found[d.uid] = ()
            continue
        topic = TOPICS[d.domain % len(TOPICS)]
        names = [f"{topic}_id", *rng.sample(_NOUNS, k=rng.randint(3, 10))]
        found[d.uid] = tuple(
            ReportColumn(
                name=name,
                type=rng.choice(_TYPES),
                description=f"The {name.replace('_', ' ')} of {topic}." if rng.random() < 0.4 else "",
                resolved=rng.random() > 0.01,
            )
            for name in names
        )
    return found


def _column_edges(
    drafts: list[Draft], columns: dict[str, tuple[ReportColumn, ...]], rng: random.Random
) -> list[ReportColumnEdge]:
    edges = []
    for d in drafts:
        for column in columns[d.uid] if d.parents else ():
            parent = rng.choice(d.parents)
            above = rng.choice(columns[parent])
            same = above.name == column.name
            kind = "pass-through" if same else rng.choice(("rename", "transform", "aggregate"))
            expression = "" if kind in {"pass-through", "rename"} else f"coalesce(sum({above.name}), 0)"
            edges.append(
                ReportColumnEdge(
                    parent=parent,
                    parent_column=above.name,
                    child=d.uid,
                    child_column=column.name,
                    kind=kind,
                    expression=expression,
                )
            )
        if d.parents and columns[d.uid]:
            edges.append(
                ReportColumnEdge(
                    parent=d.parents[0],
                    parent_column=columns[d.parents[0]][0].name,
                    child=d.uid,
                    child_column=None,
                    kind=rng.choice(("filter", "join", "group")),
                )
            )
    return edges


def _tests(
    d: Draft, columns: tuple[ReportColumn, ...], rng: random.Random, *, ran: bool
) -> tuple[ReportTest, ...]:
    if d.kind in {"exposure", "seed"} or not columns:
        return ()
    found = []
    for name in ("not_null", "unique")[: rng.randint(0, 2)]:
        failed = rng.random() < 0.02
        found.append(
            ReportTest(
                name=f"{name}_{d.name}_{columns[0].name}",
                column=columns[0].name,
                severity="error" if rng.random() < 0.8 else "warn",
                state=("failed" if failed else "success") if ran else None,
                failures=(3 if failed else 0) if ran else None,
                message="Got 3 results, configured to fail if != 0" if failed and ran else "",
                at=NOON if ran else None,
            )
        )
    return tuple(found)


def _runs(drafts: list[Draft], rng: random.Random) -> dict[str, NodeRuns]:
    found: dict[str, NodeRuns] = {}
    for d in drafts:
        if d.kind in {"source", "exposure"}:
            continue
        broken = any(found[p].state in {"failed", "upstream_failed"} for p in d.parents if p in found)
        drawn = rng.random()
        state = (
            "upstream_failed"
            if broken
            else "failed"
            if drawn < 0.004
            else "warn"
            if drawn < 0.03
            else "success"
        )
        seconds = round(rng.lognormvariate(0.2, 1.2), 3)
        age = rng.choice((600.0, 3600.0, 86_400.0))
        found[d.uid] = NodeRuns(
            state=state,
            seconds=seconds,
            last_run=NOON - timedelta(seconds=age),
            rows=rng.randint(1, 5_000_000) if d.kind == "model" else None,
            freshness_seconds=age,
            stale=age > 80_000,  # nearly a day
            critical=False,
            durations=tuple(round(seconds * rng.uniform(0.8, 1.3), 3) for _ in range(rng.randint(1, 10))),
            message="Runtime Error: division by zero" if state == "failed" else None,
        )
    return _with_critical(drafts, found)


def _with_critical(drafts: list[Draft], runs: dict[str, NodeRuns]) -> dict[str, NodeRuns]:
    total: dict[str, float] = {}
    before: dict[str, str | None] = {}
    for d in drafts:
        best = max(d.parents, key=lambda p: total[p], default=None)
        before[d.uid] = best
        own = runs[d.uid].seconds if d.uid in runs else 0.0
        total[d.uid] = (own or 0.0) + (total[best] if best else 0.0)
    at: str | None = max(total, key=lambda uid: (total[uid], uid))
    marked = dict(runs)
    while at:
        if at in marked:
            values = {name: getattr(marked[at], name) for name in NodeRuns.__dataclass_fields__}
            marked[at] = NodeRuns(**(values | {"critical": True}))
        at = before[at]
    return marked


def _headers() -> tuple[ReportRun, ...]:
    return tuple(
        ReportRun(
            run_id=f"manual-20240229T230000Z-{group[:4]}",
            group=group,
            interval="2024-02-29",
            state=state,
            started_at=NOON - timedelta(minutes=10),
            finished_at=NOON,
        )
        for group, state in (("daily", "failed"), ("hourly", "success"))
    )


def _gantt(drafts: list[Draft], runs: dict[str, NodeRuns], tests: dict[str, tuple[ReportTest, ...]]) -> Gantt:
    """Eight threads, each node after its parents."""
    free = [0.0] * 8
    done: dict[str, float] = {}
    bars = []
    for d in drafts:
        run = runs.get(d.uid)
        if run is None or run.state == "upstream_failed":
            continue
        thread = min(range(8), key=free.__getitem__)
        start = max(free[thread], max((done.get(p, 0.0) for p in d.parents), default=0.0))
        end = start + (run.seconds or 0.0)
        free[thread] = done[d.uid] = end
        bars.append(_bar(d.uid, None, start, end, str(run.state)))
        for test in tests[d.uid]:
            bars.append(_bar(d.uid, test.name, end, end + 0.2, str(test.state)))
            done[d.uid] = end + 0.2
    return Gantt(start=NOON - timedelta(minutes=10), seconds=max(bar.end for bar in bars), bars=tuple(bars))


def _bar(node: str, test: str | None, start: float, end: float, state: str) -> Bar:
    return Bar(
        node=node,
        test=test,
        attempt=1,
        run_id="manual-20240229T230000Z-dail",
        start=round(start, 3),
        end=round(end, 3),
        state=state,
    )


def _node(
    d: Draft,
    columns: tuple[ReportColumn, ...],
    tests: tuple[ReportTest, ...],
    runs: NodeRuns,
    rng: random.Random,
    *,
    ran: bool,
) -> ReportNode:
    executed = d.kind not in {"source", "exposure"}
    sql = _sql(d, columns, rng) if d.kind in {"model", "snapshot"} else None
    short = d.name.split(".")[-1]
    group = ("hourly" if d.folder.startswith("models/staging") else "daily") if executed else None
    return ReportNode(
        unique_id=d.uid,
        name=d.name,
        kind=d.kind,
        path=f"{d.folder}/{short}.{'csv' if d.kind == 'seed' else 'yml' if sql is None else 'sql'}",
        folder=d.folder,
        schema={"source": "raw", "exposure": ""}.get(
            d.kind, d.folder.split("/")[1 if "/" in d.folder else 0]
        ),
        group=group,
        package="shop",
        materialized=rng.choice(("table", "view", "incremental")) if d.kind == "model" else "",
        description=f"What {TOPICS[d.domain % len(TOPICS)]} look like after {d.name}."
        if rng.random() < 0.5
        else "",
        tags=("finance",) if d.domain % 3 == 0 else (),
        owner="Analytics" if d.domain % 2 else "",
        relation=f'"shop"."main"."{short}"' if d.kind != "exposure" else "",
        sql=sql,
        compiled=ran and sql is not None,
        schedule={"hourly": "@hourly", "daily": "@daily"}.get(group or ""),
        columns=columns,
        tests=tests,
        runs=runs,
    )


def _sql(d: Draft, columns: tuple[ReportColumn, ...], rng: random.Random) -> str:
    """About as long as the compiled SQL of real models, and as repetitive."""
    ctes = []
    for number, parent in enumerate(d.parents):
        listed = ",\n".join(f"        {column.name} as {column.name}_{number}" for column in columns)
        ctes.append(
            f'cte_{number} as (\n    select\n{listed}\n    from "shop"."main"."{parent.split(".")[-1]}"\n)'
        )
    measures = ",\n".join(
        f"    coalesce(sum(case when {column.name} > {rng.randint(1, 500)} then {column.name} end), 0)"
        f" as {column.name}"
        for column in columns
    )
    text = "with " + ",\n\n".join(ctes) if ctes else "with nothing as (select 1)"
    return f"-- {d.name}\n{text}\n\nselect\n{measures}\nfrom cte_0\ngroup by {columns[0].name}\n"
