"""Whose queries a PostgreSQL warehouse executes, and how those of a dead process are ended."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from support.daemons import until
from support.postgres import Postgres, running_postgres
from support.projects import make_project

from sqlorch.app.workspace import Choices, open_workspace
from sqlorch.dbt.session import WarmSession
from sqlorch.domain.backends import backend_tag
from sqlorch.domain.errors import ExecutionError
from sqlorch.domain.history import Owner
from sqlorch.state.owner import current_owner

GONE = Owner(host="here", boot_id="boot-1", pid=4711, started=99)
TAG = backend_tag(GONE)
SLEEP = "select pg_sleep(600)"

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres(durable=False, own=True) as running:
        running.query("create role builder")
        running.query("create role weak login")
        yield running


Open = Callable[..., WarmSession]


@pytest.fixture
def opened(server: Postgres, tmp_path: Path) -> Iterator[Open]:
    """Opens a session with more in its profile."""
    sessions: list[WarmSession] = []

    def open_session(**more: object) -> WarmSession:
        profile = server.profile(f"s_{tmp_path.name}", **more)
        project = make_project(tmp_path, {"models/a.sql": "select 1 as x", "profiles.yml": profile})
        folder = str(project.root)
        sessions.append(open_workspace(Choices(project_dir=folder, profiles_dir=folder)).session())
        return sessions[-1]

    yield open_session
    for session in reversed(sessions):  # each restores the environment it was opened in
        session.close()


Orphan = Callable[..., int]


@pytest.fixture
def orphan(server: Postgres) -> Iterator[Orphan]:
    """Starts a query of somebody with a given name, whose client stays as if nothing could be told it."""
    connections: list[Any] = []

    def start(name: str, **more: str) -> int:
        connection = psycopg2.connect(server.uri, application_name=name, **more)
        connections.append(connection)
        threading.Thread(target=_sleep, args=[connection], daemon=True).start()
        pid: int = connection.info.backend_pid
        until(
            lambda: server.query(f"select 1 from pg_stat_activity where pid = {pid} and query = '{SLEEP}'"),
            name,
        )
        return pid

    yield start
    server.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(600)%' "
        "and pid <> pg_backend_pid()"
    )
    for connection in connections:
        connection.close()


def _sleep(connection: Any) -> None:
    try:
        connection.cursor().execute(SLEEP)
    except psycopg2.Error:
        return


def shown(session: WarmSession, name: str) -> str:
    with session.driver_connection() as connection, connection.cursor() as cursor:
        cursor.execute(f"show {name}")
        return str(cursor.fetchone()[0])


def alive(server: Postgres, *pids: int) -> set[int]:
    rows = server.query("select pid from pg_stat_activity")
    return {pid for (pid,) in rows} & set(pids)


class TestNames:
    def test_a_connection_says_whose_it_is_and_what_the_profile_calls_it(self, opened: Open) -> None:
        assert shown(opened(), "application_name") == f"{backend_tag(current_owner())} dbt"
        named = opened(application_name="nightly of the 名 team, which has a very long name for everything")
        said = shown(named, "application_name")
        assert said.startswith(f"{backend_tag(current_owner())} nightly of the ")
        assert len(said) == 63

    def test_the_server_looks_after_its_client(self, opened: Open) -> None:
        session = opened()
        assert shown(session, "client_connection_check_interval") == "2s"
        with session.driver_connection() as connection:
            assert not connection.autocommit
            connection.rollback()  # what was set is no part of a transaction
        assert shown(session, "client_connection_check_interval") == "2s"

    def test_templates_see_the_profile_as_it_is(self, opened: Open) -> None:
        session = opened(application_name="nightly")
        shown(session, "application_name")
        with session.runners() as (config, _, _):
            assert config.to_target_dict()["application_name"] == "nightly"
            assert config.to_target_dict()["keepalives_idle"] == 0

    def test_a_role_is_kept(self, opened: Open) -> None:
        session = opened(role="builder")
        assert shown(session, "role") == "builder"
        assert shown(session, "client_connection_check_interval") == "2s"

    def test_a_child_has_a_name_of_its_own(self, opened: Open) -> None:
        session = opened(application_name="nightly")
        session.become_worker(2)
        assert shown(session, "application_name") == f"{backend_tag(current_owner())}-2 nightly"

    def test_what_does_not_know_the_setting_is_used_without_it(
        self, opened: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "sqlorch.dbt.backends._LOOK_AFTER_US", "select set_config('no.such thing', '1', false), 1/0"
        )
        session = opened(role="builder")
        assert shown(session, "client_connection_check_interval") == "0"
        assert shown(session, "role") == "builder"


class TestReaping:
    def test_all_of_a_process_is_ended_and_nothing_else(
        self, opened: Open, orphan: Orphan, server: Postgres
    ) -> None:
        other = backend_tag(Owner(host="here", boot_id="boot-1", pid=4711, started=100))
        theirs = [orphan(name) for name in (TAG, f"{TAG} dbt", f"{TAG}-1 dbt", f"{TAG}-12")]
        others = [orphan(name) for name in (f"{other} dbt", f"x{TAG}", f"{TAG}0", "dbt")]
        session = opened(role="builder")
        assert session.reap([TAG]) == 4
        assert alive(server, *theirs, *others) == set(others)
        assert session.reap([TAG]) == 0
        assert session.reap([]) == 0
        assert shown(session, "role") == "builder"

    def test_a_child_of_this_process(self, opened: Open, orphan: Orphan, server: Postgres) -> None:
        ours = backend_tag(current_owner())
        pids = [orphan(f"{ours}-{number} dbt") for number in (7, 77)]
        assert opened().reap_worker(7) == 1
        assert alive(server, *pids) == {pids[1]}

    def test_one_child_alone(self, opened: Open, orphan: Orphan, server: Postgres) -> None:
        first, twelfth, parent = (orphan(name) for name in (f"{TAG}-1 dbt", f"{TAG}-12 dbt", f"{TAG} dbt"))
        assert opened().reap([backend_tag(GONE, child=1)]) == 1
        assert alive(server, first, twelfth, parent) == {twelfth, parent}

    def test_who_may_not_end_them_is_told_what_to_do(
        self, opened: Open, orphan: Orphan, server: Postgres, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sqlorch.dbt.backends._PATIENCE", 0.3)
        pid = orphan(f"{TAG} dbt")
        session = opened(user="weak")
        with pytest.raises(ExecutionError, match=rf"backends {pid} \(user postgres\) .*pg_signal_backend"):
            session.reap([TAG])
        assert alive(server, pid)

    def test_who_may_not_waits_until_they_have_ended_by_themselves(
        self, opened: Open, orphan: Orphan, server: Postgres
    ) -> None:
        pid = orphan(f"{TAG} dbt")
        session = opened(user="weak")
        ending = threading.Timer(0.5, server.query, [f"select pg_terminate_backend({pid})"])
        ending.start()
        assert session.reap([TAG]) == 1
        ending.join()

    def test_a_server_that_is_away_is_told_as_that(self, opened: Open) -> None:
        session = opened(host="/nowhere", retries=0)
        with pytest.raises(ExecutionError, match="cannot be reached"):
            session.reap([TAG])


def test_another_adapter_has_nothing_to_end(tmp_path: Path) -> None:
    folder = str(make_project(tmp_path, {"models/a.sql": "select 1 as x"}).root)
    session = open_workspace(Choices(project_dir=folder, profiles_dir=folder)).session()
    try:
        session.become_worker(1)
        assert session.reap([TAG]) == 0
        assert session.reap_worker(1) == 0
    finally:
        session.close()


def test_a_tag_names_one_process_for_ever() -> None:
    assert backend_tag(GONE) == "sqlorch-" + backend_tag(GONE)[8:]
    assert len(backend_tag(GONE)) == 24
    others = [
        Owner(host="heres", boot_id="boot-1", pid=4711, started=99),
        Owner(host="here", boot_id="boot-2", pid=4711, started=99),
        Owner(host="here", boot_id="boot-1", pid=471, started=199),
        Owner(host="here", boot_id="boot-1", pid=4711, started=98),
    ]
    assert len({backend_tag(owner) for owner in [GONE, *others]}) == 5
    assert backend_tag(current_owner()) == backend_tag(current_owner()) != backend_tag(GONE)
    assert current_owner().pid == os.getpid()
