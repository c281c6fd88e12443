"""``sqlorch metrics``, hints at what is unlike before, and the summaries in published files."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.projects import REPOSITORY, Project, make_project, rows_of
from support.stores import ME

from sqlorch.domain.interval import Interval
from sqlorch.domain.run import RunSpec, RunState
from sqlorch.state.store import SqlStore

FILES = {
    "sqlorch.yml": """\
        groups: {shop: {select: "*", schedule: "@daily", start: 2013-01-01}}
        exports: {to: [metrics.duckdb, metrics.sqlite], select: fct_orders}
        """,
    "models/fct_orders.sql": """\
        {{ config(materialized='table', meta={'owner': 'Ann'}) }}
        select n from range({{ 400 if var('ds') == '2013-01-07' else 100 }}) as t(n)
        """,
    "models/small.sql": "select 1 as x from {{ ref('fct_orders') }}",
    "models/shop.yml": "models: [{name: fct_orders, columns: [{name: n, data_tests: [below_300]}]}]\n",
    "macros/below_300.sql": """\
        {% test below_300(model, column_name) %}
        select * from {{ model }} where {{ column_name }} >= 300
        {% endtest %}
        """,
}
FCT = "model.shop.fct_orders"
WEEK = "2013-01-01/2013-01-07"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_project(tmp_path_factory.mktemp("metrics") / "shop", FILES)
    said = project.run(interval=WEEK)
    assert said.code == 0
    assert said.document["anomalies"] == []
    last = project.run(interval="2013-01-07")
    assert last.code == 1
    (hint,) = last.document["anomalies"]
    assert (hint["unique_id"], hint["kind"], hint["value"], hint["usual"], hint["samples"]) == (
        FCT,
        "rows",
        400,
        100,
        6,
    )
    return project


def read(file: Path, sql: str) -> list[tuple[Any, ...]]:
    if file.suffix == ".duckdb":
        return rows_of(file, sql)
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def test_the_document_has_every_node_and_day(shop: Project) -> None:
    document = shop.sqlorch("metrics", "--json").document
    assert (document["runs"], document["succeeded"]) == (7, 6)
    nodes = {node["unique_id"]: node for node in document["nodes"]}
    assert (nodes[FCT]["executions"], nodes[FCT]["successes"], nodes[FCT]["rows"]) == (7, 7, 400)
    assert 0 < nodes[FCT]["p50"] <= nodes[FCT]["p95"]
    assert len(document["flakiest"]) == 1
    assert document["flakiest"][0].startswith("test.shop.below_300")
    assert sum(day["runs"] for day in document["days"]) == 7
    assert document["queue"][0]["group"] == "shop"
    assert document["queue"][0]["p95"] >= 0


def test_people_read_tables(shop: Project) -> None:
    said = shop.sqlorch("metrics")
    assert said.code == 0
    assert said.out.startswith("7 runs in the last 30 days, 85.7 % succeeded")
    for title in ("slowest", "flakiest", "day", "waited before the start"):
        assert title in said.out
    assert "below_300_fct_orders_n" in said.out
    assert len(shop.sqlorch("metrics", "-n", "1").out.splitlines()) < len(said.out.splitlines())


def test_a_group_alone_and_one_that_never_ran(shop: Project) -> None:
    assert shop.sqlorch("metrics", "-g", "shop", "--json").document["runs"] == 7
    assert shop.sqlorch("metrics", "-g", "nope").told(2) == "Error: no group nope ever ran; there are shop"


def test_nothing_ran(tmp_path: Path) -> None:
    new = make_project(tmp_path / "new", {"models/a.sql": "select 1 as x"})
    said = new.sqlorch("metrics", "--days", "1")
    assert (said.code, said.out) == (0, "nothing ran in the last day\n")
    assert new.sqlorch("metrics", "--json").document["nodes"] == []


def test_the_summary_of_a_run_says_what_was_unusual(tmp_path: Path) -> None:
    project = make_project(tmp_path / "shop", {k: v for k, v in FILES.items() if k != "models/shop.yml"})
    project.write({"sqlorch.yml": 'groups: {shop: {select: "*", schedule: "@daily"}}\n'})
    said = project.sqlorch("run", "--interval", "2013-01-01/2013-01-08")
    assert said.code == 0, "a hint fails nothing"
    assert (
        "! unusual model fct_orders: has 400 rows where 100 are usual (median of 6)  shop 2013-01-07"
        in said.out
    )
    refreshed = project.run("--full-refresh", interval="2013-01-07")
    assert refreshed.document["anomalies"] == [], "a full refresh is compared with nothing"
    monthly = project.run("--as-one", "--select", "fct_orders", interval="2013-02")
    assert monthly.document["anomalies"] == [], "a month is not compared with days"


@pytest.mark.parametrize("name", ["metrics.duckdb", "metrics.sqlite"])
def test_published_files_answer_a_dashboards_first_questions(shop: Project, name: str) -> None:
    file = shop.root / name
    assert read(file, "select sum(runs), sum(succeeded), sum(failed) from daily_runs") == [(7, 6, 1)]
    assert read(file, "select distinct group_name from daily_runs") == [("shop",)]
    ((attempts, owner, ordered),) = read(
        file,
        f"select attempts, owner, p50_seconds <= p95_seconds from node_durations where unique_id = '{FCT}'",
    )
    assert (attempts, owner, bool(ordered)) == (7, "Ann", True)
    failures = read(
        file, "select owner, kind, group_name, sum(failures) from owner_failures group by 1, 2, 3"
    )
    assert failures == [("Ann", "test", "shop", 1)], "a test is its model's owner's"
    assert read(file, f"select sum(attempts), max(rows) from daily_nodes where unique_id = '{FCT}'") == [
        (7, 400)
    ]
    assert read(file, "select count(*) from node_durations where owner is null") == [(1,)]


@pytest.mark.parametrize("name", ["metrics.duckdb", "metrics.sqlite"])
def test_the_queries_for_charts_run_on_both_formats(shop: Project, name: str) -> None:
    text = (REPOSITORY / "docs" / "dashboards.md").read_text(encoding="utf-8")
    queries = re.findall(r"^```sql\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    found = [read(shop.root / name, query) for query in queries]
    assert len(found) == 11
    well, failed, slow, _, waited, turns, deadlines, fresh, sources, broken, expectations = found
    assert (turns, sources) == ([], []), "nothing waits for seconds, and no source has a limit"
    assert deadlines == [], "nothing was scheduled"
    assert {row[1] for row in fresh} == {"fct_orders", "small"}
    assert sum(row[3] for row in well) == 7
    assert len(waited) == len(well)
    assert failed == [("Ann", 1, 1)]
    assert {row[0] for row in slow} == {"fct_orders", "small", "below_300_fct_orders_n"}
    assert [row[1:3] for row in broken] == [
        ("below_300_fct_orders_n", "failed"),
        ("small", "upstream_failed"),
    ]
    assert expectations == []


@pytest.fixture(scope="module")
def scheduled(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose daemon made three runs, and one for a slot it had missed."""
    project = make_project(
        tmp_path_factory.mktemp("deadlines") / "shop",
        {
            "sqlorch.yml": """\
                groups:
                  shop: {select: "*", schedule: "@daily", finish_within: 2h, start_within: 10m, owner: desk}
                exports: {to: [metrics.duckdb, metrics.sqlite], select: orders}
                """,
            "models/orders.sql": "{{ config(meta={'owner': 'Ann'}) }} select 1 as x",
            "models/zz_nobodys.sql": "select 1 as x",
        },
    )
    assert project.run(interval="2013-01-02").code == 0
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=3)
    ends = [(1, 60, RunState.SUCCESS), (30, 130, RunState.SUCCESS), (1, 10, RunState.FAILED)]
    with SqlStore.open(project.root / ".sqlorch" / "state.db") as store:
        for day, ended in enumerate(ends):
            _scheduled_run(store, midnight + timedelta(days=day), ended, {})
        _scheduled_run(store, midnight - timedelta(days=9), ends[0], {"catchup": True})
    assert project.sqlorch("export").code == 0
    return project


def _scheduled_run(
    store: SqlStore, until: datetime, ended: tuple[int, int, RunState], parameters: dict[str, Any]
) -> None:
    """A run of the day before ``until`` that started and ended so many minutes after it."""
    start, end, state = ended
    run_id = f"sched-{until:%d}"
    store.create_run(
        RunSpec(
            run_id=run_id,
            group="shop",
            interval=Interval(until - timedelta(days=1), until),
            timezone="UTC",
            variables={},
            nodes=[],
            kind="scheduled",
            invocation=parameters,
        ),
        now=until,
    )
    began = until + timedelta(minutes=start)
    store.move_run(run_id, RunState.QUEUED, RunState.RUNNING, now=began, owner=ME)
    store.move_run(run_id, RunState.RUNNING, state, now=until + timedelta(minutes=end))


@pytest.mark.parametrize("name", ["metrics.duckdb", "metrics.sqlite"])
def test_published_files_tell_of_deadlines_and_freshness(scheduled: Project, name: str) -> None:
    file = scheduled.root / name
    found = read(file, "select deadline, met, late_seconds from deadlines order by deadline, interval_start")
    assert found == [
        ("finish_within", 1, 0.0),
        ("finish_within", 0, 600.0),
        ("finish_within", 0, None),
        ("start_within", 1, 0.0),
        ("start_within", 0, 1200.0),
        ("start_within", 1, 0.0),
    ]
    assert read(file, "select distinct within_seconds from deadlines order by 1") == [(600.0,), (7200.0,)]
    ((node, group, owner, until, behind),) = read(
        file,
        "select name, group_name, owner, data_until, behind_seconds from freshness where name = 'orders'",
    )
    assert read(file, "select owner from freshness where name = 'zz_nobodys'") == [("desk",)], "its group's"
    assert (node, group, owner) == ("orders", "shop", "Ann")
    assert str(until).startswith("2013-01-03 00:00:00")
    assert behind > timedelta(days=365).total_seconds()
    assert read(file, "select count(queued_seconds) from runs where kind = 'scheduled'") == [(4,)]
    assert read(file, "select count(*) from node_runs where bytes is not null") == [(0,)], "DuckDB tells none"


def test_metrics_tell_of_deadlines_and_the_oldest_data(scheduled: Project) -> None:
    document = scheduled.sqlorch("metrics", "--json").document
    finish, start = document["deadlines"]
    assert [each["deadline"] for each in (finish, start)] == ["finish_within", "start_within"]
    assert (finish["runs"], finish["met"], finish["latest"]) == (3, 1, 600)
    assert (start["runs"], start["met"], start["latest"]) == (3, 2, 1200)
    fresh = document["freshness"][0]
    assert (fresh["unique_id"], fresh["data_until"]) == ("model.shop.orders", "2013-01-03T00:00:00+00:00")
    said = scheduled.sqlorch("metrics").out
    assert re.search(r"finish within 2h +shop +3 +33\.3 % +10 min 00 s", said)
    assert re.search(r"orders +shop +2013-01-03 00:00 UTC +[\d,]+ days", said)


def test_a_narrow_terminal_shortens_names_and_no_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "fct_" + "orders_" * 10
    project = make_project(tmp_path / "shop", {f"models/{name}.sql": "select 1 as x"})
    project.run(interval="2013-01-02")
    monkeypatch.setenv("COLUMNS", "60")
    said = project.sqlorch("metrics").out
    (line,) = [line for line in said.splitlines() if line.startswith("fct_") and "model" in line]
    assert line.startswith("fct_orders_")
    assert re.search(r"…  model( +\d+\.\d\d s){3} +1$", line.rstrip()), line


def test_a_mart_cannot_take_the_name_of_a_summary(tmp_path: Path) -> None:
    project = make_project(
        tmp_path / "shop",
        {
            "sqlorch.yml": "exports: {to: [m.duckdb], select: daily_runs}\n",
            "models/daily_runs.sql": "select 1 as x",
        },
    )
    said = project.run()
    assert "the name daily_runs is taken by sqlorch's own table" in said.err
