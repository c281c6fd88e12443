"""The cache on disk: one SQLite file that several commands may use at once.

Everything in it is derived from the project's files and addressed by digests of them, so it may be deleted at
any time, and what two commands write at the same moment is equally good. It holds JSON, nothing that runs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

FORMAT = 2
FILE_NAME = "lineage.db"
KEPT_VARIANTS = 4
"""How many targets, variable sets and macro namespaces are remembered side by side."""

_TIMEOUT = 5.0
_TABLES = """
CREATE TABLE IF NOT EXISTS records (
    variant TEXT NOT NULL, key TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (variant, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshots (
    variant TEXT PRIMARY KEY, digest TEXT NOT NULL, conditions TEXT NOT NULL,
    graph BLOB NOT NULL, sql BLOB NOT NULL, code BLOB NOT NULL, macros BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS documents (digest TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS variants (variant TEXT PRIMARY KEY, used INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (
    warehouse TEXT NOT NULL, node TEXT NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (warehouse, node)) WITHOUT ROWID;
"""
_NAMES = ("records", "snapshots", "documents", "variants", "seen")


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """A remembered result.

    Attributes:
        digest: of everything that was read.
        conditions: the environment and day it holds for, as JSON.
        graph: all but the texts, compressed JSON.
        sql: the SQL, compressed JSON, unpacked only when it is asked for.
        code: what nodes are made by, likewise.
        macros: the texts of macros, likewise.
    """

    digest: str
    conditions: str
    graph: bytes
    sql: bytes
    code: bytes
    macros: bytes


class Store:
    """Reads and writes the cache; a cache that is locked or broken is as good as an empty one.

    Args:
        folder: where the file is; made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            # As in a read-only checkout: opening the file will fail too, and nothing is remembered.
            return
        try:
            self._prepare()
        except sqlite3.OperationalError:
            # Locked by another command, or not writable: this load works without.
            return
        except sqlite3.DatabaseError:
            self._discard()

    def snapshot(self, variant: str) -> StoredSnapshot | None:
        """Return the remembered result of a variant."""
        query = "SELECT digest, conditions, graph, sql, code, macros FROM snapshots WHERE variant = ?"
        rows = self._read(query, (variant,))
        return StoredSnapshot(*rows[0]) if rows else None

    def records(self, variant: str) -> dict[str, str]:
        """Return the render records of a variant."""
        return dict(self._read("SELECT key, record FROM records WHERE variant = ?", (variant,)))

    def documents(self, digests: Iterable[str]) -> dict[str, str]:
        """Return the remembered YAML documents, as JSON by digest."""
        wanted = set(digests)
        return {
            digest: value
            for digest, value in self._read("SELECT digest, value FROM documents", ())
            if digest in wanted
        }

    def save_snapshot(self, variant: str, stored: StoredSnapshot) -> None:
        """Remember a result."""
        self._write(
            [
                (
                    "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [(variant, *(getattr(stored, field.name) for field in fields(stored)))],
                ),
                *self._touch(variant),
                (
                    "DELETE FROM snapshots WHERE variant NOT IN (SELECT variant FROM variants)",
                    [()],
                ),
            ]
        )

    def save_records(self, variant: str, fresh: Mapping[str, str], stale: Iterable[str]) -> None:
        """Remember new records and forget those whose text is gone."""
        self._write(
            [
                (
                    "INSERT OR REPLACE INTO records VALUES (?, ?, ?)",
                    [(variant, k, r) for k, r in fresh.items()],
                ),
                ("DELETE FROM records WHERE variant = ? AND key = ?", [(variant, key) for key in stale]),
                *self._touch(variant),
                ("DELETE FROM records WHERE variant NOT IN (SELECT variant FROM variants)", [()]),
            ]
        )

    def save_documents(self, fresh: Mapping[str, str], current: Iterable[str]) -> None:
        """Remember new YAML documents and forget those that are in use no more."""
        current = set(current)
        known = {row[0] for row in self._read("SELECT digest FROM documents", ())}
        self._write(
            [
                ("INSERT OR REPLACE INTO documents VALUES (?, ?)", list(fresh.items())),
                ("DELETE FROM documents WHERE digest = ?", [(digest,) for digest in known - current]),
            ]
        )

    def seen(self, warehouse: str) -> dict[str, str]:
        """Return what was seen of nodes in a warehouse: records by unique id."""
        return dict(self._read("SELECT node, record FROM seen WHERE warehouse = ?", (warehouse,)))

    def save_seen(self, warehouse: str, records: Mapping[str, str]) -> None:
        """Remember what is seen of nodes in a warehouse, instead of what was seen before."""
        self._write(
            [
                ("DELETE FROM seen WHERE warehouse = ?", [(warehouse,)]),
                ("INSERT INTO seen VALUES (?, ?, ?)", [(warehouse, uid, r) for uid, r in records.items()]),
            ]
        )

    def _touch(self, variant: str) -> list[tuple[str, list[tuple[object, ...]]]]:
        # Snapshots and records have variants of their own, hence twice the number.
        return [
            (
                "INSERT OR REPLACE INTO variants SELECT ?, coalesce(max(used), 0) + 1 FROM variants",
                [(variant,)],
            ),
            (
                """DELETE FROM variants WHERE variant NOT IN
                (SELECT variant FROM variants ORDER BY used DESC LIMIT ?)""",
                [(2 * KEPT_VARIANTS,)],
            ),
        ]

    def _prepare(self) -> None:
        with closing(self._connect()) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version != FORMAT:
                with connection:
                    connection.execute("BEGIN IMMEDIATE")
                    for table in _NAMES:
                        connection.execute(f"DROP TABLE IF EXISTS {table}")
                    for statement in filter(str.strip, _TABLES.split(";")):
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version = {FORMAT}")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=_TIMEOUT)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    def _read(self, query: str, values: tuple[object, ...]) -> list[Any]:
        try:
            with closing(self._connect()) as connection:
                return connection.execute(query, values).fetchall()
        except sqlite3.OperationalError:
            return []
        except sqlite3.DatabaseError:
            self._discard()
            return []

    def _write(self, steps: list[tuple[str, list[tuple[object, ...]]]]) -> None:
        try:
            with closing(self._connect()) as connection, connection:
                connection.execute("BEGIN IMMEDIATE")
                for statement, rows in steps:
                    connection.executemany(statement, rows)
        except sqlite3.OperationalError:
            # Locked by another command, or a full disk: the next load works without.
            return
        except sqlite3.DatabaseError:
            self._discard()

    def _discard(self) -> None:
        """Begin anew after damage: all of it can be made again."""
        try:
            self._path.unlink(missing_ok=True)
            self._prepare()
        except (OSError, sqlite3.Error):
            # Then this load, and the next, remember nothing.
            return
