"""What a state file remembers, moved to PostgreSQL by the command."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.postgres import Postgres, running_postgres
from support.stores import ME, NOW, TEST, A, day, decide, do, enrol, manual, new_run, slot, spec_of

from sqlorch.cli.main import cli
from sqlorch.domain.errors import StateError
from sqlorch.state.copying import copy_to_postgres
from sqlorch.state.store import SqlStore

FIRST = Path(__file__).parents[1] / "data" / "state_v0001.db"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres(durable=False) as running:
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "dbt_project.yml").write_text("name: shop\nprofile: shop\n")
    (tmp_path / "profiles.yml").write_text("shop: {target: dev, outputs: {dev: {type: duckdb}}}\n")
    with SqlStore.open(tmp_path / ".sqlorch" / "state.db", owner=ME) as store:
        enrol(store)
        for n in range(3):
            made = new_run(n)
            assert decide(store, made)
            assert store.queue.claim(spec_of(made, A, TEST), owner=ME, now=NOW)
            do(store, made.run_id, A, TEST, fails=n == 1)
        decide(store, skips=(slot(3),), reason="flood")
        store.ledger.remember_code({"v1": "select 1 as naïve -- ☃"})
        store.alerts.raise_alert("k", "held", {"group": "daily"}, now=NOW)
        manual(store, "manual-1", slot(0), A)
    return tmp_path


def at(project: Path) -> list[str]:
    return ["--project-dir", str(project), "--profiles-dir", str(project)]


def sqlorch(*arguments: str, url: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), env={"SQLORCH_STATE_URL": url})


def remembered(store: SqlStore) -> list[object]:
    return [
        store.runs(),
        [store.nodes(run.run_id) for run in store.runs()],
        [store.attempts(run.run_id) for run in store.runs()],
        store.schedule.groups(),
        store.schedule.slots("daily"),
        store.ledger.entries(),
        store.ledger.code(["v1"]),
        store.alerts.alerts(),
        store.datasets.events(["daily", A], {}),
        store.daemons.audit(),
    ]


def test_everything_is_there_and_goes_on_where_it_was(project: Path, server: Postgres):
    url = server.new_schema()
    file = project / ".sqlorch" / "state.db"
    said = CliRunner().invoke(cli, ["db", "copy", "--to", "env:TO", *at(project)], env={"TO": url})
    assert said.exit_code == 0, said.output
    assert "and compared them" in said.output
    with SqlStore.open(file, owner=ME) as old, SqlStore.open(file, url=url, owner=ME) as new:
        assert remembered(new) == remembered(old)
        assert decide(new, new_run(4))
        assert [run.run_id for run in new.runs()][:2] == ["sched-daily-4", "manual-1"]
        last = max(attempt.fence for run in old.runs() for attempt in old.attempts(run.run_id))
        made = new_run(4)
        assert new.queue.claim(spec_of(made, A, TEST), owner=ME, now=NOW)
        do(new, made.run_id, A, TEST)
        assert min(attempt.fence for attempt in new.attempts(made.run_id)) > last
        newest = max(event.event_id for event in old.datasets.events(["daily"], {}))
        assert len(new.datasets.events(["daily"], {"daily": newest})) == 1
        assert new.schedule.groups()["daily"].cursor == day(5)


def test_status_and_check_speak_of_the_database(project: Path, server: Postgres):
    url = server.new_schema()
    copy_to_postgres(project / ".sqlorch" / "state.db", url)
    found = json.loads(sqlorch("db", "status", "--json", *at(project), url=url).output)
    assert found["path"].startswith("postgresql://")
    assert (found["rows"]["run"], found["rows"]["slot"]) == (4, 4)
    assert found["bytes"] > 0
    checked = sqlorch("db", "check", *at(project), url=url)
    assert (checked.exit_code, "BROKEN" in checked.output) == (0, False)
    for command in (["backup", "copy.db"], ["recover", "copy.db"]):
        refused = sqlorch("db", *command, *at(project), url=url)
        assert refused.exit_code != 0
        assert "in PostgreSQL, not in a file: pg_" in str(refused.exception)


def test_a_database_that_is_not_empty_is_refused_and_left_alone(project: Path, server: Postgres):
    url = server.new_schema()
    with SqlStore.open(project / "other" / "state.db", url=url, owner=ME) as other:
        enrol(other, "theirs")
    with pytest.raises(StateError, match="is not empty"):
        copy_to_postgres(project / ".sqlorch" / "state.db", url)
    with SqlStore.open(project / "other" / "state.db", url=url, owner=ME) as other:
        assert list(other.schedule.groups()) == ["theirs"]


def test_a_copy_that_fails_in_the_middle_leaves_nothing(project: Path, server: Postgres):
    url, file = server.new_schema(), project / ".sqlorch" / "state.db"
    connection = sqlite3.connect(file)
    connection.execute("UPDATE alert SET kind = hex(zeroblob(99))")  # longer than PostgreSQL takes
    connection.commit()
    connection.close()
    with pytest.raises(StateError, match="too long"):
        copy_to_postgres(file, url)
    connection = sqlite3.connect(file)
    connection.execute("UPDATE alert SET kind = 'held'")
    connection.commit()
    connection.close()
    assert copy_to_postgres(file, url)["alert"] > 0


def test_a_file_of_the_first_schema_is_copied_too(tmp_path: Path, server: Postgres):
    url, file = server.new_schema(), Path(shutil.copy(FIRST, tmp_path / "state.db"))
    assert copy_to_postgres(file, url)["attempt"] == 19
    with SqlStore.open(file, url=url) as store:
        assert len(store.runs()) == 8
