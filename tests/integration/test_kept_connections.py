"""Connections of PostgreSQL that outlive their node: fewer are opened, and none remembers what it was for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.daemons import until
from support.postgres import Postgres, running_postgres
from support.projects import make_project

from sqlorch.app.workspace import Choices, open_workspace
from sqlorch.dbt.session import WarmSession
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import NodeResult, Outcome
from sqlorch.engine.ports import RunContext

pytestmark = pytest.mark.postgres

DAY = Interval(datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 1, 2, tzinfo=UTC))
PROCESS = "{{ config(materialized='table') }} select pg_backend_pid() as pid"
LITTER = """{{ config(materialized='table', pre_hook=[
    "create temp table litter as select 1 as x",
    "set statement_timeout = '77s'",
    "prepare left_over as select 1",
    "listen to_me",
    "select pg_advisory_lock(42)",
]) }} select pg_backend_pid() as pid"""
FOUND = """{{ config(materialized='table') }} select pg_backend_pid() as pid,
    to_regclass('pg_temp.litter') is not null as temporary,
    current_setting('statement_timeout') as timeout,
    (select count(*) from pg_prepared_statements) as prepared,
    (select count(*) from pg_listening_channels()) as listens,
    (select count(*) from pg_locks where locktype = 'advisory') as locks"""
OWN_SETTING = (
    "{{ config(materialized='table', pre_hook=\"set app.name = 'a'\") }} select pg_backend_pid() as pid"
)
OWN_SETTING_READ = (
    "{{ config(materialized='table') }} select pg_backend_pid() as pid, "
    "current_setting('app.name', true) as name"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres(durable=False) as running:
        running.query("create role builder superuser")
        yield running


Begin = Callable[..., RunContext]


@pytest.fixture
def begin(server: Postgres, tmp_path: Path) -> Iterator[Begin]:
    """Opens a run of a project that is these models."""
    opened: list[tuple[WarmSession, RunContext]] = []

    def begin_run(models: dict[str, str], **more: object) -> RunContext:
        files = {f"models/{name}.sql": sql for name, sql in models.items()}
        profile = server.profile(f"k_{tmp_path.name}", **more)
        folder = str(make_project(tmp_path, {**files, "profiles.yml": profile}).root)
        session = open_workspace(Choices(project_dir=folder, profiles_dir=folder)).session()
        context = session.open_run(
            run_id="r",
            interval=DAY,
            variables={"ds": "2013-01-01"},
            nodes=[f"model.shop.{name}" for name in models],
            target_path=tmp_path / "target",
        )
        opened.append((session, context))
        return context

    yield begin_run
    for session, context in reversed(opened):
        context.abandon()
        session.close()


@pytest.fixture
def execute(tmp_path: Path) -> Callable[[RunContext, str], NodeResult]:
    def execute_node(context: RunContext, name: str) -> NodeResult:
        return context.execute(f"model.shop.{name}", log_path=tmp_path / f"{name}.log")

    return execute_node


Execute = Callable[[RunContext, str], NodeResult]


@pytest.fixture
def read(server: Postgres, tmp_path: Path) -> Callable[[str], tuple[object, ...]]:
    return lambda name: server.query(f'select * from "k_{tmp_path.name}"."{name}"')[0]


Read = Callable[[str], tuple[object, ...]]


def ours(server: Postgres) -> int:
    return len(server.query("select 1 from pg_stat_activity where application_name like 'sqlorch-%'"))


def test_a_thread_keeps_its_connection_over_nodes(
    begin: Begin, execute: Execute, read: Read, server: Postgres
) -> None:
    context = begin({"a": PROCESS, "b": PROCESS, "c": PROCESS})
    assert [execute(context, name).outcome for name in "abc"] == [Outcome.SUCCESS] * 3
    assert read("a") == read("b") == read("c")
    assert ours(server) == 1
    context.finish([])
    until(lambda: ours(server) == 0, "the end of the run closes it")


def test_nothing_that_a_node_did_to_its_session_is_left(begin: Begin, execute: Execute, read: Read) -> None:
    context = begin({"a": LITTER, "b": FOUND})
    assert execute(context, "a").outcome is Outcome.SUCCESS
    assert execute(context, "b").outcome is Outcome.SUCCESS
    (pid,) = read("a")
    assert read("b") == (pid, False, "0", 0, 0, 0)


def test_a_setting_of_ones_own_ends_with_its_connection(begin: Begin, execute: Execute, read: Read) -> None:
    context = begin({"a": OWN_SETTING, "b": OWN_SETTING_READ})
    assert execute(context, "a").outcome is Outcome.SUCCESS
    assert execute(context, "b").outcome is Outcome.SUCCESS
    pid, name = read("b")
    assert (pid,) != read("a")
    assert name is None


def test_after_a_failed_node(begin: Begin, execute: Execute, read: Read) -> None:
    context = begin({"a": PROCESS, "bad": "{{ config(materialized='table') }} select 1/0 as x", "b": PROCESS})
    outcomes = [execute(context, name).outcome for name in ("a", "bad", "b")]
    assert outcomes == [Outcome.SUCCESS, Outcome.ERROR, Outcome.SUCCESS]
    assert read("a") == read("b")


def test_the_role_of_the_profile_is_set_again(begin: Begin, execute: Execute, read: Read) -> None:
    who = "{{ config(materialized='table') }} select current_user::text as who"
    context = begin({"a": who, "b": who}, role="builder")
    assert [execute(context, name).outcome for name in "ab"] == [Outcome.SUCCESS] * 2
    assert read("a") == read("b") == ("builder",)


def test_what_the_profile_says_of_transactions_goes_on(
    begin: Begin, execute: Execute, server: Postgres
) -> None:
    server.query("create table noted (who text)")
    note = "insert into public.noted values ('{{ this.name }}')"
    fails = f"{{{{ config(materialized='table', pre_hook=\"{note}\") }}}} select 1/0 as x"
    context = begin({"a": fails, "b": fails}, autocommit=True)
    assert [execute(context, name).outcome for name in "ab"] == [Outcome.ERROR] * 2
    assert server.query("select who from noted order by who") == [("a",), ("b",)]


def test_the_server_is_still_asked_to_look_after_us(begin: Begin, execute: Execute, read: Read) -> None:
    looks = (
        "{{ config(materialized='table') }} select current_setting('client_connection_check_interval') as i"
    )
    context = begin({"a": looks, "b": looks})
    assert [execute(context, name).outcome for name in "ab"] == [Outcome.SUCCESS] * 2
    assert read("a") == read("b") == ("2s",)


def test_a_kept_connection_that_the_server_ended_is_replaced_unseen(
    begin: Begin, execute: Execute, read: Read, server: Postgres
) -> None:
    context = begin({"a": PROCESS, "b": PROCESS})
    assert execute(context, "a").outcome is Outcome.SUCCESS
    server.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name ~ '^sqlorch-'"
    )
    until(lambda: ours(server) == 0, "it has ended")
    assert execute(context, "b").outcome is Outcome.SUCCESS
    assert read("a") != read("b")


def test_what_was_cancelled_is_used_by_no_other_node(
    begin: Begin, execute: Execute, read: Read, server: Postgres
) -> None:
    slow = "{{ config(materialized='table') }} select pg_backend_pid() as pid from pg_sleep(600)"
    context = begin({"slow": slow, "b": PROCESS})
    ended: list[NodeResult] = []
    node = threading.Thread(target=lambda: ended.append(execute(context, "slow")))
    node.start()
    sleeping = (
        "select pid from pg_stat_activity where state = 'active' and query like '%create%pg_sleep(600)%'"
    )
    until(lambda: len(server.query(f"{sleeping} and pid <> pg_backend_pid()")) == 1, "it sleeps")
    ((pid,),) = server.query(f"{sleeping} and pid <> pg_backend_pid()")
    context.cancel(["model.shop.slow"])
    node.join(timeout=30)
    assert ended[0].outcome is Outcome.CANCELLED
    assert execute(context, "b").outcome is Outcome.SUCCESS
    assert read("b") != (pid,)
