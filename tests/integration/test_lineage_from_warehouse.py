"""Column lineage after a run: tables' columns and compiled SQL, for as long as the code is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.postgres import running_postgres
from support.projects import Project, Said, make_project

SHOP = {
    "models/sources.yml": """\
        version: 2
        sources: [{name: raw, schema: main, tables: [{name: orders}, {name: kinds}]}]
        """,
    "models/stg.sql": "select * from {{ source('raw', 'orders') }}",
    "models/total.sql": "select customer, sum(amount) as total from {{ ref('stg') }} group by all",
    "models/between.sql": "{{ config(materialized='ephemeral') }} select id, amount from {{ ref('stg') }}",
    "models/pivoted.sql": """\
        {%- set kinds = [] -%}
        {%- if execute -%}
        {%- for row in run_query('select kind from ' ~ source('raw', 'kinds') ~ ' order by 1') -%}
        {%- do kinds.append(row[0]) -%}
        {%- endfor -%}
        {%- endif -%}
        -- built for {{ var('ds') }}
        select id, '{{ var('ds') }}' as day
        {%- for kind in kinds %}, amount * {{ loop.index }} as {{ kind }}_amount{% endfor %}
        from {{ ref('between') }}
        """,
    "models/py.py": "def model(dbt, session):\n    return dbt.ref('total')\n",
}
TABLES = """
create table orders as select 1 as id, 'a' as customer, 10 as amount;
create table kinds as select 'big' as kind union all select 'small';
"""


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    project = make_project(tmp_path / "shop", SHOP)
    with duckdb.connect(str(project.warehouse)) as connection:
        connection.execute(TABLES)
    return project


def columns(said: Said, uid: str) -> list[str]:
    assert said.code == 0, said.err
    (node,) = [node for node in said.document["nodes"] if node["unique_id"] == f"model.shop.{uid}"]
    return [column["name"] for column in node["columns"]]


def read(project: Project, *more: str) -> Said:
    return project.sqlorch("lineage", "--columns", "--format", "json", *more)


def edges(said: Said) -> set[tuple[str, ...]]:
    return {(*edge["from"], *edge["to"], edge["kind"]) for edge in said.document["column_edges"]}


def resolved(said: Said) -> bool:
    told = said.document["coverage"]
    return bool(told["resolved_models"] == told["models"] and told["resolved_columns"] == told["columns"])


def test_the_warehouse_is_asked_when_it_is_asked_for(shop: Project) -> None:
    before = read(shop)
    assert not resolved(before)
    assert columns(before, "stg") == []
    asked = read(shop, "--warehouse")
    assert columns(asked, "stg") == ["id", "customer", "amount"]
    assert resolved(asked)
    assert ("model.shop.stg", "amount", "model.shop.total", "total", "aggregate") in edges(asked)
    (orders,) = [node for node in asked.document["nodes"] if node["name"] == "orders"]
    types = {column["name"]: column["type"] for column in orders["columns"]}
    assert types == {"id": "INTEGER", "customer": "VARCHAR", "amount": "INTEGER"}
    assert read(shop).document == asked.document


def test_a_run_leaves_columns_and_compiled_sql(shop: Project) -> None:
    shop.sqlorch("run", "--interval", "2013-01-03", "--quiet")
    said = read(shop)
    assert resolved(said)
    assert columns(said, "stg") == ["id", "customer", "amount"]
    assert columns(said, "pivoted") == ["id", "day", "big_amount", "small_amount"]
    assert ("model.shop.between", "amount", "model.shop.pivoted", "small_amount", "transform") in edges(said)
    assert ("model.shop.stg", "amount", "model.shop.between", "amount", "pass-through") in edges(said)
    assert columns(said, "py") == ["customer", "total"]
    assert said.document["coverage"]["sources"] == {"warehouse": 2}
    assert said.document["coverage"]["compiled_models"] == 1


def test_what_was_compiled_holds_until_the_code_changes(shop: Project) -> None:
    shop.sqlorch("run", "--interval", "2013-01-03", "--quiet")
    first = read(shop).document
    shop.sqlorch("run", "--interval", "2013-01-04", "--quiet")
    assert read(shop).document == first
    shop.write({"models/pivoted.sql": SHOP["models/pivoted.sql"].replace("amount *", "id +")})
    assert columns(read(shop), "pivoted") == ["id", "day"]
    shop.write({"models/pivoted.sql": SHOP["models/pivoted.sql"]})
    assert read(shop).document == first


def test_a_model_that_was_edited_has_the_columns_of_its_sql(shop: Project) -> None:
    shop.sqlorch("run", "--interval", "2013-01-03", "--quiet")
    shop.write({"models/stg.sql": "select id, amount from {{ source('raw', 'orders') }}"})
    said = read(shop)
    assert columns(said, "stg") == ["id", "amount"]
    assert not resolved(said)  # total wants a column that is there no more


def test_a_source_that_changed_is_seen_at_the_next_run(shop: Project) -> None:
    shop.sqlorch("run", "--interval", "2013-01-03", "--quiet")
    with duckdb.connect(str(shop.warehouse)) as connection:
        connection.execute("alter table orders add column channel text")
    assert "channel" not in columns(read(shop), "stg")
    shop.sqlorch("run", "--interval", "2013-01-03", "--quiet")
    assert columns(read(shop), "stg") == ["id", "customer", "amount", "channel"]


def test_without_columns_of_sources_the_way_to_them_is_told(shop: Project) -> None:
    told = "the columns of 2 sources are not known; ask for them with: sqlorch lineage --columns --warehouse"
    assert told in shop.sqlorch("lineage", "--columns").out
    assert told not in shop.sqlorch("lineage").out
    assert "not known" not in shop.sqlorch("lineage", "--columns", "--warehouse").out


def test_a_catalog_that_fails_costs_a_warning(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlorch.dbt.session import WarmSession  # noqa: PLC0415 - dbt takes seconds to import

    def fail(self: Any) -> Any:
        raise RuntimeError("no\ncatalog")

    monkeypatch.setattr(WarmSession, "columns", fail)
    said = shop.run()
    assert said.code == 0
    assert said.err == "warning: the columns of the warehouse are not remembered: RuntimeError: no catalog\n"


def test_an_adapter_without_a_known_catalog_is_asked_table_by_table(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlorch.dbt import catalog  # noqa: PLC0415 - dbt takes seconds to import

    monkeypatch.setattr(catalog, "_QUERIES", {})
    said = read(shop, "--warehouse")
    assert columns(said, "stg") == ["id", "customer", "amount"]


@pytest.mark.postgres
def test_postgres_has_a_catalog_too(tmp_path: Path) -> None:
    files = {
        "models/sources.yml": """\
            version: 2
            sources: [{name: raw, schema: lineage_raw, tables: [{name: Orders, quoting: {identifier: true}}]}]
            """,
        "models/stg.sql": "select * from {{ source('raw', 'Orders') }}",
        "models/seen.sql": "{{ config(materialized='materialized_view') }} select * from {{ ref('stg') }}",
    }
    with running_postgres() as postgres:
        project = make_project(tmp_path / "shop", {**files, "profiles.yml": postgres.profile("lineage_shop")})
        postgres.query("create schema lineage_raw")
        postgres.query('create table lineage_raw."Orders" (id int, tags text[], n numeric(9,2))')
        asked = read(project, "--warehouse")
        assert columns(asked, "stg") == ["id", "tags", "n"]
        assert resolved(asked)
        assert project.sqlorch("run", "--interval", "2013-01-03", "--quiet").code == 0
    said = read(project)  # the server is gone: nothing is asked
    (node,) = [node for node in said.document["nodes"] if node["unique_id"] == "model.shop.seen"]
    assert [(column["name"], column["type"]) for column in node["columns"]] == [
        ("id", "integer"),
        ("tags", "text[]"),
        ("n", "numeric(9,2)"),
    ]
