"""The lineage commands, run in process on the demo project and on small projects with mistakes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.projects import REPOSITORY, Project, environment, make_project

from sqlorch.app import lineage as composition
from sqlorch.app.workspace import Choices
from sqlorch.domain.dag import Dag
from sqlorch.lineage import load_project

SHOP = {
    "sqlorch.yml": 'groups:\n  daily: {select: "path:models/marts", schedule: "@daily"}\n',
    "seeds/raw_orders.csv": "id,customer,amount,status\n1,a,10,paid\n",
    "models/staging/sources.yml": """\
        version: 2
        sources:
          - name: raw
            schema: main
            tables:
              - name: raw_orders
        """,
    "models/staging/stg_orders.sql": """\
        with source as (select * from {{ source('raw', 'raw_orders') }})
        select id as order_id, customer, amount / 100.0 as amount_eur, {{ shout('status') }} as status
        from source
        """,
    "models/marts/revenue.sql": """\
        select customer, sum(amount_eur) as revenue, count(*) filter (where status = 'PAID') as paid
        from {{ ref('stg_orders') }} group by customer
        """,
    "models/marts/customers.sql": "select distinct customer from {{ ref('stg_orders') }}",
    "models/marts/best.sql": "select customer from {{ ref('revenue') }} where revenue > 100",
    "models/marts/marts.yml": """\
        version: 2
        models:
          - name: revenue
            description: What each customer brought in.
            columns: [{name: customer, description: Who., data_tests: [not_null]}]
          - name: customers
            columns: [{name: customer, data_tests: [unique]}]
          - name: best
            columns: [{name: customer, data_tests: [unique]}]
        exposures:
          - {name: board, type: dashboard, owner: {name: o}, depends_on: [ref('best')]}
        """,
    "macros/shout.sql": "{% macro shout(column) %}upper({{ column }}){% endmacro %}",
}
STG, REVENUE, BEST = "model.shop.stg_orders", "model.shop.revenue", "model.shop.best"
RAW, SEED = "source.shop.raw.raw_orders", "seed.shop.raw_orders"


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


MISTAKES = {
    "sqlorch.yml": 'groups:\n  daily: {select: "path:models/good", schedule: "@daily"}\n',
    "models/good/orders.sql": "select 1 as id",
    "models/good/good.yml": """\
        version: 2
        models:
          - name: orders
            columns: [{name: id, data_tests: [unique]}]
        sources:
          - name: raw
            tables:
              - name: used
              - name: idle
              - {name: tested_only, columns: [{name: id, data_tests: [unique]}]}
        """,
    "models/lost.sql": "-- two lines\n\nselect * from {{ ref('order') }}, {{ source('raw', 'used') }}",
    "models/off.sql": "{{ config(enabled=false) }} select 1 as x",
    "models/wants_off.sql": "select * from {{ ref('off') }}",
    "models/a/twice.sql": "select 1 as x",
    "models/b/twice.sql": "select 2 as x",
}


def found_in(project: Project) -> list[tuple[str, str, str | None, int | None]]:
    document = project.sqlorch("check", "--json").document
    return [(f["severity"], f["rule"], f["path"], f["line"]) for f in document["findings"]]


def test_check_finds_mistakes_with_file_and_line(tmp_path: Path) -> None:
    project = make_project(tmp_path, MISTAKES)
    assert found_in(project) == [
        ("error", "duplicate", "models/b/twice.sql", None),
        ("error", "unknown-ref", "models/lost.sql", 3),
        ("error", "unknown-ref", "models/wants_off.sql", 1),
        ("warning", "ungrouped", "models/a/twice.sql", 1),
        ("warning", "untested", "models/a/twice.sql", 1),
        ("warning", "unused-source", "models/good/good.yml", 9),
        ("warning", "unused-source", "models/good/good.yml", 10),
        ("warning", "ungrouped", "models/lost.sql", 1),
        ("warning", "untested", "models/lost.sql", 1),
        ("warning", "ungrouped", "models/wants_off.sql", 1),
        ("warning", "untested", "models/wants_off.sql", 1),
    ]
    said = project.sqlorch("check", "--json")
    assert said.code == 1
    assert (said.document["errors"], said.document["warnings"]) == (3, 8)
    lost = said.document["findings"][1]
    assert lost["message"] == "ref('order') does not exist; did you mean orders?"
    assert (lost["unique_id"], lost["nearest"]) == ("model.shop.lost", ["orders"])
    text = project.sqlorch("check")
    assert text.code == 1
    assert "error    models/lost.sql:3: ref('order') does not exist; did you mean orders?" in text.out
    assert text.out.endswith("3 errors, 8 warnings\n")


def test_faults_of_expectations_and_groups_have_their_file_and_line(tmp_path: Path) -> None:
    files = {
        "models/a.sql": "{{ config(meta={'sqlorch': {'expectations': ['expect_nothing']}}) }} select 1 as x",
        "models/b.sql": "select 1 as x",
        "expectations/b.yml": "expectations:\n- expect_column_to_exist: {colunm: x}\n",
        "expectations/c.yml": "expectations: [\n",
    }
    project = make_project(tmp_path, files)
    found = [f for f in project.sqlorch("check", "--json").document["findings"] if f["severity"] == "error"]
    assert [(f["rule"], f["path"], f["line"]) for f in found][:1] == [
        ("expectations", "expectations/b.yml", 2)
    ]
    assert {f["path"] for f in found} == {"expectations/b.yml", "expectations/c.yml", "models/a.sql"}
    assert all(str(tmp_path) not in f["message"] for f in found)
    assert "error    expectations/b.yml:2: " in project.sqlorch("check").out


def test_check_writes_annotations_for_github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(tmp_path / "sub" / "shop", MISTAKES)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    said = project.sqlorch("check", "--github")
    assert said.code == 1
    lines = said.out.splitlines()
    assert len(lines) == 11
    assert lines[1] == (
        "::error file=sub/shop/models/lost.sql,line=3,title=unknown-ref::"
        "ref('order') does not exist; did you mean orders?"
    )
    assert sum(line.startswith("::warning file=sub/shop/models/") for line in lines) == 8
    assert "choose one" in project.sqlorch("check", "--github", "--json").told(2)


def test_check_names_every_cycle_at_its_place(tmp_path: Path) -> None:
    refs = {"a": "b", "b": "a", "c": "a", "x": "y", "y": "x", "self": "self"}
    files = {f"models/{name}.sql": f"--\nselect * from {{{{ ref('{ref}') }}}}" for name, ref in refs.items()}
    said = make_project(tmp_path / "shop", files).sqlorch("check", "--json")
    found = {(f["rule"], f["path"], f["line"]): f["message"] for f in said.document["findings"]}
    assert set(found) == {("cycle", f"models/{name}.sql", 2) for name in ("a", "self", "x")}
    assert "models/self.sql reads itself" in found["cycle", "models/self.sql", 2]
    assert "models/x.sql reads models/y.sql reads models/x.sql" in found["cycle", "models/x.sql", 2]
    assert said.code == 1


def test_check_names_a_cycle_by_its_path(tmp_path: Path) -> None:
    project = make_project(
        tmp_path,
        {
            "models/a.sql": "select * from {{ ref('c') }}",
            "models/b.sql": "select * from\n{{ ref('a') }}",
            "models/c.sql": "select *\nfrom\n{{ ref('b') }}",
            "models/d.sql": "select * from {{ ref('c') }}",
        },
    )
    said = project.sqlorch("check", "--json")
    (cycle,) = said.document["findings"]
    assert said.code == 1
    assert (cycle["rule"], cycle["severity"]) == ("cycle", "error")
    assert (cycle["path"], cycle["line"]) in {("models/a.sql", 1), ("models/b.sql", 2), ("models/c.sql", 3)}
    assert cycle["message"].count(" reads ") == 3
    assert "models/d.sql" not in cycle["message"]
    assert "the models form a cycle" in project.sqlorch("lineage").told(2)


def test_check_passes_a_good_project_and_warnings(shop: Project) -> None:
    shop.write(
        {
            "models/staging/stg.yml": """\
                models:
                  - name: stg_orders
                    columns: [{name: order_id, data_tests: [unique]}]
                """
        }
    )
    said = shop.sqlorch("check")
    assert (said.code, said.out.count("\n")) == (0, 2)
    assert "warning  models/staging/stg_orders.sql:1: stg_orders is in no group" in said.out
    shop.write({"sqlorch.yml": ""})
    assert shop.sqlorch("check").out == "nothing to complain about\n"


def test_check_reports_groups_that_cannot_be_used_and_goes_on(shop: Project) -> None:
    shop.write(
        {
            "sqlorch.yml": "groups:\n  a: {select: path:models}\n  b: {select: best}\n",
            "models/staging/nothing.sql": "select * from {{ ref('nothing_at_all') }}",
        }
    )
    said = shop.sqlorch("check", "--json")
    rules = [finding["rule"] for finding in said.document["findings"]]
    assert said.code == 1
    assert rules[0] == "groups"
    assert "belongs to two groups" in said.document["findings"][0]["message"]
    assert "unknown-ref" in rules


def test_check_tells_what_could_not_be_rendered(shop: Project) -> None:
    shop.write(
        {
            "models/staging/odd.sql": """\
                {{ exceptions.raise_compiler_error('not today') }} select * from {{ ref('stg_orders') }}
                """
        }
    )
    found = shop.sqlorch("check", "--json").document["findings"]
    (odd,) = [f for f in found if f["rule"] == "unreadable"]
    assert (odd["severity"], odd["path"]) == ("warning", "models/staging/odd.sql")
    assert "not today" in odd["message"]


def test_impact_of_a_model_reaches_groups_exposures_and_tests(shop: Project) -> None:
    document = shop.sqlorch("impact", "stg_orders", "--json").document
    assert document["starts"] == [STG]
    assert {(node["unique_id"], node["group"]) for node in document["nodes"]} == {
        ("model.shop.customers", "daily"),
        (REVENUE, "daily"),
        (BEST, "daily"),
    }
    assert document["exposures"] == ["exposure.shop.board"]
    assert len(document["tests"]) == 3
    text = shop.sqlorch("impact", "stg_orders").out
    assert text.startswith("downstream of stg_orders: 3 nodes of 1 group; 1 exposure, 3 tests\n\ndaily\n")
    assert "\nexposures\n  board\n" in text


def test_impact_of_a_column_follows_values_and_rows(shop: Project) -> None:
    amount = shop.sqlorch("impact", "stg_orders.AMOUNT_EUR", "--json").document
    assert amount["column"] == [STG, "amount_eur"]
    assert amount["columns"] == [[REVENUE, "revenue"]]
    assert amount["rows"] == [BEST]
    assert amount["untouched"] == ["model.shop.customers"]
    assert amount["exposures"] == ["exposure.shop.board"]
    status = shop.sqlorch("impact", "stg_orders.status", "--json").document
    assert (status["columns"], status["rows"]) == ([[REVENUE, "paid"]], [])
    assert [node["unique_id"] for node in status["nodes"]] == [REVENUE]
    assert status["exposures"] == []
    assert status["untouched"] == ["model.shop.customers", BEST]
    text = shop.sqlorch("impact", "stg_orders.amount_eur").out
    assert "revenue  view  revenue\n" in text
    assert "best     view  its rows depend on it\n" in text
    assert text.endswith("downstream of the model, but not of the column: customers\n")


def test_impact_does_not_rule_out_what_it_cannot_read(shop: Project) -> None:
    shop.write(
        {
            "models/marts/scored.py": "def model(dbt, session):\n    return dbt.ref('stg_orders')\n",
            "models/marts/after.sql": "select customer from {{ ref('scored') }}",
        }
    )
    document = shop.sqlorch("impact", "stg_orders.status", "--json").document
    assert document["unsure"] == ["model.shop.scored", "model.shop.after"]
    assert "cannot be ruled out" in shop.sqlorch("impact", "stg_orders.status").out


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def test_impact_of_a_change_set(tmp_path: Path) -> None:
    shop = make_project(tmp_path / "nested" / "shop", SHOP)
    shop.write({".gitignore": ".sqlorch\n", "models/marts/old.sql": "select 1 as x"})
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    quiet = shop.sqlorch("impact", "--git", "HEAD")
    assert (quiet.code, quiet.out) == (0, "0 files changed\n")
    shop.write(
        {"macros/shout.sql": "{% macro shout(column) %}lower({{ column }}){% endmacro %}", "notes.md": "x"}
    )
    (shop.root / "models/marts/old.sql").unlink()
    document = shop.sqlorch("impact", "--git", "HEAD", "--json").document
    assert document["files"] == ["macros/shout.sql", "models/marts/old.sql", "notes.md"]
    assert document["starts"] == [STG]
    assert document["other_files"] == ["models/marts/old.sql", "notes.md"]
    assert len(document["nodes"]) == 3
    git(tmp_path, "commit", "-qam", "second")
    shop.write({"models/marts/marts.yml": SHOP["models/marts/marts.yml"] + "\n"})
    document = shop.sqlorch("impact", "--git", "HEAD", "--json").document
    assert set(document["starts"]) == {BEST, "model.shop.customers", REVENUE, "exposure.shop.board"}
    said = shop.sqlorch("impact", "--git", "HEAD~1")
    assert "not followed, because no node is made of them: models/marts/old.sql" in said.out
    assert "downstream of what changed" in said.out


def test_impact_refuses_what_git_does_not_know(shop: Project, tmp_path: Path) -> None:
    outside = shop.sqlorch("impact", "--git", "HEAD").told(2)
    assert "git" in outside
    git(shop.root, "init", "-q")
    assert shop.sqlorch("impact", "--git", "nope").told(2).startswith("Error: git: ")
    target = tmp_path / "written"
    assert "not '--output" in shop.sqlorch("impact", f"--git=--output={target}").told(2)
    assert not target.exists()
    assert "one of the two" in shop.sqlorch("impact").told(2)
    assert "one of the two" in shop.sqlorch("impact", "best", "--git", "HEAD").told(2)


def test_trace_goes_back_to_the_seed_with_an_expression_at_each_step(shop: Project) -> None:
    said = shop.sqlorch("trace", "revenue.revenue")
    assert said.out.splitlines() == [
        "revenue.revenue  aggregate",
        "SUM(amount_eur)",
        "└── stg_orders.amount_eur  transform",
        "    amount / 100.0",
        "    └── raw.raw_orders.amount  pass-through",
        "        └── raw_orders.amount  seed",
        "",
        "Which rows are in revenue depends on:",
        "  group: stg_orders.customer",
    ]


def test_trace_follows_what_decides_about_a_value(shop: Project) -> None:
    document = shop.sqlorch("trace", "revenue.paid", "--json").document
    first, second = document["steps"][:2]
    assert (first["column"], first["kind"], first["from"]) == ([REVENUE, "paid"], "aggregate", [])
    assert first["decided_by"] == [{"kind": "filter", "column": [STG, "status"]}]
    assert (second["column"], second["expression"]) == ([STG, "status"], "UPPER(status)")
    assert document["steps"][-1]["column"] == [SEED, "status"]
    assert document["steps"][-1]["kind"] is None
    assert document["rows"] == [{"kind": "group", "column": [STG, "customer"]}]


def test_trace_shows_a_column_once_and_points_to_it(shop: Project) -> None:
    shop.write(
        {
            "models/marts/ratio.sql": """\
                select amount_eur, amount_eur + order_id as both from {{ ref('stg_orders') }}
                """
        }
    )
    shop.write({"models/marts/twice.sql": "select amount_eur / both as r from {{ ref('ratio') }}"})
    out = shop.sqlorch("trace", "twice.r").out
    assert out.count("stg_orders.amount_eur") == 2
    assert "stg_orders.amount_eur, shown above" in out


def test_names_that_mean_nothing_are_answered_with_the_nearest(shop: Project) -> None:
    assert shop.sqlorch("trace", "revenu.paid").told(2) == (
        "Error: the project has no node revenu.paid; did you mean revenue?"
    )
    assert shop.sqlorch("trace", "revenue.payd").told(2) == (
        "Error: revenue has no column payd that is known; did you mean paid?"
    )
    assert "sqlorch trace revenue.COLUMN (it has customer, revenue, paid)" in shop.sqlorch(
        "trace", "revenue"
    ).told(2)
    assert "the project has no node nothing_near" in shop.sqlorch("impact", "nothing_near").told(2)
    assert os.environ.get("DBT_PROJECT_DIR") != str(shop.root)


def test_documents_are_json_alone(shop: Project) -> None:
    for words in (["lineage", "--format", "json"], ["check", "--json"], ["impact", "best", "--json"]):
        assert json.loads(shop.sqlorch(*words).out)
