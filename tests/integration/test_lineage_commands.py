"""``sqlorch lineage``, run in process on the demo project and on a small shop."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.lineage_shop import BEST, RAW, REVENUE, SEED, SHOP, STG
from support.projects import REPOSITORY, Project, environment, make_project

from sqlorch.app import lineage as composition
from sqlorch.app.workspace import Choices
from sqlorch.domain.dag import Dag
from sqlorch.lineage import load_project


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    return make_project(tmp_path / "shop", SHOP)


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The demo's files; its data stays where it is."""
    source = REPOSITORY / "project"
    shutil.copytree(
        source, tmp_path / "demo", ignore=shutil.ignore_patterns("data", ".sqlorch", "target", "*.duckdb*")
    )
    shutil.copy(REPOSITORY / "profiles" / "profiles.yml", tmp_path / "demo")
    monkeypatch.setenv("FLIGHTS_DATA_DIR", str(source / "data"))
    return Project(tmp_path / "demo")


def edges_of(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {(parent, child) for parent, child in document["edges"]}


def column_edges_of(document: dict[str, Any]) -> set[tuple[str, str | None, str, str | None, str]]:
    return {(*edge["from"], *edge["to"], edge["kind"]) for edge in document["column_edges"]}


def test_the_document_has_what_is_promised(shop: Project) -> None:
    document = shop.sqlorch("lineage", "--format", "json", "--columns").document
    assert list(document) == ["nodes", "edges", "column_edges", "unresolved", "coverage"]
    nodes = {node["unique_id"]: node for node in document["nodes"]}
    assert nodes[REVENUE] == {
        "unique_id": REVENUE,
        "kind": "model",
        "name": "revenue",
        "path": "models/marts/revenue.sql",
        "group": "daily",
        "materialized": "view",
        "description": "What each customer brought in.",
        "columns": [
            {"name": "customer", "type": "", "description": "Who."},
            {"name": "revenue", "type": "", "description": ""},
            {"name": "paid", "type": "BIGINT", "description": ""},
        ],
    }
    assert nodes[RAW]["group"] is None
    assert [column["name"] for column in nodes[SEED]["columns"]] == ["id", "customer", "amount", "status"]
    assert {
        (SEED, RAW),
        (RAW, STG),
        (STG, REVENUE),
        (REVENUE, BEST),
        (BEST, "exposure.shop.board"),
    } <= edges_of(document)
    edges = column_edges_of(document)
    assert (SEED, "amount", RAW, "amount", "pass-through") in edges
    assert (RAW, "amount", STG, "amount_eur", "transform") in edges
    assert (STG, "amount_eur", REVENUE, "revenue", "aggregate") in edges
    assert (STG, "status", REVENUE, "paid", "filter") in edges
    assert (REVENUE, "revenue", BEST, None, "filter") in edges
    assert document["unresolved"] == []
    assert document["coverage"]["columns_percent"] == 100.0
    assert document["coverage"]["resolved_columns"] == document["coverage"]["columns"] > 10


def test_a_selection_leaves_out_nodes_and_the_edges_to_them(shop: Project) -> None:
    chosen = shop.sqlorch("lineage", "--format", "json", "--columns", "-s", "revenue best").document
    assert {n["unique_id"] for n in chosen["nodes"] if n["kind"] == "model"} == {REVENUE, BEST}
    assert (REVENUE, BEST) in edges_of(chosen)
    assert (STG, REVENUE) not in edges_of(chosen)
    assert {edge["from"][0] for edge in chosen["column_edges"]} == {REVENUE}


def test_without_columns_no_sql_is_read(shop: Project) -> None:
    document = shop.sqlorch("lineage", "--format", "json").document
    assert document["column_edges"] == []
    assert "columns" not in document["coverage"]
    assert document["coverage"] | {"nodes": 0, "edges": 0} == {
        "nodes": 0,
        "edges": 0,
        "degraded": [],
        "unresolved": 0,
    }


def test_the_tree_names_every_node_once(shop: Project) -> None:
    said = shop.sqlorch("lineage")
    lines = said.out.splitlines()
    assert said.code == 0
    assert lines[0].startswith("raw_orders  seed")
    assert "raw.raw_orders  source; built by the node above, which dbt does not know" in lines[1]
    assert "revenue  view, daily, 1 test" in said.out
    for name in ("stg_orders", "customers", "revenue", "best", "board"):
        assert sum(line.split("─ ")[-1].startswith(f"{name} ") for line in lines) == 1, name
    assert lines[-1] == "4 models, 1 seed, 1 source, 1 exposure, 3 tests"


def test_the_tree_with_columns_says_how_each_is_made(shop: Project) -> None:
    out = shop.sqlorch("lineage", "--columns", "-s", "stg_orders").out
    assert "amount_eur  transform     raw.raw_orders.amount  amount / 100.0" in out
    assert "columns resolved (100 %)" in out


def test_what_cannot_be_resolved_is_told_beside_the_tree(shop: Project) -> None:
    shop.write({"models/marts/lost.sql": "select * from\n{{ ref('revenu') }}"})
    said = shop.sqlorch("lineage")
    assert "lost" in said.out
    assert said.err == (
        "warning: models/marts/lost.sql:2: ref('revenu') does not exist; did you mean revenue?\n"
    )
    (found,) = shop.sqlorch("lineage", "--format", "json").document["unresolved"]
    assert found == {
        "unique_id": "model.shop.lost",
        "reference": "ref('revenu')",
        "path": "models/marts/lost.sql",
        "line": 2,
        "reason": "unknown",
        "nearest": ["revenue"],
    }


def test_diagrams_show_groups_and_what_dbt_does_not_know(shop: Project) -> None:
    dot = shop.sqlorch("lineage", "--format", "dot").out
    assert f'"{SEED}" -> "{RAW}" [style=dashed];' in dot
    assert f'"{STG}" -> "{REVENUE}";' in dot
    assert 'label="daily";' in dot
    assert "not_null" not in dot
    mermaid = shop.sqlorch("lineage", "--format", "mermaid").out
    assert mermaid.startswith("flowchart LR\n")
    assert mermaid.count("-.->") == 1
    assert '["daily"]' in mermaid


def test_the_graph_of_the_demo_is_dbts_and_all_its_columns_are_resolved(demo: Project) -> None:
    verified = demo.sqlorch("lineage", "--verify")
    assert verified.code == 0, verified.out
    assert verified.out.endswith("the graph is the one dbt finds\n")
    assert [line.split() for line in verified.out.splitlines() if line.startswith("model")] == [
        ["model", "28", "1.000", "1.000", "35", "1.000", "1.000"]
    ]
    document = demo.sqlorch("lineage", "--columns", "--format", "json").document
    assert document["coverage"]["columns_percent"] == 100.0
    assert document["coverage"]["models"] == 29
    assert document["unresolved"] == []
    assert {n["group"] for n in document["nodes"] if n["kind"] == "model"} == {
        "reference",
        "weather_hourly",
        "flights_daily",
        "scorecard_monthly",
    }
    described = {n["unique_id"]: n["columns"] for n in document["nodes"]}["source.flights.raw.airlines"]
    assert [(column["name"], column["type"]) for column in described] == [
        ("carrier", "VARCHAR"),
        ("name", "VARCHAR"),
    ]
    assert not any("{{" in c["description"] for n in document["nodes"] for c in n["columns"])


def test_a_difference_to_dbt_is_named_and_fails(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(*arguments: Any, **more: Any) -> Any:
        project = load_project(*arguments, **more)
        edges = [edge for edge in project.dag.edges if edge != (REVENUE, BEST)]
        dag = Dag(project.dag.nodes.values(), [*edges, (STG, BEST)], project="shop")
        return replace(project, dag=dag)

    monkeypatch.setattr(composition, "load_project", forgetful)
    said = shop.sqlorch("lineage", "--verify")
    assert said.code == 1
    assert f"the edge {REVENUE} -> {BEST} is in dbt's manifest and was not found" in said.out
    assert f"the edge {STG} -> {BEST} was found and is not in dbt's manifest" in said.out
    assert [line.split()[4:] for line in said.out.splitlines() if line.startswith("model ")] == [
        ["4", "0.750", "0.750"]
    ]


def test_verify_stands_alone(shop: Project) -> None:
    assert "--verify compares the whole graph" in shop.sqlorch("lineage", "--verify", "--columns").told(2)


def test_dbt_is_not_imported(shop: Project) -> None:
    code = """
import contextlib, io, sys
from sqlorch.cli.main import main
commands = (["lineage", "--columns"], ["check"], ["impact", "stg_orders.status"], ["trace", "revenue.paid"])
for words in commands:
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            main([*words, "--project-dir", sys.argv[1], "--profiles-dir", sys.argv[1]])
    except SystemExit as done:
        assert not done.code, (words, done.code)
print(sorted({name.split(".")[0] for name in sys.modules} & {"dbt", "dbt_common", "sqlorch", "sqlglot"}))
print(any(name.startswith("sqlorch.dbt") for name in sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(shop.root)],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["['sqlglot', 'sqlorch']", "False"]


def test_a_second_reading_computes_only_what_changed(shop: Project) -> None:
    choices = Choices(project_dir=str(shop.root), profiles_dir=str(shop.root))
    assert len(composition.open_view(choices).columns.computed) == 5
    again = composition.open_view(choices)
    assert again.columns.computed == ()
    assert again.columns.find(REVENUE, "PAID") is not None
    shop.write({"models/marts/best.sql": "select customer as who from {{ ref('revenue') }}"})
    edited = composition.open_view(choices).columns
    assert edited.computed == (BEST,)
    assert [column.name for column in edited.models[BEST].columns] == ["who"]


def test_a_project_that_cannot_be_written_to_is_read_all_the_same(shop: Project) -> None:
    (shop.root / ".sqlorch").write_text("a file, so that no folder can be made")
    said = shop.sqlorch("lineage", "--columns", "--format", "json")
    assert (said.code, said.document["coverage"]["columns_percent"]) == (0, 100.0)


def test_variables_and_the_target_reach_the_models(tmp_path: Path) -> None:
    project = make_project(
        tmp_path,
        {
            "models/a.sql": "select 1 as x",
            "models/b.sql": "select 1 as x",
            "models/c.sql": "select * from {{ ref(var('which')) }} where '{{ var('ds') }}' > '' "
            "or '{{ target.name }}' = ''",
            "profiles.yml": "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: w.duckdb}\n"
            "    prod: {type: duckdb, path: w.duckdb, schema: live}\n",
        },
    )
    for name in ("a", "b"):
        document = project.sqlorch("lineage", "--format", "json", "--vars", f"{{which: {name}}}").document
        assert edges_of(document) == {(f"model.shop.{name}", "model.shop.c")}
    view = composition.open_view(
        Choices(project_dir=str(tmp_path), profiles_dir=str(tmp_path), target="prod", vars="{which: a}")
    )
    assert '"live"."a"' in view.project.sql["model.shop.c"]


def test_documents_are_json_alone(shop: Project) -> None:
    for words in (["lineage", "--format", "json"], ["check", "--json"], ["impact", "best", "--json"]):
        assert json.loads(shop.sqlorch(*words).out)
