"""State on a PostgreSQL server: who waits, who is kept out, what a person is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text as sql
from support.daemons import until
from support.postgres import Postgres, running_postgres
from support.stores import ME, decide, enrol, new_run

from sqlorch.app.alerting import deliver
from sqlorch.domain.alerts import AlertBook
from sqlorch.domain.errors import StateError
from sqlorch.state import lock_postgres
from sqlorch.state.engine_postgres import PostgresDatabase
from sqlorch.state.lock import LockedError
from sqlorch.state.lock_keeper import kept
from sqlorch.state.lock_postgres import PostgresLock
from sqlorch.state.opening import open_state
from sqlorch.state.schema import HEAD
from sqlorch.state.store import SqlStore
from sqlorch.state.turn import RunTurn, _take_from_daemons

HOLD = """
import subprocess, sys
from pathlib import Path
from sqlorch.state.turn import RunTurn
turn = RunTurn(Path(sys.argv[1]), command="a daemon", url=sys.argv[2])
assert turn.take() == ""
child = subprocess.Popen(["sleep", "60"], pass_fds=turn.filenos(), stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
sys.stdin.read()
"""
DECIDE = """
import sys
from pathlib import Path
from support.stores import ME, NOW, T0, day, new_run
from sqlorch.state.store import SqlStore
with SqlStore.open(Path(sys.argv[1]) / "state.db", url=sys.argv[2], owner=ME) as store:
    won = 0
    for n in range(20):
        made = new_run(n, run_id=f"{sys.argv[3]}-{n}")
        won += store.schedule.decide("daily", expected=day(n), cursor=day(n + 1), runs=[made], now=NOW)
    claimed = 0
    from support.stores import spec_of
    from dataclasses import replace
    for run in store.queue.open_runs():
        made = new_run((run.interval.start - T0).days, run_id=run.run_id)
        claimed += store.queue.claim(spec_of(made, "model.shop.a"), owner=ME, now=NOW)
    print(won, claimed)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres(durable=False) as running:
        yield running


@pytest.fixture
def url(server: Postgres) -> str:
    return server.new_schema()


def opened(folder: Path, url: str) -> SqlStore:
    return SqlStore.open(folder / "state.db", url=url, owner=ME)


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, sys.path)])
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )


class TestTransactions:
    def test_a_second_writer_begins_when_the_first_has_committed_and_sees_it(self, url: str):
        first, second = PostgresDatabase(url), PostgresDatabase(url)
        with first.write() as connection:
            connection.execute(sql("CREATE TABLE meta (key text PRIMARY KEY, value text)"))
            connection.execute(sql("INSERT INTO meta VALUES ('n', '0')"))

        def add(database: PostgresDatabase) -> None:
            for _ in range(25):
                with database.write() as connection:
                    n = int(connection.scalar(sql("SELECT value FROM meta WHERE key = 'n'")) or 0)
                    connection.execute(sql("UPDATE meta SET value = :n WHERE key = 'n'"), {"n": str(n + 1)})

        threads = [threading.Thread(target=add, args=[database]) for database in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with first.read() as connection:
            assert connection.scalar(sql("SELECT value FROM meta WHERE key = 'n'")) == "50"
        first.close()
        second.close()

    def test_a_read_sees_one_moment_and_may_not_write(self, url: str, tmp_path: Path):
        with opened(tmp_path, url) as store, opened(tmp_path, url) as other:
            database = store._database
            with database.read() as connection:
                assert connection.scalar(sql("SELECT count(*) FROM grp")) == 0
                enrol(other)
                assert connection.scalar(sql("SELECT count(*) FROM grp")) == 0
            with pytest.raises(StateError, match="read-only"), database.read() as connection:
                connection.execute(sql("DELETE FROM grp"))

    def test_the_version_counts_what_was_written_alone(self, url: str, tmp_path: Path):
        with opened(tmp_path, url) as store, opened(tmp_path, url) as other:
            before = store.schedule.version()
            enrol(other)
            after = store.schedule.version()
            assert after != before
            enrol(other)  # nothing new
            assert store.schedule.version() == after
            with pytest.raises(StateError):
                decide(other, new_run(0, run_id="twice"), new_run(1, run_id="twice"))
            assert store.schedule.version() == after

    def test_a_server_that_is_started_anew_is_waited_for(self, url: str, tmp_path: Path, server: Postgres):
        with opened(tmp_path, url) as store:
            enrol(store)
            server.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database() "
                "AND application_name LIKE 'sqlorch %'"
            )
            assert decide(store, new_run(0))
            assert [slot.run_id for slot in store.schedule.slots("daily")] == ["sched-daily-0"]

    def test_several_processes_decide_and_claim_exactly_once(self, url: str, tmp_path: Path):
        with opened(tmp_path, url) as store:
            enrol(store)
            processes = [python(DECIDE, tmp_path, url, name) for name in "abc"]
            answers = [process.communicate(timeout=120)[0].split() for process in processes]
            assert sum(int(won) for won, _ in answers) == 20
            assert len(store.schedule.slots("daily")) == 20
            claimed = [run for run in store.runs() if run.state == "running"]
            assert sum(int(claims) for _, claims in answers) == len(claimed) > 0


class TestOpening:
    def test_the_sessions_protect_the_server(self, url: str, tmp_path: Path):
        with opened(tmp_path, url) as store, store._database.read() as connection:
            show = {
                name: connection.scalar(sql(f"SHOW {name}")) for name in ("lock_timeout", "statement_timeout")
            }
            assert show == {"lock_timeout": "5s", "statement_timeout": "30s"}
            assert connection.scalar(sql("SHOW idle_in_transaction_session_timeout")) == "1min"
            assert str(connection.scalar(sql("SHOW application_name"))).startswith("sqlorch ")

    def test_an_empty_database_does_not_take_the_place_of_a_history(self, url: str, tmp_path: Path):
        SqlStore.open(tmp_path / "state.db", owner=ME).close()
        with pytest.raises(StateError, match=r"is empty, and this project has a history.*sqlorch db copy"):
            opened(tmp_path, url)

    def test_another_project_s_database_is_refused(self, url: str, server: Postgres, tmp_path: Path):
        opened(tmp_path / "one", url).close()
        opened(tmp_path / "two", server.new_schema()).close()
        with pytest.raises(StateError, match="is not where this project's history was kept before"):
            opened(tmp_path / "two", url)

    def test_a_schema_with_other_tables_is_left_alone(self, url: str, tmp_path: Path):
        database = PostgresDatabase(url)
        with database.write() as connection:
            connection.execute(sql("CREATE TABLE meta (key text PRIMARY KEY, value text)"))
        with pytest.raises(StateError, match="holds tables of another program"):
            opened(tmp_path, url)
        database.close()

    def test_a_newer_schema_is_refused(self, url: str, tmp_path: Path):
        with opened(tmp_path, url) as store, store._database.write() as connection:
            connection.execute(sql("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(StateError, match="was written by a newer sqlorch; install sqlorch"):
            opened(tmp_path, url)

    def test_no_message_tells_the_password(self, tmp_path: Path, server: Postgres):
        bad = "postgresql://ann:s3cret@127.0.0.1:1/none"
        with pytest.raises(StateError, match=r"postgresql://ann@127\.0\.0\.1:1/none") as told:
            PostgresDatabase(bad, patience=0.0).version()
        assert "s3cret" not in str(told.value)
        with pytest.raises(StateError, match="not one of PostgreSQL") as told:
            open_state(tmp_path / "state.db", url="mysql://ann:s3cret@host/db")
        assert "s3cret" not in str(told.value)
        with pytest.raises(StateError, match="does not exist"):
            opened(tmp_path, server.at("nothing"))


class TestMigrations:
    def test_a_new_database_equals_a_migrated_one(self, server: Postgres, tmp_path: Path):
        from sqlorch.state.upgrade import migrate  # noqa: PLC0415 - Alembic, for this test alone

        made, migrated = server.new_schema(), server.new_schema()
        opened(tmp_path / "made", made).close()
        database = PostgresDatabase(migrated)
        with database.write() as connection:
            migrate(connection, "0001")
        database.close()
        with opened(tmp_path / "migrated", migrated) as store:
            enrol(store)
            assert decide(store, new_run(0))
        assert shape(made) == shape(migrated)
        assert shape(made)["version"] == [(HEAD,)]


def shape(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Columns, constraints and indexes of a schema, without its name."""
    queries = {
        "columns": "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, "
        "replace(coalesce(column_default, ''), current_schema() || '.', '') FROM information_schema.columns "
        "WHERE table_schema = current_schema() ORDER BY 1, 2",
        "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) "
        "FROM pg_constraint "
        "WHERE connamespace = current_schema()::regnamespace ORDER BY 1, 2",
        "indexes": "SELECT tablename, indexname, replace(indexdef, current_schema() || '.', '') "
        "FROM pg_indexes "
        "WHERE schemaname = current_schema() ORDER BY 1, 2",
        "meta": "SELECT key FROM meta WHERE key NOT LIKE 'commit:%' ORDER BY 1",
        "version": "SELECT version_num FROM alembic_version",
    }
    database = PostgresDatabase(url)
    try:
        with database.read() as connection:
            return {name: [tuple(row) for row in connection.execute(sql(q))] for name, q in queries.items()}
    finally:
        database.close()


def can_be_had(url: str) -> bool:
    """Whether somebody else could drive runs."""
    try:
        with PostgresLock(url, "run", doing="drives"):
            return True
    except LockedError:
        return False


class TestLocks:
    def test_another_host_is_refused_and_told_who_holds_it(self, url: str, tmp_path: Path):
        first = RunTurn(tmp_path / "host-a", command="a", url=url)
        second = RunTurn(tmp_path / "host-b", command="b", url=url)
        for name in "ab":
            (tmp_path / f"host-{name}").mkdir()
        assert first.take() == ""
        refusal = second.take()
        assert f"sqlorch process {os.getpid()} on " in refusal
        assert "is driving runs of this project" in refusal
        assert not second.held
        first.release()
        assert second.take() == ""
        first.close()
        second.close()

    def test_other_schemas_and_the_daemon_s_lock_are_apart(self, url: str, server: Postgres):
        held = PostgresLock(url, "run", doing="drives")
        daemon = PostgresLock(url, "daemon", doing="is the daemon")
        elsewhere = PostgresLock(server.new_schema(), "run", doing="drives")
        with held, daemon, elsewhere:
            assert held.holds()
            assert daemon.holds()
            assert elsewhere.holds()

    def test_daemons_share_it_and_let_whoever_wants_it_alone_go_first(self, url: str, tmp_path: Path):
        turns = []
        for name in "abc":
            (tmp_path / name).mkdir()
            turns.append(RunTurn(tmp_path / name, command=name, url=url, shared=True))
        first, second, third = turns
        assert (first.take(), second.take()) == ("", "")
        assert not first.wanted()
        with ThreadPoolExecutor(1) as pool, closing(PostgresLock(url, "run", doing="drives")) as alone:
            told: list[str] = []
            queued = pool.submit(_take_from_daemons, alone, wait=True, waiting=told.append)
            until(first.wanted, "somebody who waits", seconds=60)
            assert "drives" in told[0]
            until(second.wanted, "the same", seconds=60)
            assert "is driving runs" in third.take(), "a newcomer does not overtake who waits"
            first.release()
            assert not queued.done()
            second.release()
            queued.result(60)
            assert f"process {os.getpid()}" in first.take()
        until(lambda: third.take() == "", "the server to notice that nobody wants it alone", seconds=60)
        for turn in turns:
            turn.close()

    def test_a_command_that_does_not_wait_is_refused_by_daemons_that_share_it(self, url: str, tmp_path: Path):
        turn = RunTurn(tmp_path, command="a daemon", url=url, shared=True)
        assert turn.take() == ""
        with closing(PostgresLock(url, "run", doing="drives")) as alone:
            with pytest.raises(LockedError, match="drives") as refused:
                _take_from_daemons(alone, wait=False, waiting=pytest.fail)
            assert refused.value.shares
        turn.close()

    def test_one_host_at_a_time_delivers_alerts(self, url: str, tmp_path: Path):
        book = AlertBook(project="p")
        with (
            PostgresLock(url, "alerts", doing="delivers alerts of this project"),
            pytest.raises(LockedError, match="delivers alerts of this project"),
        ):
            deliver(book, tmp_path, command="sqlorch alerts send", url=url)
        assert deliver(book, tmp_path, command="sqlorch alerts send", url=url).messages == 0

    def test_a_connection_that_is_gone_is_noticed_and_the_lock_taken_again(
        self, url: str, tmp_path: Path, server: Postgres
    ):
        turn = RunTurn(tmp_path, command="a", url=url)
        assert turn.take() == ""
        server.end_sessions_with_locks()
        assert turn.take() == ""
        with pytest.raises(StateError, match="drives"):
            PostgresLock(url, "run", doing="drives").acquire()
        turn.close()

    def test_a_command_takes_it_again_by_itself(self, url: str, server: Postgres):
        lost: list[str] = []
        with PostgresLock(url, "run", doing="drives") as lock, kept(lock, lost=lost.append):
            server.end_sessions_with_locks()
            until(lambda: not can_be_had(url), "the lock to be taken again", seconds=60)
        assert lost == []
        assert can_be_had(url)

    def test_a_command_stops_where_somebody_else_was_quicker(
        self, url: str, server: Postgres, monkeypatch: pytest.MonkeyPatch
    ):
        other = PostgresLock(url, "run", doing="drives")
        with PostgresLock(url, "run", doing="drives") as lock:
            with monkeypatch.context() as elsewhere:
                elsewhere.setattr(lock_postgres, "_purpose", lambda: "sqlorch process 7 on elsewhere")
                other.fileno()
            server.end_sessions_with_locks()
            other.acquire()
            lost: list[str] = []
            with kept(lock, lost=lost.append):
                until(lambda: lost, "the news", seconds=60)
            said = "the server of the state was started anew, and sqlorch process 7 on elsewhere drives"
            assert lost == [said]
        other.close()

    def test_an_old_session_of_one_s_own_is_nobody_else(self, url: str):
        old = PostgresLock(url, "run", doing="drives")
        with old, closing(PostgresLock(url, "run", doing="drives")) as lock:
            assert lock.keep() == ""
            assert not lock.holds()
        assert lock.keep() == ""
        assert lock.holds()
        lock.close()

    def test_a_daemon_takes_it_again_while_its_runs_are_under_way(
        self, url: str, tmp_path: Path, server: Postgres
    ):
        with closing(RunTurn(tmp_path, command="a daemon", url=url, shared=True)) as turn:
            turn.keep()
            assert can_be_had(url), "it is kept only where it was taken"
            assert turn.take() == ""
            server.end_sessions_with_locks()
            assert can_be_had(url)
            turn.keep()
            assert not can_be_had(url)

    def test_it_outlives_a_killed_daemon_until_its_worker_is_gone_too(self, url: str, tmp_path: Path):
        (tmp_path / "a").mkdir()
        daemon = python(HOLD, tmp_path / "a", url)
        assert daemon.stdout is not None
        worker = int(daemon.stdout.readline())
        daemon.send_signal(signal.SIGKILL)
        daemon.wait(60)
        lock = PostgresLock(url, "run", doing="drives")
        try:
            with pytest.raises(StateError, match="drives"):
                lock.acquire()
        finally:
            os.kill(worker, signal.SIGKILL)
        with lock:
            assert lock.holds()
