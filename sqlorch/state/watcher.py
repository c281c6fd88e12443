"""Noticing that the database has changed, so cheaply that one may ask many times a second."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

from sqlorch.state.faults import explain_sqlite

_INHERITED: list[sqlite3.Connection] = []  # of a parent process: neither to be used here nor closed


class Watcher:
    """Counts what others commit to a SQLite file.

    SQLite tells each connection that somebody else has committed
    (https://www.sqlite.org/pragma.html#pragma_data_version). So the question is asked on a connection of its
    own, which never writes: for it everybody is somebody else, the rest of this process too.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._pid = 0

    def version(self) -> int:
        """A number that differs from the last one given when anybody has committed in between.

        Raises:
            StateError: the database cannot be used; says why.
        """
        with self._lock:
            try:
                (version,) = self._opened().execute("PRAGMA data_version").fetchone()
            except sqlite3.Error as error:
                raise explain_sqlite(error, self._path) from error
        return int(version)

    def close(self) -> None:
        """Let go of the file; may be called twice."""
        with self._lock:
            self._forget_parent()
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _opened(self) -> sqlite3.Connection:
        self._forget_parent()
        if self._connection is None:
            # rw: a file that was taken away is not made anew by looking for it
            uri = f"{self._path.resolve().as_uri()}?mode=rw"
            self._connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
            self._pid = os.getpid()
        return self._connection

    def _forget_parent(self) -> None:
        if self._connection is not None and self._pid != os.getpid():
            _INHERITED.append(self._connection)
            self._connection = None
