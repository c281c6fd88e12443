"""Migrations arrive at the tables the code knows, and never leave a file half way."""

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text as sql

from sqlorch import __version__
from sqlorch.domain.errors import StateError
from sqlorch.state import schema, upgrade
from sqlorch.state.engine import SqliteDatabase
from sqlorch.state.schema import open_database
from sqlorch.state.tables import metadata

NEXT = '''
"""A step of the future."""
import sqlalchemy as sa
from alembic import op
revision, down_revision = "{revision}", "{before}"

def upgrade():
    with op.batch_alter_table("run") as batch:
        batch.add_column(sa.Column("colour", sa.Text, nullable=False, server_default="red"))
        batch.alter_column("kind", type_=sa.String(64))
    op.execute("UPDATE meta SET value = '9.9' WHERE key = 'needs_sqlorch'")
    {then}
'''
INSERT_RUN = (
    "INSERT INTO run (run_id, group_name, kind, interval_start, interval_end, timezone, gen, state, reason, "
    "created_at, variables, invocation) "
    "VALUES ('r1', 'g', 'manual', 0, 0, 'UTC', 1, 'queued', '', 0, '{}', '{}')"
)
INSERT_NODE = (
    "INSERT INTO node_run (run_id, unique_id, name, kind, path, materialized, severity, position, after_ids, "
    "gen, state, reason, tries, gen_tries) "
    "VALUES ('r1', 'model.a', 'a', 'model', '', '', '', 0, '[]', 1, 'waiting', '', 0, 0)"
)


def layout(path: Path) -> set[tuple[str, ...]]:
    """Tables, columns, indexes and constraints as SQLite sees them, in no order."""
    connection = sqlite3.connect(path)
    found = set()
    for kind, name, table, text in connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"):
        if kind == "table":
            found |= {
                (name, *map(str, column)) for column in connection.execute(f"PRAGMA table_info({name})")
            }
            found |= {
                (name, "fk", *map(str, key)) for key in connection.execute(f"PRAGMA foreign_key_list({name})")
            }
        else:
            columns = connection.execute(f"PRAGMA index_xinfo('{name}')").fetchall()
            found.add((name, table, " ".join((text or "").split()), str(columns)))
    connection.close()
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A state file of this version with one run in it."""
    path = tmp_path / "state.db"
    database = open_database(path)
    with database.write() as connection:
        connection.execute(sql(INSERT_RUN))
        connection.execute(sql(INSERT_NODE))
    database.close()
    return path


def add_revision(folder: Path, monkeypatch: pytest.MonkeyPatch, then: str = "pass") -> None:
    """Pretend that this sqlorch has one migration more."""
    scripts = folder / "migrations"
    shutil.copytree(upgrade.MIGRATIONS, scripts)
    script = NEXT.format(revision="0099", before=schema.HEAD, then=then)
    (scripts / "versions" / "v0099_colour.py").write_text(script)
    monkeypatch.setattr(upgrade, "MIGRATIONS", scripts)
    monkeypatch.setattr(schema, "HEAD", "0099")


def test_the_code_knows_the_newest_migration():
    scripts = ScriptDirectory.from_config(upgrade.alembic_config())
    assert scripts.get_heads() == [schema.HEAD]
    assert all(len(script.revision) == 4 and script.revision.isdigit() for script in scripts.walk_revisions())


def test_a_new_file_equals_a_migrated_one(tmp_path: Path):
    open_database(tmp_path / "new.db").close()
    upgrade.upgrade(tmp_path / "migrated.db")
    assert layout(tmp_path / "new.db") == layout(tmp_path / "migrated.db")
    assert len(layout(tmp_path / "new.db")) > 60
    rows = []
    for name in ("new.db", "migrated.db"):
        connection = sqlite3.connect(tmp_path / name)
        rows.append(dict(connection.execute("SELECT key, value FROM meta")))
        rows[-1]["version"] = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        assert len(rows[-1].pop("store_uuid")) == 36
        connection.close()
    assert rows[0] == rows[1]


def test_alembic_sees_no_difference_between_a_migrated_file_and_the_tables(tmp_path: Path):
    upgrade.upgrade(tmp_path / "state.db")
    database = SqliteDatabase(tmp_path / "state.db")
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


def test_this_version_may_open_what_it_writes():
    assert tuple(map(int, schema.NEEDS_SQLORCH.split("."))) <= tuple(map(int, __version__.split(".")[:3]))


def test_an_older_file_is_upgraded_when_opened(path: Path, monkeypatch: pytest.MonkeyPatch):
    add_revision(path.parent, monkeypatch)
    open_database(path).close()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0099",)]
    assert connection.execute("SELECT run_id, colour FROM run").fetchall() == [("r1", "red")]
    assert connection.execute("SELECT run_id, unique_id FROM node_run").fetchall() == [("r1", "model.a")]
    connection.close()


@pytest.mark.parametrize("then", ["raise RuntimeError('bug')", "op.execute('DELETE FROM run')"])
def test_a_migration_that_fails_leaves_the_file_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch, then: str
):
    before = layout(path)
    add_revision(path.parent, monkeypatch, then)
    with pytest.raises(
        (RuntimeError, StateError), match=r"bug|table node_run has rows that refer to nothing"
    ):
        open_database(path)
    assert layout(path) == before
    monkeypatch.undo()
    database = open_database(path)
    with database.read() as connection:
        assert connection.scalar(sql("SELECT run_id FROM run")) == "r1"
    database.close()


def test_a_migration_killed_half_way_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch):
    before = layout(path)
    add_revision(path.parent, monkeypatch, then="import os; os.kill(os.getpid(), 9)")
    script = (
        "import sys; from pathlib import Path; from sqlorch.state import upgrade\n"
        "upgrade.MIGRATIONS = Path(sys.argv[1]); upgrade.upgrade(Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", script, str(upgrade.MIGRATIONS), str(path)]
    assert subprocess.run(command, check=False).returncode == -9
    assert layout(path) == before
    monkeypatch.undo()
    open_database(path).close()


def test_a_newer_file_says_which_version_reads_it(path: Path, monkeypatch: pytest.MonkeyPatch):
    add_revision(path.parent, monkeypatch)
    open_database(path).close()
    monkeypatch.undo()
    before = path.read_bytes()
    with pytest.raises(StateError, match=r"was written by a newer sqlorch; install sqlorch 9\.9 or newer"):
        open_database(path)
    assert path.read_bytes() == before


def test_a_file_without_its_version_is_damaged(path: Path):
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM alembic_version")
    connection.commit()
    connection.close()
    with pytest.raises(StateError, match="does not say its version"):
        open_database(path)


def test_a_file_without_its_identity_is_damaged(path: Path):
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM meta WHERE key = 'store_uuid'")
    connection.commit()
    connection.close()
    with pytest.raises(StateError, match="does not say which store it is"):
        open_database(path)
