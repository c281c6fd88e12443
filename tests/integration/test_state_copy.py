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
from support.projects import Project, Said, make_project
from support.stores import ME, NOW, TEST, A, day, decide, do, enrol, manual, new_run, slot, spec_of

from sqlorch.cli.main import cli
from sqlorch.domain.errors import StateError
from sqlorch.state.copying import copy_to_postgres
from sqlorch.state.faults import ON_A_SERVER
from sqlorch.state.sides import server_file
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


def given(project: Project, variable: str, value: str, *words: str) -> Said:
    """What a command says in a shell in which a variable is set."""
    with pytest.MonkeyPatch.context() as shell:
        shell.setenv(variable, value)
        return project.sqlorch(*words)


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


def on_purpose(file: Path) -> Path:
    """A state file that is used though the history has gone to a server."""
    server_file(file).unlink()
    return file


def test_everything_is_there_and_goes_on_where_it_was(project: Path, server: Postgres):
    url = server.new_schema()
    file = project / ".sqlorch" / "state.db"
    said = CliRunner().invoke(cli, ["db", "copy", "--to", "env:TO", *at(project)], env={"TO": url})
    assert said.exit_code == 0, said.output
    assert "and compared them" in said.output
    with SqlStore.open(file, url=url, owner=ME) as new, SqlStore.open(on_purpose(file), owner=ME) as old:
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
    SqlStore.open(file, owner=ME).close()  # nothing says that the history is elsewhere
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


class TestWithoutTheVariable:
    """A shell in which SQLORCH_STATE_URL was forgotten, after the history has gone to a server."""

    COMMANDS = (
        ["runs", "list"],
        ["run", "--interval", "2026-03-01"],
        ["plan"],
        ["daemon", "--once"],
        ["cancel", "manual-1"],
        ["db", "status"],
        ["db", "check"],
        ["db", "backup", "copy.db"],
        ["db", "upgrade"],
        ["db", "recover", "copy.db"],
        ["db", "prune", "--days", "1"],
        ["db", "target", "prod"],
    )

    @pytest.fixture
    def moved(self, project: Path, server: Postgres) -> tuple[Project, str]:
        """The URL has a password, which this server does not ask for."""
        url = server.new_schema().replace("postgres:@", "postgres:s3cret@")
        assert "s3cret" in url
        made = Project(root=project)
        said = given(made, "TO", url, "db", "copy", "--to", "env:TO")
        assert (said.code, said.err) == (0, "")
        return made, url

    def test_every_command_refuses_the_old_file_and_names_the_new_place(self, moved: tuple[Project, str]):
        project, _ = moved
        file = project.root / ".sqlorch" / "state.db"
        before = file.read_bytes()
        for command in self.COMMANDS:
            said = project.sqlorch(*command).told(2)
            assert said.startswith("Error: the state of this project is on postgresql://postgres@"), command
            assert "its URL is not given here: set SQLORCH_STATE_URL, or name it by 'state: {url: " in said
            assert f"to use the file {file} instead, on purpose, delete {server_file(file)}" in said
            assert "s3cret" not in said
            assert "\n" not in said
        assert file.read_bytes() == before

    def test_so_they_do_where_the_file_was_taken_away(self, moved: tuple[Project, str]):
        project, _ = moved
        (project.root / ".sqlorch" / "state.db").unlink()
        assert "the state of this project is on postgresql://" in project.sqlorch("plan").told(2)
        assert "the state of this project is on postgresql://" in project.sqlorch("runs", "list").told(2)
        assert not (project.root / ".sqlorch" / "state.db").exists()

    def test_with_it_they_go_on_there_and_on_purpose_with_the_file(self, moved: tuple[Project, str]):
        project, url = moved
        runs = given(project, "SQLORCH_STATE_URL", url, "runs", "list", "--json").document["runs"]
        assert len(runs) == 4
        server_file(project.root / ".sqlorch" / "state.db").unlink()
        again = project.sqlorch("runs", "list", "--json").document["runs"]
        assert [run["run_id"] for run in again] == [run["run_id"] for run in runs]

    def test_a_project_that_began_on_a_server_is_known_too(self, tmp_path: Path, server: Postgres):
        project = make_project(tmp_path / "shop", {"models/a.sql": "select 1 as n"})
        url = server.new_schema()
        assert given(project, "SQLORCH_STATE_URL", url, "runs", "list").code == 0
        said = project.sqlorch("runs", "show", "manual-1").told(2)
        assert "the state of this project is on postgresql://postgres@" in said
        assert not (project.root / ".sqlorch" / "state.db").exists()

    def test_a_copy_that_was_cut_short_is_begun_again_and_none_is_made_elsewhere(
        self, moved: tuple[Project, str], server: Postgres
    ):
        project, url = moved
        file = project.root / ".sqlorch" / "state.db"
        server.query(f"DROP SCHEMA {url.rpartition('%3D')[2]} CASCADE")
        server.query(f"CREATE SCHEMA {url.rpartition('%3D')[2]}")
        assert given(project, "TO", url, "db", "copy", "--to", "env:TO").code == 0
        server_file(file).write_text("postgresql://ann@elsewhere/db")
        refused = given(project, "TO", server.new_schema(), "db", "copy", "--to", "env:TO").told(2)
        assert "is on postgresql://ann@elsewhere/db" in refused


def test_where_nothing_is_remembered_it_may_be_on_a_server(tmp_path: Path):
    project = make_project(tmp_path / "shop", {"models/a.sql": "select 1 as n"})
    hint = ON_A_SERVER
    for command in (["db", "status"], ["db", "backup", "copy.db"], ["db", "target", "prod"]):
        assert hint in project.sqlorch(*command).told(2)
    said = project.sqlorch("runs", "show", "manual-1").told(2)
    assert said == f"Error: there is no run manual-1: nothing has been run with this state; {hint}"
    (project.root / ".sqlorch" / "state.db").unlink()
    assert hint in project.sqlorch("runs", "list").told(2)
