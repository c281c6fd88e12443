"""A PostgreSQL server of the state that is started anew, or loses connections, while it is written to."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import Connection
from sqlalchemy import text as sql
from support.postgres import Postgres, running_postgres
from support.proxy import Proxy, proxied
from support.stores import ME, NOW, OTHER, A, B, begin, day, decide, end, enrol, new_run, spec_of

from sqlorch.domain.errors import StateError
from sqlorch.domain.run import RunState
from sqlorch.state.engine_postgres import PostgresDatabase
from sqlorch.state.invariants import audit_state
from sqlorch.state.repeating import UndoneError
from sqlorch.state.store import SqlStore

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres(own=True) as running:  # durable: what is acknowledged must survive the restarts
        yield running


@pytest.fixture
def url(server: Postgres) -> str:
    return server.new_schema()


@pytest.fixture
def proxy(server: Postgres) -> Iterator[Proxy]:
    with (
        tempfile.TemporaryDirectory(prefix="px", dir="/tmp") as folder,
        proxied(Path(folder), server.socket) as made,
    ):
        yield made


def through(proxy: Proxy, url: str) -> str:
    """The same URL, by way of the proxy."""
    return url.replace(parse_qs(urlsplit(url).query)["host"][0], str(proxy.folder))


def opened(folder: Path, url: str) -> SqlStore:
    return SqlStore.open(folder / "state.db", url=url, owner=ME)


class Restarts:
    """Starts a server anew every so often, until left."""

    def __init__(self, server: Postgres, *, pause: float) -> None:
        self.count = 0
        self._server = server
        self._pause = pause
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def _work(self) -> None:
        while not self._over.wait(self._pause):
            self._server.restart()
            self.count += 1

    def __enter__(self) -> Restarts:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def drive(store: SqlStore, n: int) -> None:
    """One run from its slot to its end, in a dozen transactions: each must succeed at the first call."""
    made = new_run(n)
    assert decide(store, made)
    assert store.queue.claim(spec_of(made, A, B), owner=ME, now=NOW)
    for uid in (A, B):
        attempts = begin(store, made.run_id, uid)
        assert [attempt.n for attempt in attempts] == [1]
        end(store, attempts)
    assert store.move_run(made.run_id, RunState.RUNNING, RunState.SUCCESS, now=NOW)


def test_writes_go_on_while_the_server_is_killed_again_and_again(
    server: Postgres, url: str, tmp_path: Path
) -> None:
    with opened(tmp_path, url) as store, Restarts(server, pause=0.7) as restarts:
        enrol(store)
        runs, deadline = 0, time.monotonic() + 60
        while restarts.count < 4:
            assert time.monotonic() < deadline
            drive(store, runs)
            runs += 1
    with opened(tmp_path, url) as store:
        slots = store.schedule.slots("daily")
        assert [slot.run_id for slot in slots] == [f"sched-daily-{n}" for n in range(runs)]
        assert {run.state for run in store.runs()} == {RunState.SUCCESS}
        assert store.schedule.groups()["daily"].cursor == day(runs)
        attempts = [attempt for run in store.runs() for attempt in store.attempts(run.run_id)]
        assert len(attempts) == 2 * runs
        assert len({attempt.fence for attempt in attempts}) == 2 * runs
        assert len(store.datasets.events(["daily"], {})) == runs
        with store._database.read() as connection:
            assert [finding.invariant for finding in audit_state(connection) if finding.broken] == []


class TestLostAnswers:
    """The connection breaks while a change is committed: before the server hears of it, or after."""

    def test_a_commit_whose_answer_is_lost_is_recognised(
        self, proxy: Proxy, url: str, tmp_path: Path
    ) -> None:
        with opened(tmp_path, through(proxy, url)) as store:
            enrol(store)
            cuts = 0

            def cut(sent: bytes) -> bool:
                nonlocal cuts
                hit = sent.startswith(b"Q") and b"COMMIT" in sent[:16] and not cuts
                cuts += hit
                return hit

            for n in range(12):
                cuts = 0
                proxy.cut_after = cut
                assert decide(store, new_run(n)), "was kept, so it must be told as kept"
                assert cuts == 1
            assert len(store.schedule.slots("daily")) == 12
            assert [run.run_id for run in store.runs()] == [f"sched-daily-{n}" for n in reversed(range(12))]

    def test_one_that_never_arrived_is_done_again(self, proxy: Proxy, url: str, tmp_path: Path) -> None:
        with opened(tmp_path, through(proxy, url)) as store:
            enrol(store)
            lose_before(proxy, b"COMMIT")
            assert decide(store, new_run(0))
            assert len(store.schedule.slots("daily")) == 1
            lose_before(proxy, b"UPDATE grp")
            assert decide(store, new_run(1))
            assert len(store.schedule.slots("daily")) == 2

    def test_what_cannot_be_found_out_is_told_as_that(self, proxy: Proxy, url: str, tmp_path: Path) -> None:
        opened(tmp_path, url).close()
        with closing(PostgresDatabase(through(proxy, url), patience=1.0)) as database:

            def cut(sent: bytes) -> bool:
                if b"COMMIT" in sent[:16]:
                    proxy.close()
                    return True
                return False

            proxy.cut_after = cut
            with (
                pytest.raises(StateError, match="whether it was kept shows") as told,
                database.write() as connection,
            ):
                connection.execute(sql("INSERT INTO meta VALUES ('a', 'b')"))
            assert not isinstance(told.value, UndoneError)

    def test_a_crash_may_give_the_transactions_number_to_another(
        self, server: Postgres, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened(tmp_path, url).close()
        server.query("ALTER SYSTEM SET wal_writer_delay = '10s'")  # what is not committed stays off the disk
        server.query("SELECT pg_reload_conf()")
        numbers: list[int] = []
        with closing(PostgresDatabase(url)) as database, closing(PostgresDatabase(url)) as other:
            commit = database._commit

            def crash_before(connection: Connection, count: str | None) -> None:
                ours = connection.scalar(sql("SELECT txid_current()"))
                server.restart()
                while not numbers or numbers[-1] < ours:
                    with other.write() as theirs:
                        numbers.append(theirs.scalar(sql("SELECT txid_current()")) or 0)
                assert ours in numbers, "the case this is about"
                commit(connection, count)

            monkeypatch.setattr(database, "_commit", crash_before)
            with pytest.raises(UndoneError), database.write() as connection:
                connection.execute(sql("INSERT INTO meta VALUES ('a', 'b')"))
            with other.read() as connection:
                assert connection.scalar(sql("SELECT count(*) FROM meta WHERE key = 'a'")) == 0

    def test_notes_of_long_ago_are_forgotten(self, url: str, tmp_path: Path) -> None:
        opened(tmp_path, url).close()
        for writes in ("5", "200005"):
            with closing(PostgresDatabase(url)) as database, database.write() as connection:
                connection.execute(sql("UPDATE meta SET value = :n WHERE key = 'writes'"), {"n": writes})
        with closing(PostgresDatabase(url)) as database:
            with database.write() as connection:
                connection.execute(sql("INSERT INTO meta VALUES ('a', 'b')"))
            with database.read() as connection:
                notes = sql("SELECT value FROM meta WHERE key LIKE 'commit:%' ORDER BY value")
                assert list(connection.scalars(notes)) == ["200006", "200007"]

    def test_nothing_written_is_nothing_lost(self, proxy: Proxy, url: str, tmp_path: Path) -> None:
        opened(tmp_path, url).close()
        with closing(PostgresDatabase(through(proxy, url))) as database:
            proxy.cut_after = lambda sent: b"COMMIT" in sent[:16]
            with database.write() as connection:
                connection.execute(sql("SELECT 1"))


def lose_before(proxy: Proxy, words: bytes) -> None:
    """Cut the next connection that is about to say these words, and say nothing of them to the server."""
    left = 1

    def cut(sent: bytes) -> bool:
        nonlocal left
        if left and words in sent:
            left -= 1
            raise OSError
        return False

    proxy.cut_after = cut


def test_a_deadlock_is_no_matter_of_the_caller_s(server: Postgres, url: str, tmp_path: Path) -> None:
    with opened(tmp_path, url) as store:
        enrol(store)
        fail = (
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "IF nextval('tries') < 3 THEN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END IF; "
            "RETURN NEW; END $$"
        )
        with store._database.write() as connection:
            connection.execute(sql("CREATE SEQUENCE tries"))
            connection.execute(sql(fail))
            connection.execute(
                sql("CREATE TRIGGER t BEFORE INSERT ON slot FOR EACH ROW EXECUTE FUNCTION fail()")
            )
        assert decide(store, new_run(0))
        assert len(store.schedule.slots("daily")) == 1


def test_abandoned_runs_are_all_told_though_the_server_went_away_between_two(
    server: Postgres, url: str, tmp_path: Path
) -> None:
    with opened(tmp_path, url) as store:
        for n in range(3):
            store.create_run(spec_of(new_run(n, kind="manual"), A), now=NOW)
        looks = 0

        def alive(_owner: object) -> bool:
            nonlocal looks
            looks += 1
            if looks == 3:
                server.query(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND application_name LIKE 'sqlorch %'"
                )
            return False

        assert len(store.abandon_dead(NOW, alive)) == 3
        assert ME != OTHER
