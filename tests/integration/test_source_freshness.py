"""How fresh sources are: measured by every run that reads them, kept, told and heeded; on real warehouses."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.postgres import Postgres, running_postgres
from support.projects import Project, make_project

from sqlorch.app.run_report import run_report
from sqlorch.app.workspace import Choices, open_workspace

SOURCES = """\
    sources:
      - name: raw
        schema: main
        config:
          loaded_at_field: loaded_at
          freshness:
            warn_after: {count: 12, period: hour}
            error_after: {count: 2, period: day}
        tables:
          - name: orders
          - name: stock
          - name: notes
            config: {freshness: null}
          - name: unread
"""
FILES = {
    "models/sources.yml": SOURCES,
    "models/between.sql": "{{ config(materialized='ephemeral') }} select * from {{ source('raw', 'stock') }}",
    "models/sales.sql": "select a from {{ source('raw', 'orders') }} cross join {{ source('raw', 'notes') }}",
    "models/shelf.sql": "select a from {{ ref('between') }}",
    "models/both.sql": "select * from {{ ref('sales') }}",
    "models/alone.sql": "select 1 as a",
    "models/plain.sql": "select 1 as a",
    "seeds/days.csv": "a\n1\n",
    "snapshots/kept.yml": """\
        snapshots:
          - name: kept
            relation: source('raw', 'stock')
            config: {unique_key: a, strategy: check, check_cols: all}
    """,
    "models/units.yml": """\
        unit_tests:
          - name: counts
            model: plain
            given: []
            expect: {rows: [{a: 1}]}
    """,
}
ORDERS = "source.shop.raw.orders"


def filled(root: Path, ages: dict[str, str], **files: str) -> Project:
    """A shop whose sources are as old as told; a source that is not named is not there."""
    shop = make_project(root, {**FILES, **files})
    with duckdb.connect(str(shop.warehouse)) as connection:
        connection.execute("create table notes as select 1 as n")
        for name, age in ages.items():
            connection.execute(f"create table {name} as select 1 as a, now() - interval '{age}' as loaded_at")
    return shop


def load(shop: Project, name: str) -> None:
    with duckdb.connect(str(shop.warehouse)) as connection:
        connection.execute(f"insert into {name} select 2, now()")


def sources(shop: Project, run_id: str) -> dict[str, dict[str, Any]]:
    found: list[dict[str, Any]] = shop.sqlorch("runs", "show", run_id, "--json").document["sources"]
    return {one["source"]: one for one in found}


def run_id(said: Any) -> str:
    (run,) = said.document["runs"]
    return str(run["run_id"])


def test_a_run_leaves_how_fresh_each_source_is_that_it_reads(tmp_path: Path) -> None:
    shop = filled(tmp_path, {"orders": "50 hours", "stock": "13 hours", "unread": "1 hour"})
    said = shop.run("--select", "sales kept days plain")
    assert said.code == 0, "to be told of it fails nothing"
    assert len(said.nodes) == 5
    found = sources(shop, run_id(said))
    assert {name: one["status"] for name, one in found.items()} == {
        "raw.orders": "error",
        "raw.stock": "warn",
    }
    orders = found["raw.orders"]
    assert orders["age_seconds"] == pytest.approx(50 * 3600, abs=120)
    assert (orders["warn_after_seconds"], orders["error_after_seconds"]) == (43_200, 172_800)
    loaded, at = (datetime.fromisoformat(orders[key]) for key in ("max_loaded_at", "snapshotted_at"))
    assert (at - loaded).total_seconds() == orders["age_seconds"]
    assert loaded.tzinfo is not None
    shown = " ".join(shop.sqlorch("runs", "show", run_id(said)).out.split())
    assert "source raw.orders: error, its newest row is 2d2h old (may be 2d)" in shown
    assert "source raw.stock: warn, its newest row is 13h old (may be 12h)" in shown


def test_what_reads_no_source_with_a_limit_asks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlorch.dbt.freshness import SourceGauge  # noqa: PLC0415 - imports dbt

    asked: list[str] = []
    measure = SourceGauge.measure

    def listen(self: SourceGauge, source: Any, *more: Any) -> Any:
        asked.append(source.name)
        return measure(self, source, *more)

    monkeypatch.setattr(SourceGauge, "measure", listen)
    shop = filled(tmp_path, {"orders": "1 hour", "stock": "1 hour"})
    assert shop.run("--select", "alone").code == 0
    assert asked == []
    said = shop.sqlorch("run", "--json", "-i", "2013-01-03/2013-01-06", "--select", "sales both")
    assert said.code == 0
    assert asked == ["orders"], "one answer serves what is opened in the same seconds"
    shop.write({"sqlorch.yml": "sources: {freshness: ignore}"})
    assert shop.run("--select", "shelf").code == 0
    assert asked == ["orders"]


def test_a_source_that_cannot_be_measured_or_holds_nothing_is_told_and_fails_nothing(tmp_path: Path) -> None:
    yml = SOURCES.replace("          - name: unread\n", "          - name: gone\n")
    tested = yml + "\n    models:\n      - {name: alone}\n"
    shop = filled(
        tmp_path,
        {"orders": "1 hour", "stock": "1 hour"},
        **{
            "models/sources.yml": tested,
            "models/alone.sql": "-- depends_on: {{ source('raw', 'gone') }}\nselect 1 as a",
        },
    )
    with duckdb.connect(str(shop.warehouse)) as connection:
        connection.execute("delete from orders")
    said = shop.run("--select", "alone sales")
    assert said.code == 0
    found = sources(shop, run_id(said))
    assert (found["raw.gone"]["status"], found["raw.gone"]["max_loaded_at"]) == ("runtime error", None)
    assert "Table with name gone does not exist" in found["raw.gone"]["message"]
    assert (found["raw.orders"]["status"], found["raw.orders"]["max_loaded_at"]) == ("error", None)
    shown = " ".join(shop.sqlorch("runs", "show", run_id(said)).out.split())
    assert "source raw.gone: could not be measured: Runtime Error" in shown
    assert "raw.orders: error, it holds no row that says when it was loaded" in shown


def test_where_the_project_wants_it_nothing_is_built_on_a_source_that_is_too_old(tmp_path: Path) -> None:
    shop = filled(
        tmp_path,
        {"orders": "3 days", "stock": "13 hours"},
        **{"sqlorch.yml": "sources: {freshness: block}"},
    )
    said = shop.run("--select", "sales both shelf")
    assert said.code == 1
    assert said.states == {"sales": "upstream_failed", "both": "upstream_failed", "shelf": "success"}
    reason = "source raw.orders: error, its newest row is 3d old (may be 2d)"
    assert said.nodes["sales"]["message"] == reason
    (run,) = said.document["runs"]
    assert (run["state"], run["reason"]) == ("failed", reason)
    load(shop, "orders")
    again = shop.sqlorch("retry", run_id(said), "--json")
    assert again.code == 0, again.err
    assert sources(shop, run_id(said))["raw.orders"]["status"] == "pass"
    assert shop.query_state("select gen, source, status from source_freshness order by 1, 2") == [
        (1, "raw.orders", "error"),
        (1, "raw.stock", "warn"),
        (2, "raw.orders", "pass"),
    ]


def test_people_are_told_where_runs_by_hand_are_told_of(tmp_path: Path) -> None:
    shop = filled(
        tmp_path,
        {"orders": "3 days", "stock": "1 hour"},
        **{"sqlorch.yml": "alerts: {to: [{url: log}], manual: true}"},
    )
    said = shop.run("--select", "sales shelf")
    assert said.code == 0
    told = shop.query_state("select kind, dedupe, payload from alert where kind = 'freshness_stale'")
    ((kind, dedupe, payload),) = told
    assert (kind, dedupe) == ("freshness_stale", f"freshness_stale:{run_id(said)}:raw.orders")
    assert "its newest row is 3d old (may be 2d)" in payload
    text = (shop.root / ".sqlorch" / "alerts.log").read_text()
    assert "depends on a source that is older than it may be: raw.orders: error" in text


def test_it_is_published_and_in_the_report(tmp_path: Path) -> None:
    shop = filled(
        tmp_path,
        {"orders": "3 days", "stock": "1 hour"},
        **{"sqlorch.yml": "exports: {to: [out.sqlite, out.duckdb]}"},
    )
    said = shop.run("--select", "sales shelf")
    assert said.code == 0, said.err
    query = "select source, status, round(age_seconds / 3600) from source_freshness order by source"
    rows = [("raw.orders", "error", 72.0), ("raw.stock", "pass", 1.0)]
    with sqlite3.connect(shop.root / "out.sqlite") as connection:
        assert connection.execute(query).fetchall() == rows
    workspace = open_workspace(Choices(project_dir=shop.root, profiles_dir=shop.root))
    report = run_report(workspace, None, now=datetime.now(UTC))
    assert [(one.name, one.state, one.text[:17]) for one in report.sources] == [
        ("raw.orders", "failed", "raw.orders: error"),
        ("raw.stock", "success", ""),
    ]
    with duckdb.connect(str(shop.root / "out.duckdb"), read_only=True) as connection:
        assert connection.execute(query).fetchall() == rows


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.mark.postgres
def test_on_postgresql(tmp_path: Path, postgres: Postgres) -> None:
    postgres.query("create schema fresh")
    for name, age in {"orders": "3 days", "stock": "13 hours"}.items():
        postgres.query(f"create table fresh.{name} as select 1 as a, now() - interval '{age}' as loaded_at")
    postgres.query("create table fresh.notes as select 1 as n")
    shop = make_project(
        tmp_path,
        {
            **FILES,
            "models/sources.yml": SOURCES.replace("main", "fresh").replace("unread", "gone"),
            "models/alone.sql": "-- depends_on: {{ source('raw', 'gone') }}\nselect 1 as a",
            "profiles.yml": postgres.profile("fresh"),
            "sqlorch.yml": "sources: {freshness: block}",
        },
    )
    said = shop.run("--select", "sales shelf alone")
    assert said.states == {"sales": "upstream_failed", "shelf": "success", "alone": "success"}
    found = {name: one["status"] for name, one in sources(shop, run_id(said)).items()}
    assert found == {"raw.orders": "error", "raw.stock": "warn", "raw.gone": "runtime error"}
    postgres.query("update fresh.orders set loaded_at = now()")
    assert shop.sqlorch("retry", run_id(said), "--json").code == 0
