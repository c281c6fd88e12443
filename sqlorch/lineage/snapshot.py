"""A whole result as JSON, for the load after which nothing has changed."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from importlib import metadata
from pathlib import Path
from typing import Any

from sqlorch.domain.dag import Dag, Node
from sqlorch.lineage.project import DeclaredColumn, LoadStats, LoadWarning, Project, UnresolvedRef

_FIELDS = tuple(entry.name for entry in fields(Node))


def digest_of(*parts: object) -> str:
    """Return one digest of several values, by their text."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def code_digest() -> str:
    """Return a digest that changes with this package's code and the libraries that shape a result."""
    here = Path(__file__).parent
    files = [
        (p.relative_to(here).as_posix(), p.stat().st_size, p.stat().st_mtime_ns) for p in here.rglob("*.py")
    ]
    return digest_of(sorted(files), metadata.version("jinja2"), metadata.version("pyyaml"))


class LateTexts(Mapping[str, str]):
    """Texts that are unpacked when the first of them is asked for.

    Args:
        packed: what :func:`pack` made of them.
    """

    def __init__(self, packed: bytes) -> None:
        self._packed = packed
        self._texts: Mapping[str, str] | None = None

    def _all(self) -> Mapping[str, str]:
        if self._texts is None:
            self._texts = unpack(self._packed)
        return self._texts

    def __getitem__(self, key: str) -> str:
        return self._all()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of a project, each kind unpacked when it is asked for."""

    sql: Mapping[str, str]
    made_by: Mapping[str, str]
    macros: Mapping[str, str]


def pack(value: Any) -> bytes:
    """Return a value as compressed JSON."""
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 1)


def unpack(data: bytes) -> Any:
    """Return the value of :func:`pack`."""
    return json.loads(zlib.decompress(data))


def to_data(project: Project) -> dict[str, Any]:
    """Return everything of a project but its texts."""
    return {
        "name": project.name,
        "adapter": project.adapter,
        "target": project.target,
        "warehouse": project.warehouse,
        "nodes": [_node_data(node) for node in project.dag.nodes.values()],
        "edges": project.dag.edges,
        "inferred": sorted(project.inferred),
        "unresolved": [
            [u.unique_id, u.reference, u.path, u.line, u.reason, u.nearest] for u in project.unresolved
        ],
        "warnings": [[w.path, w.message, w.unique_id, w.line, w.kind] for w in project.warnings],
        "columns": {
            uid: [[c.name, c.data_type, c.description] for c in columns]
            for uid, columns in project.columns.items()
        },
        "code": project.code,
        "macros": project.macros,
        "macro_digests": project.macro_digests,
        "seeds": project.seeds,
        "files": project.stats.files,
    }


def from_data(data: Mapping[str, Any], root: Path, texts: Texts) -> Project:
    """Return the project of :func:`to_data`."""
    return Project(
        name=data["name"],
        root=root,
        adapter=data["adapter"],
        target=data["target"],
        warehouse=data["warehouse"],
        dag=Dag(map(_node, data["nodes"]), map(tuple, data["edges"]), project=data["name"]),
        inferred=frozenset(map(tuple, data["inferred"])),
        unresolved=tuple(
            UnresolvedRef(unique_id=u, reference=r, path=p, line=n, reason=why, nearest=tuple(near))
            for u, r, p, n, why, near in data["unresolved"]
        ),
        warnings=tuple(
            LoadWarning(path=p, message=m, unique_id=u, line=n, kind=k) for p, m, u, n, k in data["warnings"]
        ),
        sql=texts.sql,
        columns={
            uid: tuple(DeclaredColumn(name=n, data_type=t, description=d) for n, t, d in columns)
            for uid, columns in data["columns"].items()
        },
        code=data["code"],
        macros={uid: tuple(macros) for uid, macros in data["macros"].items()},
        macro_digests=data["macro_digests"],
        made_by=texts.made_by,
        macro_texts=texts.macros,
        seeds=data["seeds"],
        stats=LoadStats(files=data["files"], cached=data["files"], snapshot=True),
    )


def _node_data(node: Node) -> list[Any]:
    return [sorted(node.tags) if name == "tags" else getattr(node, name) for name in _FIELDS]


def _node(data: list[Any]) -> Node:
    values = dict(zip(_FIELDS, data, strict=True))
    values["fqn"] = tuple(values["fqn"])
    values["tags"] = frozenset(values["tags"])
    return Node(**values)
