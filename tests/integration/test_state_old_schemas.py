"""States of every earlier schema become one of this version, wherever the power fails on the way."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from click.testing import CliRunner
from support.old_states import (
    DATABASES,
    Content,
    content,
    dump_of,
    fill,
    load_postgres,
    load_sqlite,
    version,
)
from support.postgres import Postgres, running_postgres
from support.stores import ME, NOW, A, day, decide, do, new_run, spec_of

from sqlorch.cli.main import cli
from sqlorch.domain.ledger import LedgerMark
from sqlorch.domain.run import NodeState, RunState
from sqlorch.engine.alert_ports import DeliveryState
from sqlorch.state.engine import Database, SqliteDatabase
from sqlorch.state.engine_postgres import PostgresDatabase
from sqlorch.state.invariants import _VOCABULARY
from sqlorch.state.schema import HEAD
from sqlorch.state.store import SqlStore
from sqlorch.state.tables import metadata
from sqlorch.state.upgrade import alembic_config

EARLIER = sorted(
    script.revision
    for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()
    if script.revision != HEAD
)
DONE, FAILED, MISSING, SKIPPED = LedgerMark
# opens each state in a process of its own, which is killed at its point: before the n-th statement, before
# the first step is written down ("step"), before all is committed ("commit"), at the first statement after
# that ("committed"). One without a point tells its statements.
KILLED = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import Engine, event
from sqlorch.state import upgrade
from sqlorch.state.store import SqlStore

def open_and_die(point, path, url):
    said, reached = [], set()

    def reach(place):
        reached.add(place)
        if point == place:
            os.kill(os.getpid(), signal.SIGKILL)

    @event.listens_for(Engine, "before_cursor_execute")
    def count(connection, cursor, statement, *_):
        said.append(" ".join(statement.split()))
        reach(str(len(said)))
        if "UPDATE alembic_version" in statement:
            reach("step")
        if "commit" in reached:
            reach("committed")

    @event.listens_for(Engine, "commit")
    def commit(_):
        if "step" in reached:
            reach("commit")

    SqlStore.open(Path(path), url=url or None).close()
    print(*said, sep="\\n", flush=True)

for job in sys.argv[1:]:
    pid = os.fork()
    if pid:
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    else:
        open_and_die(*job.split("\\t"))
        os._exit(0)
"""


@dataclass(frozen=True)
class State:
    """A state in a project of its own: a file, or a schema of a server."""

    path: Path
    url: str | None = None

    def database(self) -> Database:
        return SqliteDatabase(self.path) if self.url is None else PostgresDatabase(self.url)

    def read(self) -> tuple[str, Content]:
        """Its revision, and all that is in it."""
        database = self.database()
        try:
            return version(database), content(database)
        finally:
            database.close()

    def sqlorch(self, *words: str) -> str:
        """What a command says that does well."""
        root = self.path.parents[1]
        given = ["--project-dir", str(root), "--profiles-dir", str(root)]
        said = CliRunner().invoke(cli, [*words, *given], env={"SQLORCH_STATE_URL": self.url or ""})
        assert said.exit_code == 0, said.output
        return said.output


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres(durable=False) as running:
        yield running


def of_revision(revision: str, database: str, root: Path, server: Postgres) -> State:
    """A project whose state is at an earlier revision."""
    root.mkdir(parents=True)
    (root / "dbt_project.yml").write_text("name: shop\nprofile: shop\n")
    (root / "profiles.yml").write_text("shop: {target: dev, outputs: {dev: {type: duckdb}}}\n")
    path, dump = root / ".sqlorch" / "state.db", dump_of(revision, database)
    if database == "sqlite":
        load_sqlite(dump, path)
        return State(path)
    state = State(path, server.new_schema())
    load_postgres(dump, str(state.url))
    return state


@pytest.fixture(params=[(revision, database) for revision in EARLIER for database in DATABASES], ids="-".join)
def old(request: pytest.FixtureRequest, tmp_path: Path, server: Postgres) -> tuple[str, State]:
    revision, database = request.param
    return revision, of_revision(revision, database, tmp_path / "shop", server)


def assert_kept(before: Content, after: Content) -> None:
    """Every row there was is there, as far as its columns were, and no other.

    What PostgreSQL counts is its own, and the first schema had no ledger.
    """
    for table, (columns, rows) in before.items():
        now = after[table]
        places = [now[0].index(column) for column in columns]
        kept = sorted((tuple(row[place] for place in places) for row in now[1]), key=repr)
        if table == "meta":
            kept = [row for row in kept if not counted(str(row[0]))]
        assert kept == [row for row in rows if table != "meta" or not counted(str(row[0]))], table


def counted(key: str) -> bool:
    return key == "writes" or key.startswith("commit:")


def test_every_earlier_schema_is_kept_as_people_have_it():
    missing = [dump_of(revision, database) for revision in EARLIER for database in DATABASES]
    assert [path.name for path in missing if not path.exists()] == [], "see tests/support/old_states.py"


def test_the_maker_of_what_is_kept_leaves_no_table_and_no_word_out(tmp_path: Path):
    with SqlStore.open(tmp_path / "state.db", owner=ME) as store:
        fill(store)
    _, filled = State(tmp_path / "state.db").read()
    assert set(filled) == set(metadata.tables)
    assert [table for table, (_, rows) in filled.items() if not rows] == []
    for table, named, words in _VOCABULARY:
        columns, rows = filled[table]
        column = columns.index("mark" if "mark" in named else named)
        assert {str(row[column]) for row in rows} - {"None"} == set(words), f"{table}.{named}"


def test_it_becomes_this_version_with_every_row_and_the_second_time_nothing_happens(old: tuple[str, State]):
    revision, state = old
    stored, before = state.read()
    assert stored == revision
    assert [table for table, (_, rows) in before.items() if not rows] == []
    assert state.sqlorch("db", "upgrade") == f"upgraded from schema {revision} to {HEAD}\n"
    stored, after = state.read()
    assert stored == HEAD
    assert set(after) == set(metadata.tables)
    assert_kept(before, after)
    assert "BROKEN" not in state.sqlorch("db", "check")
    assert state.sqlorch("db", "upgrade") == f"up to date: schema {HEAD}\n"
    assert state.read() == (HEAD, after)


def test_what_it_remembers_is_read_and_goes_on(old: tuple[str, State]):
    revision, state = old
    with SqlStore.open(state.path, url=state.url, owner=ME) as store:
        assert {run.state for run in store.runs()} == set(RunState)
        assert {node.state for node in store.nodes("manual-é-1")} == set(NodeState)
        tried = {attempt.unique_id: attempt for attempt in store.attempts("manual-é-1")}
        assert "naïve “☃” 𝄞, it's 50 %" in tried["model.shop.failed"].message
        assert tried["model.shop.failed"].finished_at.microsecond == 1
        marks = [entry.mark for entry in store.ledger.entries()[A]]
        if revision == "0001":  # it begins with what the runs know
            assert marks == [DONE, DONE, FAILED]
            store.schedule.enrol("daily", cursor=day(7), spec_hash="1", watched_since=NOW, now=NOW)
        else:
            assert marks == [MISSING, DONE, FAILED, DONE, FAILED, MISSING, SKIPPED]
            assert len(store.alerts.alerts()) == 7
            assert [cut.run_id for cut in store.schedule.slots("daily")][-3:] == ["sched-daily-4", None, None]
            assert len(store.daemons.audit()) == 14
        told = [one.state for one in store.deliveries.deliveries(range(9))]
        assert told == (list(DeliveryState) if revision >= "0004" else [])
        made = new_run(7)
        assert decide(store, made)
        assert store.queue.claim(spec_of(made, A), owner=ME, now=NOW)
        do(store, made.run_id, A)
        assert store.runs()[0].run_id == made.run_id


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.parametrize("database", DATABASES)
def test_killed_in_the_middle_it_is_as_it_was_and_the_next_opening_finishes(
    database: str, tmp_path: Path, server: Postgres
):
    points = points_of(of_revision(EARLIER[0], database, tmp_path / "whole", server))
    jobs = [(EARLIER[0], point) for point in points]
    jobs += [(revision, point) for revision in EARLIER[1:] for point in ("step", "commit")]
    states = [
        of_revision(revision, database, tmp_path / f"{revision}-{point}", server) for revision, point in jobs
    ]
    before = [state.read() for state in states]
    assert opened([point for _, point in jobs], states) == ["-9"] * len(jobs)
    for (revision, point), state, was in zip(jobs, states, before, strict=True):
        assert state.read() == was, f"{revision} killed at {point}"
        SqlStore.open(state.path, url=state.url).close()
        stored, after = state.read()
        assert stored == HEAD
        assert_kept(was[1], after)
    for state in (states[0], states[-1]):
        assert "BROKEN" not in state.sqlorch("db", "check")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.parametrize("database", DATABASES)
def test_killed_when_it_is_committed_it_is_new(database: str, tmp_path: Path, server: Postgres):
    state = of_revision(EARLIER[0], database, tmp_path / "killed", server)
    _, before = state.read()
    assert opened(["committed"], [state]) == ["-9"]
    stored, after = state.read()
    assert stored == HEAD
    assert_kept(before, after)
    assert "BROKEN" not in state.sqlorch("db", "check")


def points_of(state: State) -> list[str]:
    """Before and after each step, at some places between, and before all of it is committed."""
    said = statements(state)
    steps = [n for n, statement in enumerate(said, 1) if "alembic_version SET" in statement]
    assert len(steps) == len(EARLIER)
    changes = range(said.index(next(s for s in said if s.startswith("ALTER TABLE run"))) + 1, steps[-1])
    between = random.Random(4).sample(changes, 3)  # noqa: S311 - a test repeats itself
    after = [step + 1 for step in steps[:-1]]
    return [str(n) for n in (*between, *steps, *after)] + ["commit"]


def statements(state: State) -> list[str]:
    """All that is said when it is opened."""
    *said, code = opened([""], [state])
    assert code == "0"
    return said


def opened(points: Sequence[str], states: Sequence[State]) -> list[str]:
    """Open each in a process of its own, killed at its point; what they say, and how they ended."""
    jobs = [
        "\t".join([point, str(state.path), state.url or ""])
        for point, state in zip(points, states, strict=True)
    ]
    command = [sys.executable, "-c", KILLED, *jobs]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
