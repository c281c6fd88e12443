"""After `sqlorch run`, every relation equals row for row that of `dbt build` with the same variables."""

from __future__ import annotations

import os
import shutil
from typing import Any

import pytest
from support.dbt_build import Rows, dbt_build, difference, relations
from support.projects import REPOSITORY, Project, make_project

SHOP = {
    "dbt_project.yml": """\
        name: shop
        version: "1.0"
        profile: shop
        flags: {send_anonymous_usage_stats: false}
        vars: {first_day: 2018-01-01}
        models:
          shop:
            staging: {+materialized: view}
            marts: {+materialized: table, +schema: marts}
            marts_of_mondays:
              +enabled: "{{ var('ds') == '2018-01-01' }}"
        """,
    "seeds/raw_customers.csv": "id,first_name,last_name\n1,Ada,L\n2,Grace,H\n3,Alan,T\n",
    "seeds/raw_orders.csv": (
        "id,user_id,order_date,status\n1,1,2018-01-01,returned\n"
        "2,3,2018-01-02,completed\n3,1,2018-01-02,completed\n"
        "4,2,2018-01-03,placed\n5,,2018-01-03,placed\n"
    ),
    "seeds/raw_payments.csv": (
        "id,order_id,method,cents\n1,1,card,1000\n2,2,card,2050\n3,3,coupon,100\n"
        "4,3,card,2500\n5,4,bank,1700\n"
    ),
    "models/staging/stg_customers.sql": "select id customer_id, first_name from {{ ref('raw_customers') }}",
    "models/staging/stg_orders.sql": """\
        {{ config(event_time='order_date') }}
        select id as order_id, user_id as customer_id, order_date, status from {{ ref('raw_orders') }}
        """,
    "models/staging/stg_payments.sql": """\
        select *, cast(cents / 100.0 as decimal(18, 2)) as amount from {{ ref('raw_payments') }}
        """,
    "models/staging/paid.sql": """\
        {{ config(materialized='ephemeral') }}
        select order_id, sum(amount) as amount from {{ ref('stg_payments') }} group by 1
        """,
    "models/marts/customers.sql": """\
        select customer_id, first_name, count(order_id) as orders, min(order_date) as first_order,
               coalesce(sum(amount), 0) as lifetime_value
        from {{ ref('stg_customers') }} left join {{ ref('orders') }} using (customer_id)
        group by 1, 2
        """,
    "models/marts/orders.sql": """\
        {% set methods = ['card', 'coupon', 'bank'] %}
        select order_id, customer_id, order_date, status, amount,
          {% for method in methods %}
          coalesce(sum(case when method = '{{ method }}' then p.amount end), 0) as {{ method }}_amount,
          {% endfor %}
          count(*) as payments
        from {{ ref('stg_orders') }} join {{ ref('paid') }} using (order_id)
        join {{ ref('stg_payments') }} as p using (order_id, amount)
        group by all
        """,
    "models/marts/orders_by_day.sql": """\
        {{ config(materialized='incremental', unique_key='order_id', incremental_strategy='delete+insert') }}
        select *, '{{ var('ds') }}' as loaded_for, '{{ this }}' as itself
        from {{ ref('stg_orders') }}
        where order_date >= date '{{ var('ds') }}' and order_date < date '{{ var('next_ds') }}'
        {% if is_incremental() %}
          and order_id not in (select order_id from {{ this }} where loaded_for <> '{{ var('ds') }}')
        {% endif %}
        """,
    "models/marts/order_batches.sql": """\
        {{ config(materialized='incremental', incremental_strategy='microbatch', event_time='order_date',
                  batch_size='day', begin=var('first_day') ~ '') }}
        select * from {{ ref('stg_orders') }}
        """,
    # what the interval decides: whether a model exists, what it reads, how it is built
    "models/marts_of_mondays/monday.sql": "select '{{ var('ds') }}' as day",
    "models/marts/only_second.sql": """\
        {{ config(enabled=(var('ds') == '2018-01-02')) }}
        select * from {{ ref('orders') }}
        """,
    "models/marts/reads_by_day.sql": """\
        {% if var('ds') < '2018-01-03' %} select 'orders' as source, count(*) as n from {{ ref('orders') }}
        {% else %} select 'customers' as source, count(*) as n from {{ ref('customers') }} {% endif %}
        """,
    "models/marts/built_by_day.sql": """\
        {{ config(materialized='view' if var('ds_nodash') == '20180102' else 'table') }}
        select 1 as x
        """,
    "models/marts/named_by_day.sql": """\
        {{ config(alias='named_' ~ var('ds_nodash')) }}
        select '{{ var('ts') }}' as ts
        """,
    "models/marts/marts.yml": """\
        models:
          - name: customers
            columns: [{name: customer_id, data_tests: [unique, not_null]}]
          - name: orders_by_day
            columns: [{name: customer_id, data_tests: [{not_null: {config: {severity: warn}}}]}]
          - name: reads_by_day
            config: {tags: ["day_{{ var('ds_nodash') }}"]}
        """,
    "snapshots/order_states.yml": """\
        snapshots:
          - name: order_states
            relation: ref('raw_orders')
            config: {unique_key: id, strategy: check, check_cols: [status]}
        """,
    "sqlorch.yml": "groups:\n  shop: {select: '*', schedule: '@daily', start: 2018-01-01}\n",
}


def variables_of(project: Project, run: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = project.sqlorch("runs", "show", run["run_id"], "--json").document["variables"]
    return found


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, list[dict[str, Any]], Rows]:
    """Three days run by us at once, then day by day by dbt in another warehouse of the same name."""
    root = tmp_path_factory.mktemp("shop")
    project = make_project(root / "project", SHOP)
    said = project.run(interval="2018-01-01/2018-01-04")
    assert (said.code, said.err) == (0, "")
    runs = said.document["runs"]
    for run in runs:
        done = dbt_build(
            project.root,
            project.root,
            variables_of(project, run),
            environment={"SHOP_WAREHOUSE": f"{root}/warehouse.duckdb"},
            target_path=root / "target",
        )
        assert done
    return project, runs, relations(root / "warehouse.duckdb")


def test_three_days_of_a_shop_are_what_dbt_builds(shop: tuple[Project, list[dict[str, Any]], Rows]) -> None:
    project, runs, theirs = shop
    assert [run["interval"]["start"][:10] for run in runs] == ["2018-01-01", "2018-01-02", "2018-01-03"]
    ours = relations(project.warehouse)
    assert difference(ours, theirs) == {}
    expected = {
        "main_marts.named_20180101",
        "main_marts.named_20180103",
        "main_marts.only_second",
        "main.monday",
    }
    assert expected <= ours.keys()
    assert len(ours["main_marts.orders_by_day"]) == 6  # a heading and five orders


def test_each_interval_has_the_nodes_that_dbt_has_for_it(
    shop: tuple[Project, list[dict[str, Any]], Rows],
) -> None:
    _, runs, _ = shop
    by_day = [{node["unique_id"] for node in run["nodes"]} for run in runs]
    assert [("model.shop.monday" in nodes) for nodes in by_day] == [True, False, False]
    assert [("model.shop.only_second" in nodes) for nodes in by_day] == [False, True, False]


def test_selecting_what_exists_on_one_day_only_runs_it_on_that_day(
    shop: tuple[Project, list[dict[str, Any]], Rows],
) -> None:
    project, _, _ = shop
    said = project.run("--select", "only_second", interval="2018-01-01/2018-01-03")
    assert (said.code, said.err) == (0, "")
    assert [run["interval"]["start"][:10] for run in said.document["runs"]] == ["2018-01-02"]
    tagged = project.run("--select", "tag:day_20180103", interval="2018-01-03")
    assert "reads_by_day" in tagged.states
    none = project.run("--select", "ghost", interval="2018-01-03")
    assert "'ghost' finds nothing" in none.told(2)


def test_running_an_interval_again_changes_no_table(shop: tuple[Project, list[dict[str, Any]], Rows]) -> None:
    project, _, _ = shop
    before = relations(project.warehouse)
    assert project.run(interval="2018-01-03").code == 0
    assert difference(before, relations(project.warehouse)) == {}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the demo warehouse's project, not built yet."""
    root = tmp_path_factory.mktemp("demo")
    shutil.copytree(
        REPOSITORY / "project",
        root / "project",
        ignore=shutil.ignore_patterns("*.duckdb", ".sqlorch", "target"),
    )
    shutil.copy(REPOSITORY / "profiles" / "profiles.yml", root / "project")
    return Project(root / "project")


def test_days_of_the_demo_are_what_dbt_builds(demo: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    other = demo.root.parent / "warehouse.duckdb"
    monkeypatch.chdir(demo.root)
    monkeypatch.setitem(os.environ, "FLIGHTS_DUCKDB_PATH", str(demo.warehouse))
    said = demo.run(interval="2013-01-01/2013-01-04")
    assert (said.code, said.err) == (0, "")
    document = said.document
    assert [entry["group"] for entry in document["not_due"]] == ["scorecard_monthly"]
    month = demo.run("--group", "scorecard_monthly", interval="2013-01")
    assert (month.code, month.err) == (0, "")
    days = [variables_of(demo, run) for run in document["runs"] if run["group"] == "flights_daily"]
    (whole,) = [variables_of(demo, run) for run in month.document["runs"]]
    steps = [(day, ("--exclude", "tag:monthly")) for day in days] + [(whole, ("--select", "tag:monthly"))]
    for variables, options in steps:
        done = dbt_build(
            demo.root,
            demo.root,
            variables,
            *options,
            environment={"FLIGHTS_DUCKDB_PATH": str(other)},
            target_path=demo.root.parent / "target",
        )
        assert done
    ours = relations(demo.warehouse)
    assert difference(ours, relations(other)) == {}
    assert len(ours) >= 30

    again = demo.run(interval="2013-01-02")
    assert (again.code, again.err) == (0, "")
    assert difference(ours, relations(demo.warehouse)) == {}
    exported = relations(demo.root / "metrics.duckdb")
    marts = {
        name
        for name in exported
        if name.split(".")[1] in {"carrier_delays", "daily_flight_metrics", "carrier_scorecard"}
    }
    assert len(marts) == 3
    for name in marts:
        assert exported[name][1:] == ours[name][1:]
    assert len(exported["main.runs"]) - 1 == len(document["runs"]) + 1 + len(again.document["runs"])
