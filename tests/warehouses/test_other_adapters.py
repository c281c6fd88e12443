"""Any dbt adapter goes the same way: a day, the next one, a failing test, another attempt, exports."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
from support.other_warehouses import Elsewhere
from support.projects import Project, make_project

DAYS = "2013-01-03/2013-01-05"
ORDERS = "id,day,amount\n1,20130103,5\n2,20130103,7\n3,20130104,9\n"
SHOP = {
    "seeds/orders.csv": ORDERS,
    "models/stg_orders.sql": "select id, day, amount from {{ ref('orders') }}",
    "models/daily.sql": """\
        {{ config(materialized='incremental', unique_key='day') }}
        select day, count(*) as orders, sum(amount) as amount from {{ ref('stg_orders') }}
        where day = {{ var('ds_nodash') }} group by day
        """,
    "models/total.sql": """\
        {{ config(materialized='table') }}
        select count(*) as days, sum(amount) as amount from {{ ref('daily') }}
        """,
    "models/schema.yml": """\
        models:
          - name: stg_orders
            columns: [{name: id, data_tests: [unique, not_null]}]
          - name: daily
            columns: [{name: day, data_tests: [unique]}]
          - name: total
            columns: [{name: days, data_tests: [not_null]}]
        """,
    "tests/no_loss.sql": "select * from {{ ref('daily') }} where amount < 0",
    "sqlorch.yml": "groups: {shop: {select: '*', schedule: '@daily', start: 2013-01-01, timezone: UTC}}\n",
}


def shop(elsewhere: Elsewhere, root: Path, **more: str) -> tuple[Project, str]:
    """The project in a database of its own, and that database's name."""
    name = elsewhere.database()
    said = {
        "name": "shop",
        "version": "1.0",
        "profile": "shop",
        "flags": {"send_anonymous_usage_stats": False},
        "models": elsewhere.models,
    }
    target = {"target": "dev", "outputs": {"dev": {"threads": 4, **elsewhere.output(name)}}}
    files = {"dbt_project.yml": json.dumps(said), "profiles.yml": json.dumps({"shop": target})}
    return make_project(root, {**SHOP, **files, **more}), name


def test_the_second_day_is_added_to_the_first(elsewhere: Elsewhere, tmp_path: Path) -> None:
    project, name = shop(elsewhere, tmp_path)
    said = project.run(interval=DAYS)
    assert said.code == 0, said.err
    for run in said.document["runs"]:
        assert {node["state"] for node in run["nodes"]} == {"success"}
        assert len(run["nodes"]) == 9
    assert elsewhere.query(name, "select day, orders, amount from daily order by day") == [
        (20130103, 2, 12),
        (20130104, 1, 9),
    ]
    assert elsewhere.query(name, "select days, amount from total") == [(2, 21)]
    # again, nothing is there twice
    assert project.run(interval="2013-01-04").code == 0
    assert elsewhere.query(name, "select count(*), sum(amount) from daily") == [(2, 21)]


def test_rows_are_told_where_they_are_known(elsewhere: Elsewhere, tmp_path: Path) -> None:
    project, _ = shop(elsewhere, tmp_path)
    nodes = project.run(interval=DAYS).document["runs"][1]["nodes"]
    rows = {node["unique_id"].split(".")[2]: node["rows"] for node in nodes}
    assert (rows["orders"], rows["daily"]) == (3, 1 if elsewhere.counts else None)
    assert rows["stg_orders"] is None  # a view writes none, whatever the driver counts


def test_a_failing_test_holds_back_what_builds_on_it_until_a_retry(
    elsewhere: Elsewhere, tmp_path: Path
) -> None:
    project, name = shop(elsewhere, tmp_path, **{"seeds/orders.csv": f"{ORDERS}4,20130104,-30\n"})
    assert project.run(interval="2013-01-03").code == 0
    said = project.run(interval="2013-01-04")
    assert said.code == 1
    assert said.states["no_loss"] == "failed"
    assert said.states["total"] == "upstream_failed"
    assert elsewhere.query(name, "select days, amount from total") == [(1, 12)]
    project.write({"tests/no_loss.sql": "select * from {{ ref('daily') }} where amount < -100"})
    again = project.sqlorch("retry", said.document["runs"][0]["run_id"], "--json")
    assert again.code == 0, again.err
    attempts = {name: node["attempts"] for name, node in again.nodes.items()}
    assert (attempts["stg_orders"], attempts["no_loss"], attempts["total"]) == (1, 2, 1)
    assert elsewhere.query(name, "select days, amount from total") == [(2, -9)]


def test_a_mistake_is_told_with_its_file(elsewhere: Elsewhere, tmp_path: Path) -> None:
    mistake = "{{ config(materialized='table') }} select no_such from {{ ref('daily') }}"
    project, _ = shop(elsewhere, tmp_path, **{"models/total.sql": mistake})
    said = project.sqlorch("run", "--interval", "2013-01-03")
    assert said.code == 1
    assert "models/total.sql" in said.out
    assert "no_such" in said.out.lower()
    assert "Traceback" not in said.out + said.err


def test_lineage_is_dbts_and_columns_are_the_warehouses(elsewhere: Elsewhere, tmp_path: Path) -> None:
    source = {"name": "raw", "schema": "{{ target.schema }}", "tables": [{"name": "things"}]}
    more = {
        "models/sources.yml": json.dumps({"sources": [source]}),
        "models/copy.sql": "select * from {{ source('raw', 'things') }}",
    }
    project, name = shop(elsewhere, tmp_path, **more)
    assert project.run("--exclude", "copy", interval="2013-01-03").code == 0
    elsewhere.query(name, "create table things as select 1 as width, 2 as height")
    verified = project.sqlorch("lineage", "--verify")
    assert (verified.code, verified.err) == (0, "")
    assert "the graph is the one dbt finds" in verified.out
    assert project.sqlorch("check").code == 0
    read = project.sqlorch("lineage", "--columns", "--format", "json", "--warehouse")
    assert read.code == 0, read.err
    (copy,) = [node for node in read.document["nodes"] if node["unique_id"] == "model.shop.copy"]
    assert [column["name"].lower() for column in copy["columns"]] == ["width", "height"]


def test_marts_are_exported_as_they_are(elsewhere: Elsewhere, tmp_path: Path) -> None:
    settings = f"{SHOP['sqlorch.yml']}exports: {{select: daily total, to: [m.duckdb]}}\n"
    project, name = shop(elsewhere, tmp_path, **{"sqlorch.yml": settings})
    assert project.run(interval=DAYS).code == 0
    with duckdb.connect(str(tmp_path / "m.duckdb"), read_only=True) as exported:
        for table in ("daily", "total"):
            expected = elsewhere.query(name, f"select * from {table} order by 1")
            assert exported.execute(f"from {table} order by 1").fetchall() == expected
        assert exported.execute("select count(*) from node_runs").fetchall() == [(18,)]


def test_several_processes_or_one_leave_the_same_tables(elsewhere: Elsewhere, tmp_path: Path) -> None:
    many = {
        f"models/wide/w{n}.sql": f"{{{{ config(materialized='table') }}}} select {n} as n, amount "
        f"from {{{{ ref('{f'w{n - 3}' if n > 2 else 'total'}') }}}}"
        for n in range(9)
    }
    project, name = shop(elsewhere, tmp_path, **many)
    said = project.spawn("run", "--json", "--interval", "2013-01-03", "--processes", "2")
    assert said.code == 0, said.err
    assert (tmp_path / ".sqlorch" / "pool.log").exists() == elsewhere.several  # workers write there
    assert [elsewhere.query(name, f"select n, amount from w{n}") for n in range(9)] == [
        [(n, 12)] for n in range(9)
    ]


def test_expectations_are_refused_in_a_sentence(elsewhere: Elsewhere, tmp_path: Path) -> None:
    file = "expectations: [{expect_column_values_to_not_be_null: {column: day}}]\n"
    project, _ = shop(elsewhere, tmp_path, **{"expectations/daily.yml": file})
    told = project.run(interval="2013-01-03").told(2)
    assert (
        f"expectations are checked on duckdb and postgres, and this project's adapter is {elsewhere.adapter}"
        in told
    )


def test_a_query_that_takes_too_long_is_asked_to_stop(elsewhere: Elsewhere, tmp_path: Path) -> None:
    config = "{{ config(materialized='table', meta={'sqlorch': {'timeout': '1s'}}) }}"
    project, _ = shop(elsewhere, tmp_path, **{"models/late.sql": f"{config} {elsewhere.slow}"})
    said = project.run("--select", "late", interval="2013-01-03")
    assert elsewhere.was_asked_to_stop(said.nodes["late"]["message"])
