"""Expectations in a run: checked after the model and its tests, blocking or told, on the interval's rows."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.daemons import until
from support.postgres import running_postgres
from support.projects import Project, Said, environment, make_project
from support.run_pages import Page

from sqlorch.state import retention
from sqlorch.state.store import SqlStore

FILES = {
    "sqlorch.yml": 'groups: {shop: {select: "*", schedule: "@daily", start: 2013-01-01}}\n',
    "models/orders.sql": """\
        {{ config(materialized='incremental', unique_key='id', event_time='ordered_at') }}
        select * from (values (1, cast('2013-01-03 10:00' as timestamp), 5),
                              (2, cast('2013-01-03 11:00' as timestamp), {{ env_var('AMOUNT', '-7') }}),
                              (3, cast('2013-01-04 11:00' as timestamp), -9)) as t(id, ordered_at, amount)
        """,
    "models/below.sql": "select * from {{ ref('orders') }}",
    "models/shop.yml": "models: [{name: orders, columns: [{name: id, data_tests: [unique]}]}]\n",
    "expectations/orders.yml": """\
        expectations:
          - expect_column_values_to_be_between:
              column: amount
              min_value: 0
          - expect_table_row_count_to_be_between:
              min_value: 100
              severity: warn
        """,
}
CHECK = "expectations.shop.orders"
HOSTILE = {
    "models/words.sql": "select '<img src=x onerror=alert(1)>' as word",
    "expectations/words.yml": """\
        - expect_column_values_to_be_in_set: {column: word, value_set: ["<b onclick=alert(3)>"]}
        - expect_column_values_to_match_regex: {column: word, regex: "</script><script>alert(5)</script>"}
        - expect_column_to_exist: {column: "<svg/onload=alert(6)>"}
        """,
}


def _states(said: Said) -> dict[str, str]:
    (run,) = said.document["runs"]
    return {node["unique_id"]: node["state"] for node in run["nodes"]}


def _node(said: Said, unique_id: str) -> dict[str, Any]:
    (found,) = [node for node in said.document["runs"][0]["nodes"] if node["unique_id"] == unique_id]
    return found


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "shop", FILES)


def test_an_error_blocks_and_is_told_until_it_is_repaired(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = project.run("--full-refresh")
    assert said.code == 1
    states = _states(said)
    assert (states["model.shop.orders"], states[CHECK]) == ("success", "failed")
    assert states["model.shop.below"] == "upstream_failed"
    (node,) = [n for n in said.document["runs"][0]["nodes"] if n["unique_id"] == CHECK]
    # of the three rows two lie in the interval, and one of these is negative
    assert node["message"] == (
        "2 of 2 expectations failed; expect_column_values_to_be_between(amount): 1 of 2 rows, such as -7; "
        "expect_table_row_count_to_be_between: observed 2"
    )
    told = project.sqlorch("run", "--interval", "2013-01-03").out
    assert "'orders expectations'" in told, "a name with a blank can be pasted into a shell"
    monkeypatch.setenv("AMOUNT", "7")
    again = project.sqlorch("retry", said.document["runs"][0]["run_id"], "--json")
    assert (again.code, set(_states(again).values())) == (0, {"success"})  # the model was built again for it
    assert {name: node["attempts"] for name, node in again.nodes.items()}["orders"] == 2


def test_a_warning_is_told_and_blocks_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMOUNT", "7")
    said = project.run()
    assert said.code == 0
    (node,) = [n for n in said.document["runs"][0]["nodes"] if n["unique_id"] == CHECK]
    assert node["outcome"] == "warn"
    assert "expect_table_row_count_to_be_between: observed 2" in node["message"]


def test_they_wait_for_the_models_own_tests_and_are_selected_with_it(project: Project) -> None:
    planned = project.sqlorch("run", "--dry-run", "--json", "--interval", "2013-01-03", "--select", "orders")
    (run,) = planned.document["runs"]
    assert {uid.partition(".")[0] for uid in run["nodes"]} == {"model", "test", "expectations"}
    project.write({"models/orders.sql": "select 1 as id, 1 as amount union all select 1, 1"})
    said = project.run("--select", "orders")
    assert _states(said)[CHECK] == "upstream_failed"


def test_docs_are_pages_of_what_was_found_and_replace_nothing_else(project: Project) -> None:
    assert "nothing was checked" in project.sqlorch("docs").told(2)
    project.write(HOSTILE)
    project.run()
    # a process of its own: afterwards the library has another context
    said = project.spawn("docs", "--to", str(project.root / "pages"))
    assert (said.code, said.out) == (0, f"2 validations: {project.root}/pages/index.html\n")
    words, orders = sorted(
        (project.root / "pages" / "validations").rglob("*.html"), key=lambda p: "orders" in str(p)
    )
    assert "-7" in orders.read_text()
    text = words.read_text()
    assert text.count("&lt;img src=x onerror") >= 2
    assert "&lt;svg/onload=" in text
    for tag in ("<img src=x", "<svg", "<b onclick", "<script>alert"):
        assert tag not in text, "what a table holds is shown and does nothing"
    for page in (project.root / "pages").rglob("*.html"):
        policy = re.search(
            r'<head>\s*<meta http-equiv="Content-Security-Policy" content="([^"]+)"', page.read_text()
        )
        assert policy
        assert "default-src 'none'" in policy[1]
        assert "amazonaws.com" not in policy[1], "its makers are not told of it"
    assert "holds something else" in project.sqlorch("docs", "--to", str(project.root)).told(2)
    assert (project.root / "models" / "orders.sql").exists()
    assert project.spawn("docs", "--to", str(project.root / "pages")).code == 0


def test_masked_values_are_kept_nowhere(project: Project) -> None:
    value = "-4711"
    project.write(
        {
            "models/orders.sql": f"select cast({value} as integer) as amount",
            "expectations/orders.yml": """\
                mask: true
                expectations:
                  - expect_column_values_to_be_between: {column: amount, min_value: 0}
                  - expect_column_distinct_values_to_be_in_set: {column: amount, value_set: [7]}
                """,
            "models/shop.yml": "models: []\n",
        }
    )
    said = project.run("--select", "orders")
    assert _states(said)[CHECK] == "failed"
    assert value not in said.out + said.err
    kept = [path for path in (project.root / ".sqlorch" / "runs").rglob("*expectations*") if path.is_file()]
    assert kept
    assert all(value not in path.read_text() for path in kept)
    rows = project.query_state("select observed, samples, error from expectation_result")
    assert len(rows) == 2
    assert value not in repr(rows)


def test_what_was_found_is_forgotten_with_its_run(project: Project) -> None:
    project.run()
    project.run()
    assert project.query_state("select count(*) from expectation_result") == [(4,)]
    with SqlStore.open(project.root / ".sqlorch" / "state.db") as store:
        retention.prune(store._database, before=datetime.now(UTC) + timedelta(days=1), keep=1, dry_run=False)
    assert project.query_state("select count(*) from expectation_result") == [(2,)]


def test_a_mistake_is_told_before_anything_is_built(project: Project) -> None:
    project.write({"expectations/orders.yml": "- expect_column_to_exits: {column: id}\n"})
    told = project.run().told(2)
    assert "orders.yml:1:3: Great Expectations has no 'expect_column_to_exits'; did you mean" in told
    assert not project.warehouse.exists()


def test_one_that_cannot_be_used_is_told_and_takes_no_other_with_it(project: Project) -> None:
    suite = """\
        expectations:
          - expect_column_values_to_be_unique: {column: id}
          - expect_column_quantile_values_to_be_between:
              column: amount
              quantile_ranges: {quantile: [0.5], value_ranges: [[1, 300]]}
              severity: warn
        """
    project.write({"expectations/orders.yml": suite})
    said = project.run()
    assert (said.code, _states(said)["model.shop.below"]) == (0, "success")
    (node,) = [n for n in said.document["runs"][0]["nodes"] if n["unique_id"] == CHECK]
    assert node["message"].startswith(
        "1 of 2 expectations failed; expect_column_quantile_values_to_be_between"
    )
    assert "it cannot be checked: KeyError: 'quantiles'" in node["message"]


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("day = '{{ dss }}'", "a run has no variable 'dss'; did you mean 'ds'?"),
        ("a = '{{ ds }'", "do not match"),
    ],
)
def test_a_condition_with_an_unknown_variable_is_refused(
    project: Project, condition: str, sentence: str
) -> None:
    suite = f'where: "{condition}"\nexpectations:\n  - expect_column_to_exist: {{column: id}}\n'
    project.write({"expectations/orders.yml": suite})
    message = project.run().told(2)
    assert "expectations/orders.yml:1" in message
    assert sentence in message


def test_slices_and_dollars_are_filled_in_and_no_rows_are_told(project: Project) -> None:
    suite = """\
        where: "cast(ordered_at as varchar) like '{{ ds[:4] }}%' and ordered_at < cast('${ds}' as timestamp)"
        expectations: [{expect_column_values_to_be_unique: {column: id}}]
        """
    project.write({"expectations/orders.yml": suite})
    said = project.run()
    assert said.code == 0
    run_id = said.document["runs"][0]["run_id"]
    log = project.sqlorch("runs", "logs", run_id, CHECK).out
    assert "like '2013%' and ordered_at < cast('2013-01-03' as timestamp)" in log
    assert "expect_column_values_to_be_unique(id): holds: there were no rows to look at" in log


DESCRIBED = """\
    models:
      - name: orders
        config:
          meta:
            sqlorch:
              expectations:
                where: "ordered_at >= cast('%s' as timestamp) and ordered_at < '${next_ds}'"
                expectations:
                  - expect_column_values_to_be_between: {column: amount, min_value: 0}
    """


def test_what_dbts_own_yaml_says_is_checked_on_the_rows_it_names(project: Project) -> None:
    (project.root / "expectations" / "orders.yml").unlink()
    project.write({"models/shop.yml": DESCRIBED % "${ds}"})
    said = project.run()
    assert _node(said, CHECK)["message"].endswith("(amount): 1 of 2 rows, such as -7")
    log = project.sqlorch("runs", "logs", said.document["runs"][0]["run_id"], CHECK).out
    assert "cast('2013-01-03' as timestamp) and ordered_at < '2013-01-04'" in log


def test_what_dbt_would_empty_in_its_own_yaml_is_refused_by_run_and_check(project: Project) -> None:
    (project.root / "expectations" / "orders.yml").unlink()
    project.write({"models/shop.yml": DESCRIBED % "{{ ds }}"})
    told = "models/shop.yml:7: dbt reads {{ ds }} before sqlorch does and leaves nothing of it; write ${ds}"
    assert told in project.run().told(2)
    assert not project.warehouse.exists()
    checked = project.sqlorch("check", "--json")
    assert checked.code == 1
    (finding,) = [one for one in checked.document["findings"] if told in one["message"]]
    assert finding["severity"] == "error"


def test_a_node_says_that_there_were_no_rows_to_look_at(project: Project) -> None:
    column = "{column: id, severity: warn}"
    project.write({"expectations/orders.yml": f"- expect_column_values_to_be_unique: {column}\n"})
    told = "1 expectation holds (there were no rows to look at)"
    said = project.run(interval="2013-02-01")
    assert _node(said, CHECK)["message"] == told
    assert f", {told}\n" in project.sqlorch("run", "--interval", "2013-02-01").out
    shown = project.sqlorch("runs", "show", said.document["runs"][0]["run_id"]).out
    assert told in " ".join(shown.split())
    file = project.root / "page.html"
    assert project.sqlorch("report", "--html", str(file)).code == 0
    assert Page(file).nodes[CHECK]["message"] == told

    count = "- expect_table_row_count_to_be_between: {min_value: 1}\n"
    project.write({"expectations/orders.yml": f"- expect_column_values_to_be_unique: {column}\n{count}"})
    node = _node(project.run(interval="2013-02-01"), CHECK)
    assert node["message"] == (
        "1 of 2 expectations failed (there were no rows to look at); "
        "expect_table_row_count_to_be_between: observed 0"
    )
    assert "no rows" not in _node(project.run(), CHECK)["message"]


def test_a_project_without_expectations_never_imports_the_library(project: Project, tmp_path: Path) -> None:
    (project.root / "expectations" / "orders.yml").unlink()
    code = (
        "import sys; from sqlorch.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as done: assert not done.code, done.code\n"
        "assert not [m for m in sys.modules if m.startswith(('great_expectations', 'pandas'))]\n"
    )
    (tmp_path / "asks.py").write_text(code)
    arguments = project.arguments("run", "--quiet", "--interval", "2013-01-03")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "asks.py"), *arguments],
        env=environment(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.postgres
def test_the_same_on_postgres(tmp_path: Path) -> None:
    with running_postgres() as server:
        files = FILES | {"profiles.yml": server.profile("shop")}
        said = make_project(tmp_path / "shop", files).run()
        assert _states(said)[CHECK] == "failed"
        (node,) = [n for n in said.document["runs"][0]["nodes"] if n["unique_id"] == CHECK]
        assert "expect_column_values_to_be_between(amount): 1 of 2 rows, such as -7;" in node["message"]


SLOW = """\
    {{ config(materialized='view') }}
    select 1 as id, (select count(*) from pg_sleep(case when exists (
        select 1 from pg_tables where tablename = 'cut') then 0 else 60 end)) as n
    """


@pytest.mark.postgres
def test_a_connection_that_breaks_off_says_nothing_of_the_data(tmp_path: Path) -> None:
    with running_postgres(durable=False) as server:
        files = {
            "sqlorch.yml": 'groups: {shop: {select: "*", retries: 2, retry_delay: 1s}}\n',
            "models/slow.sql": SLOW,
            "expectations/slow.yml": "expectations: [{expect_column_values_to_not_be_null: {column: n}}]\n",
            "profiles.yml": server.profile("slow"),
        }
        project = make_project(tmp_path / "shop", files)
        process = project.process("run", "--json", "-i", "2013-01-03")
        asleep = (
            "from pg_stat_activity where query like '%count%' and query like '%slow%' and state = 'active'"
        )
        until(
            lambda: server.query(f"select 1 {asleep} and pid <> pg_backend_pid()"), "the expectation's query"
        )
        server.query("create table cut (x int)")
        server.query(f"select pg_terminate_backend(pid) {asleep} and pid <> pg_backend_pid()")
        out, err = process.communicate(timeout=180)
    said = Said(code=process.returncode, out=out, err=err)
    assert (said.code, said.err) == (0, "")
    (node,) = [n for n in said.document["runs"][0]["nodes"] if n["unique_id"].startswith("expectations.")]
    assert (node["state"], node["attempts"]) == ("success", 2)


GATED = {
    "sqlorch.yml": 'groups: {shop: {select: "*", retries: 3, retry_delay: 1s}}\n',
    "models/rows.sql": "select 1 as id",
    "expectations/rows.yml": """\
        where: "id in (select id from gate)"
        expectations: [{expect_column_values_to_not_be_null: {column: id}}]
        """,
}


@pytest.mark.postgres
def test_a_lock_that_was_not_to_be_had_is_tried_again(tmp_path: Path) -> None:
    with running_postgres(durable=False) as server:
        ((name,),) = server.query("select current_database()")
        server.query(f"alter database {name} set lock_timeout = '1s'")
        server.query("create table gate as select 1 as id")
        project = make_project(tmp_path / "shop", GATED | {"profiles.yml": server.profile("rows")})
        holder = server.connect()
        with holder.cursor() as cursor:
            cursor.execute("lock table gate in access exclusive mode")
        given_up = project.run("--retries", "0")
        process = project.process("run", "--json", "-i", "2013-01-03")
        waiting = "select 1 from pg_locks where relation = 'gate'::regclass and not granted"
        until(lambda: server.query(waiting), "the expectation to wait for the table")
        until(lambda: not server.query(waiting), "it to give up")
        holder.close()
        out, err = process.communicate(timeout=180)
    said = Said(code=process.returncode, out=out, err=err)
    assert (said.code, said.err) == (0, "")
    node = _node(said, "expectations.shop.rows")
    assert (node["state"], node["attempts"]) == ("success", 2)
    assert given_up.code == 1
    node = _node(given_up, "expectations.shop.rows")
    assert (node["state"], node["outcome"]) == ("failed", "error"), "of the data nothing is known"
    assert node["message"] == (
        "the database could not answer while expectations were checked: "
        "canceling statement due to lock timeout"
    )
    assert project.query_state("select count(*) from expectation_result where error != ''") == [(0,)]
