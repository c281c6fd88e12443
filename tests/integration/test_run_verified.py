"""A run is ordered by dbt's graph and by what the files and the names of relations tell besides."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.projects import Project, make_project

from sqlorch.app import verified
from sqlorch.domain.dag import Dag
from sqlorch.domain.errors import ProjectError
from sqlorch.lineage.project import Project as Files

SOURCES = """\
version: 2
sources:
  - name: raw
    schema: main
    tables:
      - {name: raw_orders, columns: [{name: id, data_tests: [not_null]}]}
      - {name: made}
      - {name: loop}
"""
TABLE = "{{ config(materialized='table') }} "
SHOP = {
    "seeds/raw_orders.csv": "id,amount\n" + "".join(f"{n},{n}\n" for n in range(500)),
    "models/sources.yml": SOURCES,
    "models/a_orders.sql": TABLE + "select * from {{ source('raw', 'raw_orders') }}",
    "models/made.sql": TABLE + "select sum(amount) as total from {{ ref('a_orders') }}",
    "models/a_total.sql": TABLE + "select * from {{ source('raw', 'made') }}",
}
CIRCLE = {
    "models/loop.sql": TABLE + "select 1 as id from {{ ref('between') }}",
    "models/between.sql": "select 1 as one, '{{ source('raw', 'loop') }}' as name",
}


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    return make_project(tmp_path / "shop", SHOP)


def test_sources_that_the_project_builds_are_built_first(shop: Project) -> None:
    said = shop.run("--threads", "4")
    assert said.code == 0, said.out + said.err
    assert said.err == ""
    assert set(said.states.values()) == {"success"}
    assert shop.query("select total from a_total") == [(sum(range(500)),)]


def test_a_seed_that_fails_stops_what_reads_its_table(shop: Project) -> None:
    shop.write({"seeds/raw_orders.csv": "id,amount\n1,2,3\n"})
    said = shop.run()
    assert said.code == 1
    skipped = {name for name, state in said.states.items() if state == "upstream_failed"}
    assert {"a_orders", "made", "a_total"} <= skipped
    assert any(name.startswith("source_not_null") for name in skipped)


def test_a_selection_means_what_it_means_to_dbt(shop: Project) -> None:
    assert shop.run().code == 0
    assert set(shop.run("--select", "+a_total").states) == {"a_total"}


def test_groups_run_in_the_order_of_what_builds_their_sources(shop: Project) -> None:
    shop.write({"sqlorch.yml": "groups:\n  daily: {select: 'a_orders made a_total', schedule: '@daily'}\n"})
    said = shop.run()
    assert said.code == 0, said.out + said.err
    assert [run["group"] for run in said.document["runs"]] == ["default", "daily"]


def test_a_circle_of_groups_costs_the_order_and_no_run(shop: Project) -> None:
    shop.write({"sqlorch.yml": "groups:\n  daily: {select: a_orders, schedule: '@daily'}\n"})
    said = shop.sqlorch("run", "--dry-run", "--json", "--interval", "2013-01-03")
    assert said.code == 0, said.err
    assert sorted(run["group"] for run in said.document["runs"]) == ["daily", "default"]
    assert "the group 'default' would have to run before 'daily' and after it" in said.err
    assert said.err.count("warning: seed.shop.raw_orders builds the table of source.shop.raw.raw_orders") == 1


def test_an_edge_that_would_close_a_circle_is_left_out_and_told(shop: Project) -> None:
    shop.write(CIRCLE)
    said = shop.run()
    assert said.code == 0, said.err
    assert said.states["loop"] == "success"
    told = "model.shop.loop builds the table of source.shop.raw.loop, but does not run before what reads it"
    assert said.err == f"warning: {told}: source.shop.raw.loop is upstream of model.shop.loop\n"


def test_reading_what_it_built_the_time_before_is_nothing_to_tell(shop: Project) -> None:
    shop.write({"models/loop.sql": "select '{{ source('raw', 'loop') }}' as name"})
    said = shop.run()
    assert (said.code, said.err) == (0, "")


def test_tests_of_disabled_models_are_passed_over(shop: Project) -> None:
    shop.write(
        {
            "models/off.sql": "{{ config(enabled=false) }} select 1 as one",
            "tests/of_off.sql": "select * from {{ ref('off') }}",
        }
    )
    said = shop.run()
    assert (said.code, said.err) == (0, "")
    assert "of_off" not in said.states


def altered(project: Files, add: set[tuple[str, str]], drop: set[tuple[str, str]]) -> Files:
    edges = (set(project.dag.edges) | add) - drop
    return replace(project, dag=Dag(project.dag.nodes.values(), edges, project=project.dag.project))


def test_differences_are_named_and_both_orders_hold(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.write({"models/a_alone.sql": "select 1 as one", "models/z_alone.sql": "select 1 as one"})
    load = verified.load
    ours = ("model.shop.z_alone", "model.shop.a_alone")
    theirs = ("model.shop.a_orders", "model.shop.made")
    monkeypatch.setattr(verified, "load", lambda workspace: altered(load(workspace), {ours}, {theirs}))
    said = shop.run()
    assert said.code == 0
    assert said.err.splitlines() == [
        "warning: the edge model.shop.a_orders -> model.shop.made is in dbt's manifest and was not found",
        "warning: the edge model.shop.z_alone -> model.shop.a_alone was found and is not in dbt's manifest",
        "warning: nodes run in the order of both graphs",
    ]
    after = dict(shop.query_state("select unique_id, after_ids from node_run"))
    assert json.loads(after["model.shop.a_alone"]) == ["model.shop.z_alone"]
    assert json.loads(after["model.shop.made"]) == ["model.shop.a_orders"]


def test_many_differences_are_counted(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    load = verified.load

    def broken(workspace: Any) -> Files:
        project = load(workspace)
        return altered(project, set(), set(project.dag.edges))

    shop.write({f"models/m{n}.sql": "select * from {{ ref('a_orders') }}" for n in range(6)})
    monkeypatch.setattr(verified, "load", broken)
    said = shop.sqlorch("run", "--dry-run", "--interval", "2013-01-03")
    assert said.code == 0
    lines = said.err.splitlines()
    assert len(lines) == 7
    assert "more differences; name all with: sqlorch lineage --verify" in lines[5]


@pytest.mark.parametrize(
    ("error", "words"),
    [(ProjectError("it is\nbroken"), "it is broken"), (KeyError("x"), "KeyError: 'x'")],
)
def test_a_loader_that_fails_costs_a_warning(
    shop: Project, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    def fail(workspace: Any) -> Files:
        raise error

    monkeypatch.setattr(verified, "load", fail)
    said = shop.run()
    assert said.code == 0
    assert said.err.strip() == f"warning: dbt's graph was not compared with the project's files: {words}"
    assert said.states["a_total"] == "success"
