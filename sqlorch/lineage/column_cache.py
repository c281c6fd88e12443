"""What was read of models' columns, kept between commands in the cache of the loader."""

from __future__ import annotations

import json
from pathlib import Path

from sqlorch.lineage.columns.records import Record
from sqlorch.lineage.snapshot import code_digest, digest_of
from sqlorch.lineage.store import Store


class ColumnCache:
    """A :class:`sqlorch.lineage.columns.LineageCache` on disk; nothing is written before :meth:`save`.

    Args:
        folder: the folder of the loader's cache.
        project: whose columns these are: the project's folder and adapter.
    """

    def __init__(self, folder: Path, *project: str) -> None:
        self._store = Store(folder)
        self._variant = digest_of("columns", code_digest(), *project)
        self._known = self._store.records(self._variant)
        self._fresh: dict[str, str] = {}
        self._used: set[str] = set()

    def get(self, key: str) -> Record | None:
        """The record of a model whose SQL and parents are unchanged."""
        self._used.add(key)
        try:
            record = json.loads(self._known[key]) if key in self._known else None
        except ValueError:  # a damaged entry is as good as none
            return None
        return record if isinstance(record, dict) else None

    def put(self, key: str, record: Record) -> None:
        """Keep a record until :meth:`save`."""
        self._fresh[key] = json.dumps(record, separators=(",", ":"))

    def save(self) -> None:
        """Write what is new, forget what no model of this reading is any more."""
        stale = self._known.keys() - self._used
        if self._fresh or stale:
            self._store.save_records(self._variant, self._fresh, stale)
