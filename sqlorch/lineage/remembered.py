"""What runs saw in the warehouse: columns of its tables, and compiled SQL that rendering does not show."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlorch.lineage.project import Project
from sqlorch.lineage.store import Store

if TYPE_CHECKING:
    from sqlorch.lineage.columns.values import KnownColumns

# Comments, strings, numbers and spaces: what differs between two intervals of one model.
_NOISE = re.compile(r"--[^\n]*|/\*[\s\S]*?(?:\*/|\Z)|'(?:[^']|'')*(?:'|\Z)|\b\d[\d.]*\b|\s+")

Columns = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of one node.

    Attributes:
        relation: its table, as it was called then.
        code: digest of the SQL that the table was built by; "" where that is not known.
        columns: name and type of each column of the table; None where there was no table.
        compiled: digest of the SQL that was compiled to ``sql``.
        sql: compiled SQL; "" where rendering shows the same.
    """

    relation: str = ""
    code: str = ""
    columns: Columns | None = None
    compiled: str = ""
    sql: str = ""


_NOTHING = Seen()


class Remembered:
    """Looks up and keeps what was seen, for one project in one warehouse.

    Args:
        folder: the folder of the loader's cache; None keeps nothing beyond this object.
        project: as loaded.
    """

    def __init__(self, folder: Path | None, project: Project) -> None:
        self._project = project
        self._store = Store(folder) if folder is not None else None
        self._warehouse = f"{project.name} in {project.warehouse}"
        self._seen: dict[str, Seen] = {}
        for uid, record in (self._store.seen(self._warehouse) if self._store else {}).items():
            found = _read(record)
            if found is not None:
                self._seen[uid] = found

    def columns(self, uid: str) -> KnownColumns | None:
        """The columns of a node's table.

        They are all there are for a source, and for a model whose code is that which built the table. Of one
        that was edited since, or built by nobody knows which code, they only lend their types.
        """
        seen, node = self._seen.get(uid, _NOTHING), self._project.dag[uid]
        if seen.columns is None or seen.relation != node.relation:
            return None
        # A run that only keeps what it saw must not wait for sqlglot.
        from sqlorch.lineage.columns.values import Column, KnownColumns, SchemaOrigin  # noqa: PLC0415

        same = bool(seen.code) and seen.code == self._project.code.get(uid)
        return KnownColumns(
            columns=tuple(Column(name=name, type=kind) for name, kind in seen.columns),
            origin=SchemaOrigin.WAREHOUSE,
            complete=same or node.kind == "source",
        )

    def sql(self, uid: str) -> str:
        """The compiled SQL of a model whose code is unchanged, "" where the rendered SQL serves as well."""
        seen = self._seen.get(uid, _NOTHING)
        return seen.sql if seen.compiled and seen.compiled == self._project.code.get(uid) else ""

    @property
    def compiled(self) -> int:
        """How many models are read from compiled SQL."""
        return sum(1 for uid in self._seen if uid in self._project.dag and self.sql(uid))

    def keep(
        self, columns: Mapping[str, Columns], *, built: Collection[str] = (), compiled: Mapping[str, str]
    ) -> None:
        """Take in what is seen now.

        Args:
            columns: name and type of each column, for every node whose table is in the warehouse.
            built: the nodes whose tables were built by the project as it is.
            compiled: compiled SQL of nodes that were.
        """
        for uid in self._project.dag.nodes:
            before = self._seen.get(uid, _NOTHING)
            code = self._project.code.get(uid, "")
            text, by = self._compiled(uid, before, compiled.get(uid))
            self._seen[uid] = Seen(
                relation=self._project.dag[uid].relation or "",
                code=code if uid in built else before.code,
                columns=columns.get(uid),
                compiled=by,
                sql=text,
            )
        self._seen = {uid: seen for uid, seen in self._seen.items() if seen.columns is not None or seen.sql}
        if self._store is not None:
            self._store.save_seen(self._warehouse, {uid: _write(seen) for uid, seen in self._seen.items()})

    def _compiled(self, uid: str, before: Seen, text: str | None) -> tuple[str, str]:
        """The text to keep, and of which code; equal texts are not replaced, so that nothing is read anew."""
        code = self._project.code.get(uid, "")
        if text is None or not code:
            return before.sql, before.compiled
        if _bare(text) == _bare(self._project.sql.get(uid, "")):
            return "", ""
        return (before.sql if _bare(before.sql) == _bare(text) else text), code


def _bare(sql: str) -> str:
    return _NOISE.sub(lambda match: "" if match[0].isspace() or match[0][0] in "-/" else "?", sql)


def _write(seen: Seen) -> str:
    return json.dumps(asdict(seen), separators=(",", ":"))


def _read(record: str) -> Seen | None:
    try:
        data: dict[str, Any] = json.loads(record)
        columns = data["columns"]
        if columns is not None:
            data["columns"] = [(str(name), str(kind)) for name, kind in columns]
        return Seen(**data)
    except (ValueError, KeyError, TypeError):  # a damaged entry is as good as none
        return None
