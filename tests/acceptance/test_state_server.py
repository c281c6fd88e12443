"""The state's server is started anew, or away for a while, in the middle of what people do."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.daemons import running, until
from support.postgres import Postgres, running_postgres
from support.projects import Project, Said, make_project

from sqlorch.state.lock import LockedError
from sqlorch.state.lock_postgres import PostgresLock

pytestmark = pytest.mark.postgres
NODES = 8
WORK = (
    "{{ config(materialized='table') }}\n"
    "select sum(a.range * b.range) as n from range(9000) as a, range(9000) as b"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres(own=True) as started:
        yield started


@pytest.fixture
def project(server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A chain of models, whose state is on the server."""
    monkeypatch.setenv("SQLORCH_STATE_URL", server.new_schema())
    files = {f"models/m{n}.sql": f"{WORK} -- {{{{ ref('m{n - 1}') }}}}" if n else WORK for n in range(NODES)}
    return make_project(tmp_path, {**files, "sqlorch.yml": "groups:\n  g: {select: '*'}\n"})


def newest(project: Project) -> dict[str, object]:
    found: dict[str, object] = project.sqlorch("runs", "list", "--json").document["runs"][0]
    return found


def done(project: Project) -> int:
    """Nodes of the newest run that have succeeded."""
    counts = newest(project).get("nodes")
    return counts.get("success", 0) if isinstance(counts, dict) else 0


def test_a_command_goes_on_while_the_server_is_killed_again_and_again(
    server: Postgres, project: Project
) -> None:
    process = project.process("run", "--json", "-i", "2013-01-03")
    over = threading.Event()
    count = 0

    def restart() -> None:
        nonlocal count
        while not over.wait(0.5) and count < 5:
            server.restart()
            count += 1

    until(lambda: "runs" in server_tables(server), "the state")
    thread = threading.Thread(target=restart)
    thread.start()
    try:
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
        over.set()
        thread.join()
    said = Said(code=process.returncode, out=out, err=err)
    assert (said.code, said.err) == (0, "")
    assert count >= 1
    assert said.states == {f"m{n}": "success" for n in range(NODES)}
    assert {node["attempts"] for node in said.nodes.values()} == {1}


def server_tables(server: Postgres) -> str:
    rows = server.query("select string_agg(table_name || 's', ',') from information_schema.tables")
    return str(rows[0][0])


def test_the_daemon_is_degraded_while_it_is_away_and_then_goes_on(server: Postgres, project: Project) -> None:
    with running(project) as daemon:
        daemon.until("started")
        assert project.sqlorch("trigger", "g", "--interval", "2013-01-03").code == 0
        daemon.until("run_began")
        server.stop()
        daemon.until("degraded")
        time.sleep(2)
        server.start()
        daemon.until("run_ended")
        assert newest(project)["state"] == "success"
        assert [event["event"] for event in daemon.said if event["event"] == "worker_died"] == []
        assert project.sqlorch("trigger", "g", "--interval", "2013-01-04", "--wait").code == 0

        server.stop()
        try:
            began = time.monotonic()
            os.kill(daemon.process.pid, signal.SIGTERM)
            assert daemon.process.wait(60) == 0  # it can be stopped meanwhile
            assert time.monotonic() - began < 40
        finally:
            server.start()
        assert daemon.events("unwritten")
    said = project.sqlorch("db", "check")
    assert (said.code, said.err) == (0, "")


def test_a_daemon_on_a_file_stays_the_only_one_over_restarts(project: Project, server: Postgres) -> None:
    url = os.environ["SQLORCH_STATE_URL"]
    with running(project) as daemon:
        daemon.until("started")
        server.end_sessions_with_locks()
        until(lambda: not may_be_daemon(url), "the lock to be taken again", seconds=60)

        daemon.process.send_signal(signal.SIGSTOP)
        server.end_sessions_with_locks()
        with PostgresLock(url, "daemon", doing="is the daemon of this project"):
            daemon.process.send_signal(signal.SIGCONT)
            assert daemon.process.wait(60) == 3
        said = daemon.log.read_text()
    assert "this daemon has left its place to another one: the server of the state was started anew" in said
    assert f"sqlorch process {os.getpid()} on " in said
    assert "Traceback" not in said


def may_be_daemon(url: str) -> bool:
    try:
        with PostgresLock(url, "daemon", doing="is the daemon of this project"):
            return True
    except LockedError:
        return False
