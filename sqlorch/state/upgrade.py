"""Bringing an older state file to this version's schema, by Alembic, in one transaction."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy import text as sql

from sqlorch.state.engine import SqliteDatabase
from sqlorch.state.faults import damaged

MIGRATIONS = Path(__file__).parent / "migrations"


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's settings, without an ``alembic.ini``."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(path: Path, revision: str = "head") -> None:
    """Migrate the file; killed or failing at any point, it is as it was before.

    The caller holds the lock that keeps a second process from doing the same.

    Raises:
        StateError: the disk is full, the file is locked, or rows would be left without what they refer to.
    """
    # Rebuilding a table drops it, which foreign keys would answer by refusing or deleting.
    database = SqliteDatabase(path, foreign_keys=False)
    try:
        with database.write() as connection:
            migrate(connection, revision)
            broken = connection.execute(sql("PRAGMA foreign_key_check")).first()
            if broken is not None:
                raise damaged(path, f"table {broken[0]} has rows that refer to nothing")
    finally:
        database.close()


def migrate(connection: Connection, revision: str = "head") -> None:
    """Migrate in the caller's transaction, which holds the write lock."""
    command.upgrade(alembic_config(connection), revision)
