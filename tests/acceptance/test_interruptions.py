"""Ctrl-C, kill -9, two at once, locks and lost connections: real processes, real databases."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from support.postgres import Postgres, running_postgres
from support.projects import Project, Said, make_project
from support.promises import within

Started = list[subprocess.Popen[str]]
ACTIVE = (
    "from pg_stat_activity where state = 'active' and datname = current_database() "
    "and pid <> pg_backend_pid() and query like"
)
FOR_EVER = "select count(*) as n from range(100000000) as a, range(100000000) as b"


@pytest.fixture
def started() -> Iterator[Started]:
    """Processes of a test, ended with it whatever happens: their queries would go on for ever."""
    processes: Started = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def until(true: Callable[[], object], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def ended(process: subprocess.Popen[str]) -> Said:
    try:
        out, err = process.communicate(timeout=90)
    finally:
        process.kill()
    return Said(code=process.returncode, out=out, err=err)


def node_states(project: Project) -> dict[str, str]:
    try:
        return dict(project.query_state("select name, state from node_run"))
    except sqlite3.OperationalError:  # not made yet
        return {}


def is_running(project: Project, node: str) -> bool:
    return node_states(project).get(node) == "running"


SLOW = {
    "models/first.sql": "{{ config(materialized='table') }} select '{{ var('ds') }}' as ds",
    "models/slow.sql": "{{ config(materialized='table') }} -- {{ ref('first') }}\n" + FOR_EVER,
    "models/last.sql": "select * from {{ ref('slow') }}",
}


def test_ctrl_c_cancels_the_query_and_retry_finishes_the_run(started: Started, tmp_path: Path) -> None:
    project = make_project(tmp_path, SLOW)
    process = project.process("run", "--json", "-i", "2013-01-03/2013-01-05")
    started.append(process)
    until(lambda: is_running(project, "slow"))
    time.sleep(0.5)  # the query itself has begun
    before = time.monotonic()
    process.send_signal(signal.SIGINT)
    said = ended(process)
    # of which the query takes less than a second; leaving takes the rest
    assert time.monotonic() - before < within(10)
    assert said.code == 130
    assert "Traceback" not in said.err
    (run,) = said.document["runs"]
    assert run["state"] == "cancelled"
    assert said.states == {"first": "success", "slow": "cancelled", "last": "cancelled"}
    with duckdb.connect(str(project.warehouse)) as connection:  # read-write: nobody holds the file
        assert connection.execute("from first").fetchall() == [("2013-01-03",)]

    project.write(
        {"models/slow.sql": "{{ config(materialized='table') }} -- {{ ref('first') }}\nselect 7 as n"}
    )
    retried = project.sqlorch("retry", run["run_id"], "--json")
    assert (retried.code, retried.err) == (0, "")
    assert set(retried.states.values()) == {"success"}
    assert project.query("from last") == [(7,)]


def test_ctrl_c_before_the_first_node_cancels_the_run_too(started: Started, tmp_path: Path) -> None:
    begun = tmp_path / "begun.csv"
    hooks = f'["copy (select 1 as n) to \'{begun}\'", "create table hooked as {FOR_EVER}"]'
    files = {"dbt_project.yml": f'name: shop\nversion: "1.0"\nprofile: shop\non-run-start: {hooks}\n'}
    project = make_project(tmp_path, {"models/a.sql": "select 1 as x", **files})
    process = project.process("run", "-i", "2013-01-03")
    started.append(process)
    until(begun.exists)
    process.send_signal(signal.SIGINT)
    said = ended(process)
    assert said.code == 130
    assert "Traceback" not in said.err
    (run,) = project.sqlorch("runs", "list", "--json").document["runs"]
    assert (run["state"], run["reason"]) == ("cancelled", "interrupted")
    assert node_states(project) == {"a": "cancelled"}


def test_a_killed_process_leaves_a_failed_run_and_a_second_one_is_refused(
    started: Started, tmp_path: Path
) -> None:
    project = make_project(tmp_path, SLOW)
    process = project.process("run", "-i", "2013-01-03")
    started.append(process)
    until(lambda: is_running(project, "slow"))
    message = project.sqlorch("run", "-i", "2013-01-03").told(2)
    assert f"process {process.pid} on " in message
    assert "(sqlorch run" in message
    (run,) = project.sqlorch("runs", "list", "--json").document["runs"]
    assert run["state"] == "running"

    process.send_signal(signal.SIGKILL)
    ended(process)
    (run,) = project.sqlorch("runs", "list", "--json").document["runs"]
    assert run["state"] == "failed"
    assert f"the process that ran it is gone ({os.uname().nodename}, pid {process.pid})" in run["reason"]
    assert node_states(project) == {"first": "success", "slow": "failed", "last": "cancelled"}

    project.write({"models/slow.sql": "-- {{ ref('first') }}\nselect 7 as n"})
    assert project.sqlorch("retry", run["run_id"], "--json").code == 0
    assert project.query("from last") == [(7,)]


def test_a_warehouse_that_another_process_holds_is_told_with_its_holder(tmp_path: Path) -> None:
    project = make_project(tmp_path, {"models/a.sql": "select 1 as x"})
    with duckdb.connect(str(project.warehouse)):
        message = project.spawn("run", "-i", "2013-01-03").told(2)
    assert "cannot be reached" in message
    assert "lock" in message.lower()
    assert str(os.getpid()) in message  # DuckDB says who holds it


PATIENT = {"sqlorch.yml": "defaults: {retries: 9, retry_delay: 1s}\ngroups:\n  g: {select: '*'}\n"}


def waiting(process: subprocess.Popen[str]) -> str:
    """What a run says until it is to be opened once more."""
    assert process.stdout is not None
    said = ""
    while "opened again in" not in said:
        line = process.stdout.readline()
        assert line, f"it ended: {said}"
        said += line
    return said


def test_a_warehouse_that_another_process_holds_is_waited_for_with_retries(
    started: Started, tmp_path: Path
) -> None:
    project = make_project(tmp_path, {"models/a.sql": "select 1 as x", **PATIENT})
    with duckdb.connect(str(project.warehouse)):
        process = project.process("run", "-i", "2013-01-03")
        started.append(process)
        assert "lock" in waiting(process).lower()
    said = ended(process)
    assert (said.code, said.err) == (0, "")
    assert project.query("select x from a") == [(1,)]


def test_a_run_that_waits_to_be_opened_can_be_stopped(started: Started, tmp_path: Path) -> None:
    project = make_project(tmp_path, {"models/a.sql": "select 1 as x", **PATIENT})
    with duckdb.connect(str(project.warehouse)):
        process = project.process("run", "-i", "2013-01-03")
        started.append(process)
        waiting(process)
        process.send_signal(signal.SIGINT)
        assert ended(process).code == 130
    assert node_states(project) == {"a": "cancelled"}


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres() as started:
        yield started


def on_postgres(server: Postgres, root: Path, files: dict[str, str], **more: object) -> Project:
    return make_project(root, {**files, "profiles.yml": server.profile(root.name, **more)})


@pytest.mark.postgres
def test_ctrl_c_ends_the_backend_on_postgresql(started: Started, server: Postgres, tmp_path: Path) -> None:
    project = on_postgres(server, tmp_path, {"models/slow.sql": "select 1 as n, pg_sleep(60)::text as slept"})
    project.write(
        {"models/slow.sql": "{{ config(materialized='table') }} select pg_sleep(60)::text as slept"}
    )
    asleep = f"select pid {ACTIVE} '%pg_sleep(60)%'"
    process = project.process("run", "--json", "-i", "2013-01-03")
    started.append(process)
    until(lambda: server.query(asleep))
    process.send_signal(signal.SIGINT)
    until(lambda: not server.query(asleep), seconds=within(3))
    said = ended(process)
    assert said.code == 130
    assert said.states == {"slow": "cancelled"}


@pytest.mark.postgres
def test_transient_errors_are_retried_and_permanent_ones_are_not(
    started: Started, server: Postgres, tmp_path: Path
) -> None:
    """A lock that is not available (55P03) and a terminated backend (57P01) pass; a bad cast does not."""
    schema = tmp_path.name
    server.query(f"create schema if not exists {schema}")
    server.query(f"create table {schema}.busy (x int)")
    server.query(f"create table {schema}.tries (node text)")
    files = {
        "models/locked.sql": (
            "{{ config(materialized='table', pre_hook=["
            f'"set lock_timeout = 300", "lock table {schema}.busy in exclusive mode"]) }}}} select 1 as x'
        ),
        "models/terminated.sql": (
            "{{ config(materialized='table') }} select pg_sleep(case when "
            f"(select count(*) from {schema}.tries) = 0 then 60 else 0 end)::text as slept"
        ),
        "models/permanent.sql": "{{ config(materialized='table') }} select cast('x' || 1 as int) as x",
        "models/below.sql": "select x from {{ ref('locked') }}",
    }
    project = on_postgres(server, tmp_path, files)
    holder = server.connect()
    holder.cursor().execute(f"lock table {schema}.busy in access exclusive mode")
    process = project.process("run", "--json", "-i", "2013-01-03", "--retries", "3", "--retry-delay", "0.5")
    started.append(process)
    asleep = f"{ACTIVE} '%pg_sleep(case%'"
    until(lambda: server.query(f"select 1 {asleep}"))
    server.query(f"insert into {schema}.tries values ('terminated')")
    server.query(f"select pg_terminate_backend(pid) {asleep}")
    until(lambda: node_states(project).get("locked") == "up_for_retry")
    holder.rollback()
    holder.close()
    said = ended(process)
    assert said.states == {
        "locked": "success",
        "terminated": "success",
        "permanent": "failed",
        "below": "success",
    }
    assert said.nodes["locked"]["attempts"] >= 2
    assert said.nodes["terminated"]["attempts"] == 2
    assert said.nodes["permanent"]["attempts"] == 1
    classes = dict(
        project.query_state("select unique_id, error_class from attempt where n = 1 and error_class <> ''")
    )
    assert classes == {
        "model.shop.locked": "transient",
        "model.shop.terminated": "transient",
        "model.shop.permanent": "permanent",
    }


@pytest.mark.postgres
def test_a_node_that_takes_too_long_is_cancelled_and_tried_again(server: Postgres, tmp_path: Path) -> None:
    schema = tmp_path.name
    files = {
        "models/sleepy.sql": "{{ config(materialized='table') }} select pg_sleep(30)::text as slept",
        "models/below.sql": "select * from {{ ref('sleepy') }}",
        "sqlorch.yml": "groups:\n  all: {select: '*', timeout: 1s, retries: 1, retry_delay: 0.1s}\n",
    }
    project = on_postgres(server, tmp_path, files)
    said = project.run()
    assert said.code == 1
    assert said.states == {"sleepy": "failed", "below": "upstream_failed"}
    assert said.nodes["sleepy"]["attempts"] == 2
    assert said.nodes["sleepy"]["message"] == "timed out after 1 s"
    assert not server.query(f"select 1 {ACTIVE} '%{schema}%pg_sleep(30)%'")
    # a second failure of another kind is told as what it is
    (run,) = said.document["runs"]
    in_time = files["sqlorch.yml"].replace("timeout: 1s", "timeout: 1m")
    wrong = "{{ config(materialized='table') }} select cast('x' || 1 as int) as slept"
    project.write({"sqlorch.yml": in_time, "models/sleepy.sql": wrong})
    again = project.sqlorch("retry", run["run_id"], "--json")
    assert again.states == {"sleepy": "failed", "below": "upstream_failed"}
    assert "invalid input syntax" in again.nodes["sleepy"]["message"]
    # and the limit holds in a retry too
    project.write({name: files[name] for name in ("sqlorch.yml", "models/sleepy.sql")})
    third = project.sqlorch("retry", run["run_id"], "--json")
    assert third.nodes["sleepy"]["message"] == "timed out after 1 s"


@pytest.fixture
def own_server() -> Iterator[Postgres]:
    with running_postgres(own=True) as running:
        yield running


@pytest.mark.postgres
def test_a_server_that_is_away_when_a_run_begins_is_waited_for_with_retries(
    started: Started, own_server: Postgres, tmp_path: Path
) -> None:
    hook = "on-run-start: 'create table begun as select 1 as x'"  # a second time it would fail
    files = {"dbt_project.yml": f'name: shop\nversion: "1.0"\nprofile: shop\n{hook}\n'}
    project = on_postgres(own_server, tmp_path, {"models/a.sql": "select 1 as x", **files, **PATIENT})
    own_server.stop()
    process = project.process("run", "-i", "2013-01-03")
    started.append(process)
    assert "cannot be reached" in waiting(process)
    own_server.start()
    said = ended(process)
    assert (said.code, said.err) == (0, "")
    assert own_server.query(f'select * from "{tmp_path.name}".a') == [(1,)]
