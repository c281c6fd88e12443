"""What `sqlorch run` makes of a project that has everything: states, gating, rows, hooks, variables, JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.projects import Project, Said, make_project

FILES = {
    "dbt_project.yml": """\
        name: shop
        version: "1.0"
        profile: shop
        flags: {send_anonymous_usage_stats: false}
        vars: {currency: EUR, limit: 7}
        on-run-start: ["create table if not exists hooks (place text, ds text)",
                       "insert into hooks values ('start', '{{ var('ds') }}')"]
        on-run-end: ["insert into hooks values ('end', '{{ var('ds') }}')"]
        """,
    "sqlorch.yml": """\
        groups:
          shop: {select: "*", schedule: "@daily", start: 2013-01-01, timezone: America/New_York}
        """,
    "seeds/countries.csv": "code,name\nfr,France\nde,Germany\n",
    "models/variables.sql": """\
        {% for name in ['data_interval_start', 'data_interval_end', 'logical_date', 'ds', 'ds_nodash', 'ts',
                        'ts_nodash', 'prev_ds', 'next_ds', 'run_id', 'group', 'currency', 'limit'] %}
        select '{{ name }}' as name, '{{ var(name) }}' as value {{ 'union all' if not loop.last }}
        {% endfor %}
        """,
    "models/events.sql": """\
        {{ config(materialized='table', event_time='at_hour') }}
        select at_hour, row_number() over (order by at_hour) as id
        from range(timestamp '2013-01-01', timestamp '2013-01-08', interval 1 hour) as t(at_hour)
        """,
    "models/by_day.sql": """\
        {{ config(materialized='incremental', incremental_strategy='microbatch', event_time='at_hour',
                  batch_size='day', begin='2013-01-01') }}
        select * from {{ ref('events') }}
        """,
    "models/halves.sql": "{{ config(materialized='ephemeral') }} select id from {{ ref('events') }}",
    "models/above_ephemeral.sql": "select count(*) as n from {{ ref('halves') }}",
    "models/tested.sql": "{{ config(materialized='table') }} select code from {{ ref('countries') }}",
    "models/below_failed_test.sql": "select * from {{ ref('tested') }}",
    "models/far_below_failed_test.sql": "select * from {{ ref('below_failed_test') }}",
    "models/warned.sql": "select code from {{ ref('countries') }}",
    "models/below_warned.sql": "select * from {{ ref('warned') }}",
    "models/broken.sql": "{{ config(materialized='table') }} select cast('x' as integer) as n",
    "models/below_broken.sql": "select * from {{ ref('broken') }}",
    "models/beside_broken.sql": "select 1 as n",
    "models/unit_tested.sql": "select code, upper(code) as shout from {{ ref('countries') }}",
    "models/below_unit_tested.sql": "select * from {{ ref('unit_tested') }}",
    "models/shop.yml": """\
        models:
          - name: tested
            columns:
              - name: code
                data_tests: [{accepted_values: {name: only_france, arguments: {values: [fr]}}}]
          - name: warned
            columns:
              - name: code
                data_tests:
                  - accepted_values:
                      {name: rather_france, arguments: {values: [fr]}, config: {severity: warn}}
        unit_tests:
          - name: shouts_softly
            model: unit_tested
            given: [{input: ref('countries'), rows: [{code: fr}]}]
            expect: {rows: [{code: fr, shout: fr}]}
        """,
    "snapshots/kept.yml": """\
        snapshots:
          - name: kept
            relation: ref('countries')
            config: {unique_key: code, strategy: check, check_cols: all}
        """,
    "tests/no_hours_missing.sql": "select 1 where (select count(*) from {{ ref('events') }}) <> 168",
}

STATES = {
    "countries": "success",
    "variables": "success",
    "events": "success",
    "by_day": "success",
    "halves": "success",  # compiled, so that a mistake in it is told where it is
    "above_ephemeral": "success",
    "tested": "success",
    "only_france": "failed",
    "below_failed_test": "upstream_failed",
    "far_below_failed_test": "upstream_failed",
    "warned": "success",
    "rather_france": "success",
    "below_warned": "success",
    "broken": "failed",
    "below_broken": "upstream_failed",
    "beside_broken": "success",
    "shouts_softly": "failed",
    "unit_tested": "upstream_failed",
    "below_unit_tested": "upstream_failed",
    "kept": "success",
    "no_hours_missing": "success",
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Said]:
    project = make_project(tmp_path_factory.mktemp("shop"), FILES)
    return project, project.run("--vars", "{limit: 9}")


def test_every_node_has_its_own_state(ran: tuple[Project, Said]) -> None:
    _, said = ran
    assert said.code == 1
    assert said.states == STATES
    assert said.err == ""


def test_the_document_has_the_promised_shape(ran: tuple[Project, Said]) -> None:
    _, said = ran
    document = said.document
    (run,) = document["runs"]
    assert run["run_id"].startswith("manual-20130103T050000Z-")
    assert (run["group"], run["state"]) == ("shop", "failed")
    assert run["interval"] == {"start": "2013-01-03T05:00:00+00:00", "end": "2013-01-04T05:00:00+00:00"}
    for node in run["nodes"]:
        kinds = {
            "unique_id": str,
            "kind": str,
            "state": str,
            "attempts": int,
            "seconds": float | None,
            "rows": int | None,
            "message": str,
        }
        for key, kind in kinds.items():
            assert isinstance(node[key], kind), (key, node)
        skipped = node["state"] == "upstream_failed"
        assert node["attempts"] == (0 if skipped else 1)
        assert (node["seconds"] is None) == skipped


def test_what_was_not_run_says_why(ran: tuple[Project, Said]) -> None:
    nodes = ran[1].nodes
    assert nodes["below_failed_test"]["message"] == "upstream only_france failed"
    assert nodes["far_below_failed_test"]["message"] == "upstream only_france failed"
    assert nodes["below_broken"]["message"] == "upstream broken failed"
    assert nodes["unit_tested"]["message"] == "upstream shouts_softly failed"
    assert nodes["rather_france"]["outcome"] == "warn"
    assert nodes["rather_france"]["failures"] == 1
    assert nodes["only_france"]["failures"] == 1


def test_rows_written_are_told(ran: tuple[Project, Said]) -> None:
    nodes = ran[1].nodes
    assert (nodes["countries"]["rows"], nodes["events"]["rows"], nodes["tested"]["rows"]) == (2, 168, 2)


def test_the_microbatch_window_is_the_interval(ran: tuple[Project, Said]) -> None:
    project, _ = ran
    # dbt widens the window to whole batches of UTC days: the day in New York touches two of them
    days = project.query("select distinct cast(at_hour as date)::text from by_day order by 1")
    assert days == [("2013-01-03",), ("2013-01-04",)]


def test_ephemeral_models_are_inlined_and_snapshots_kept(ran: tuple[Project, Said]) -> None:
    project, _ = ran
    assert project.query("select n from above_ephemeral") == [(168,)]
    assert project.query("select code, dbt_valid_to from kept order by 1") == [("de", None), ("fr", None)]
    assert not project.query("select 1 from information_schema.tables where table_name = 'halves'")


def test_hooks_ran_once_with_the_interval(ran: tuple[Project, Said]) -> None:
    project, _ = ran
    assert project.query("select * from hooks") == [("start", "2013-01-03"), ("end", "2013-01-03")]


def test_every_variable_reaches_the_sql_with_the_documented_value(ran: tuple[Project, Said]) -> None:
    project, said = ran
    (run,) = said.document["runs"]
    assert dict(project.query("from variables")) == {
        "data_interval_start": "2013-01-03T05:00:00+00:00",
        "data_interval_end": "2013-01-04T05:00:00+00:00",
        "logical_date": "2013-01-03T05:00:00+00:00",
        "ds": "2013-01-03",
        "ds_nodash": "20130103",
        "ts": "2013-01-03T00:00:00-05:00",
        "ts_nodash": "20130103T000000",
        "prev_ds": "2013-01-02",
        "next_ds": "2013-01-04",
        "run_id": run["run_id"],
        "group": "shop",
        "currency": "EUR",
        "limit": "9",
    }


def test_retry_resumes_what_failed_with_the_same_interval_and_variables(
    ran: tuple[Project, Said], tmp_path: Path
) -> None:
    project, said = ran
    project.write(
        {
            "models/broken.sql": "select '{{ var('ds') }} {{ var('limit') }}' as n",
            "models/variables.sql": "select 'not run again' as name, '' as value",
        }
    )
    (run,) = said.document["runs"]
    again = project.sqlorch("retry", run["run_id"], "--json")
    assert again.code == 1
    changed = {"broken": "success", "below_broken": "success"}
    assert again.states == STATES | changed
    assert {name for name, node in again.nodes.items() if node["attempts"] == 2} == {
        "broken",
        "only_france",
        "tested",  # a failed test fails again unless what it reads is built again
        "shouts_softly",
    }
    assert project.query("from broken") == [("2013-01-03 9",)]
    assert project.query("select count(*) from variables") == [(13,)]
    assert project.query("select count(*) from hooks") == [(4,)]


def test_retry_repeats_a_hook_that_failed(tmp_path: Path) -> None:
    project_file = (
        'name: shop\nversion: "1.0"\nprofile: shop\non-run-end: ["insert into missing values (1)"]\n'
    )
    project = make_project(tmp_path, {"models/a.sql": "select 1 as x", "dbt_project.yml": project_file})
    said = project.run()
    (run,) = said.document["runs"]
    assert (said.code, run["state"], said.states) == (1, "failed", {"a": "success"})
    assert run["reason"].startswith("dbt_project.yml: on-run-end failed: ")
    project.write({"dbt_project.yml": project_file.replace("insert into missing", "create table made as")})
    again = project.sqlorch("retry", run["run_id"], "--json")
    (retried,) = again.document["runs"]
    assert (again.code, retried["state"], again.nodes["a"]["attempts"]) == (0, "success", 1)
    assert project.query("from made") == [(1,)]
    assert "there is nothing to" in project.sqlorch("retry", run["run_id"]).out


def test_a_variable_of_the_projects_own_may_take_the_place_of_an_injected_one(tmp_path: Path) -> None:
    files = {
        "models/a.sql": "select '{{ var('ds') }}', '{{ var('prev_ds', 'no') }}', '{{ var('next_ds') }}'",
        "sqlorch.yml": "variables: {skip: [ds, prev_ds]}\n",
        "dbt_project.yml": 'name: shop\nversion: "1.0"\nprofile: shop\nvars: {ds: mine}\n',
    }
    project = make_project(tmp_path, files)
    said = project.run()
    assert (said.code, said.err) == (0, "")
    assert project.query("from a") == [("mine", "no", "2013-01-04")]


def test_fail_fast_stops_at_the_first_failure(tmp_path: Path) -> None:
    models = {f"models/z{n}.sql": "select 1 as x" for n in range(6)}
    below = {f"models/below{n}.sql": f"select * from {{{{ ref('z{n}') }}}}" for n in range(6)}
    files = {
        "models/a.sql": "{{ config(materialized='table') }} select cast('x' as int) as x",
        **models,
        **below,
    }
    # the failing model comes first: everything waits for it in the only thread
    files["models/slow.sql"] = "select * from {{ ref('a') }}"
    project = make_project(tmp_path, files)
    said = project.run("--fail-fast", "--threads", "1")
    assert said.code == 1
    assert said.states["a"] == "failed"
    assert "cancelled" in said.states.values()
    assert {node["message"] for node in said.nodes.values() if node["state"] == "cancelled"} == {"fail-fast"}


def test_quiet_says_nothing_and_dry_run_does_nothing(tmp_path: Path) -> None:
    project = make_project(tmp_path, {"models/a.sql": "select 1 as x"})
    said = project.sqlorch("run", "--dry-run", "-i", "2013-01-03", "--json")
    assert [run["nodes"] for run in said.document["runs"]] == [["model.shop.a"]]
    assert not project.warehouse.exists()
    assert project.sqlorch("runs", "list", "--json").document == {"runs": []}
    quiet = project.sqlorch("run", "--quiet", "-i", "2013-01-03")
    assert quiet == Said(code=0, out="", err="")
    assert project.query("from a") == [(1,)]


def test_stdout_of_a_real_process_is_the_document_alone(ran: tuple[Project, Said]) -> None:
    project, _ = ran
    said = project.spawn("run", "--json", "-i", "2013-01-04", "-s", "broken+ variables")
    listed: dict[str, Any] = json.loads(said.out)
    assert said.err == ""
    assert len(listed["runs"]) == 1
    assert said.code == 0
    # nobody holds the warehouse now: another process may write to it
    with duckdb.connect(str(project.warehouse)) as connection:
        connection.execute("create table dashboards (x int)")
