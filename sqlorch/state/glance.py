"""A quick look at the state file for shell completion, which must answer while a finger is on the key.

SQLAlchemy takes longer to import than the whole answer may take, and a completion must change nothing: no
file made, none upgraded, no dead run ended.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_WAIT = 0.2  # seconds, should someone hold the file


def newest_runs(file: Path, limit: int = 100) -> list[tuple[str, str, str]]:
    """Run id, group and state of the newest runs, newest first; empty when the file cannot be read now."""
    return _rows(file, "SELECT run_id, group_name, state FROM run ORDER BY id DESC LIMIT ?", limit)


def known_groups(file: Path) -> list[str]:
    """Names of all groups that ever ran, sorted; empty when the file cannot be read now."""
    return [name for (name,) in _rows(file, "SELECT DISTINCT group_name FROM run ORDER BY group_name")]


def _rows(file: Path, query: str, *values: object) -> list[Any]:
    if not file.is_file():
        return []
    try:
        opened = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=_WAIT)
        with closing(opened) as connection:
            return connection.execute(query, values).fetchall()
    except (sqlite3.Error, OSError):  # there is nothing to offer, and a completion has nowhere to complain
        return []
