"""Conditions, trigger rules, pools and time limits as a user meets them: real dbt on DuckDB."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.projects import Project, make_project

SETTINGS = """\
groups:
  shop:
    select: "fqn:*"
pools: {warehouse: 1}
"""
MODELS = {
    "sqlorch.yml": SETTINGS,
    "models/stg.sql": "select 1 as id",
    "models/monthly.sql": (
        """{{ config(meta={"sqlorch": {"run_if": "day == 1"}}) }} select * from {{ ref('stg') }}"""
    ),
    "models/report.sql": "select * from {{ ref('monthly') }}",
    "models/board.sql": (
        """{{ config(meta={"sqlorch": {"trigger_rule": "none_failed", "pool": "warehouse"}}) }}
        select * from {{ ref('stg') }} where 0 < (select count(*) from {{ ref('monthly') }})"""
    ),
    "models/broken.sql": (
        "{{ config(materialized='table') }} select cast('x' as integer) as y from {{ ref('stg') }}"
    ),
    "models/alarm.sql": (
        """{{ config(meta={"sqlorch": {"trigger_rule": "one_failed"}}) }}
        select count(*) as alarms from (select 1) -- {{ ref('broken') }}"""
    ),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_project(tmp_path_factory.mktemp("shop"), MODELS)


def test_a_run_goes_by_conditions_and_rules(shop: Project) -> None:
    first = shop.run("--exclude", "broken alarm", interval="2013-01-01")
    assert set(first.states.values()) == {"success"}
    third = shop.run(interval="2013-01-03")
    assert third.code == 1
    assert third.states == {
        "stg": "success",
        "monthly": "skipped",
        "report": "skipped",
        "board": "success",
        "broken": "failed",
        "alarm": "success",
    }
    assert third.nodes["monthly"]["message"] == "run_if: day == 1 is false (day is 3)"
    assert third.nodes["report"]["message"] == "upstream monthly was skipped"
    (run,) = third.document["runs"]
    retried = shop.sqlorch("retry", "--json", run["run_id"])
    assert retried.states == third.states
    assert {name: node["attempts"] for name, node in retried.nodes.items()} == {
        "stg": 1,
        "monthly": 0,
        "report": 0,
        "board": 1,
        "broken": 2,
        "alarm": 1,
    }


def test_a_run_whose_nodes_are_all_skipped_succeeds_and_says_why(shop: Project) -> None:
    said = shop.sqlorch("run", "--interval", "2013-01-03", "--select", "monthly")
    assert said.code == 0
    assert "1 skipped" in said.out
    assert "· skipped model monthly: run_if: day == 1 is false (day is 3)" in said.out


def test_a_run_that_takes_too_long_fails_and_can_be_retried(tmp_path: Path) -> None:
    slow = """select count(*) as n from range(400000) a, range(400000) b where a.range <> b.range + 1"""
    project = make_project(
        tmp_path,
        {
            "sqlorch.yml": 'groups: {g: {select: "fqn:*", run_timeout: 2s}}',
            "models/slow.sql": (
                f"{{{{ config(materialized='table') }}}} {{% if var('big', true) %}} {slow} "
                "{% else %} select 1 as n {% endif %}"
            ),
            "models/below.sql": "select * from {{ ref('slow') }}",
        },
    )
    said = project.run()
    assert said.code == 1
    (run,) = said.document["runs"]
    assert (run["state"], run["reason"]) == ("failed", "timed out after 2s")
    assert said.states == {"slow": "cancelled", "below": "cancelled"}
    assert said.nodes["below"]["message"] == "timed out after 2s"
    project.write(
        {
            "sqlorch.yml": 'groups: {g: {select: "fqn:*", run_timeout: 5m}}',
            "models/slow.sql": "select 1 as n",
        }
    )
    assert project.sqlorch("retry", run["run_id"], "--json").states == dict.fromkeys(
        ["slow", "below"], "success"
    )


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"models/a.sql": """{{ config(meta={"sqlorch": {"run_if": "dya == 1"}}) }} select 1 as x"""},
            "meta.sqlorch of model.shop.a: run_if: a condition knows no 'dya'; did you mean 'day'?",
        ),
        (
            {
                "models/a.sql": "select 1 as x",
                "sqlorch.yml": "groups:\n  a: {select: a, after: b}\n  b: {after: a}\n",
            },
            "the groups form a cycle: ",
        ),
        (
            {"models/a.sql": "select 1 as x", "sqlorch.yml": "groups:\n  b:\n    after: [aa]\n"},
            "sqlorch.yml:2: the group 'b' runs after 'aa', which is neither a group nor a model; did you",
        ),
    ],
)
def test_what_cannot_be_obeyed_is_refused_before_anything_runs(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    said = make_project(tmp_path, files).run()
    assert message in said.told(2)
