"""Remembering a model's columns: the key that says when it may be used again, and JSON-able records."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Protocol

import sqlglot

from sqlorch.lineage.columns.values import (
    EdgeKind,
    IndirectEdge,
    Label,
    ModelColumns,
    OutputColumn,
    Source,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlorch.lineage.columns.values import KnownColumns, Limits, ModelSql

# Raise this when the reading changes, so that what older versions found is not used again.
VERSION = 1

_SQLGLOT = str(sqlglot.__version__)  # type: ignore[attr-defined] # there, but not declared
Record = dict[str, Any]


class LineageCache(Protocol):
    """Keeps records by key. It may forget at any time; a record must come back as it was put."""

    def get(self, key: str) -> Record | None:
        """The record, None when it is not there."""

    def put(self, key: str, record: Record) -> None:
        """Keep a record of JSON values."""


def content_key(
    model: ModelSql, parents: Mapping[str, KnownColumns | None], dialect: str, limits: Limits
) -> str:
    """Equal for equal SQL, dialect, relations, parents' column lists and limits; files are checked apart."""
    content = [
        VERSION,
        _SQLGLOT,
        model.dialect or dialect,
        model.sql,
        sorted(model.relations.items()),
        [(node, _columns(parents.get(node))) for node in sorted(set(model.relations.values()))],
        [limits.characters, limits.depth, limits.steps, limits.columns, limits.text],
    ]
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()


def _columns(known: KnownColumns | None) -> object:
    if known is None:
        return None
    return [known.complete, known.origin, [(c.name, c.type) for c in known.columns]]


def to_record(model: ModelColumns) -> Record:
    """A model's columns as JSON values; the node is left out, equal SQL may serve two nodes."""
    return {
        "status": model.status.value,
        "columns": [
            [
                c.name,
                c.label.value,
                _pack(c.sources),
                c.type,
                c.expression,
                list(c.steps),
                list(c.unknown),
                c.named,
            ]
            for c in model.columns
        ],
        "indirect": [[*_pack((e.source,))[0], e.kind.value, e.column] for e in model.indirect],
        "complete": model.complete,
        "reasons": list(model.reasons),
        "line": model.line,
        "externals": [list(e) for e in model.externals],
    }


def _pack(sources: tuple[Source, ...]) -> list[list[str]]:
    return [[s.node, s.column, s.path] for s in sources]


def from_record(node: str, record: Record) -> ModelColumns | None:
    """The model's columns again; None when the record is not one of ours."""
    try:
        return ModelColumns(
            node=node,
            status=Status(record["status"]),
            columns=tuple(_output(c) for c in record["columns"]),
            indirect=tuple(
                IndirectEdge(source=Source(n, c, p), kind=EdgeKind(k), column=to)
                for n, c, p, k, to in record["indirect"]
            ),
            complete=bool(record["complete"]),
            reasons=tuple(record["reasons"]),
            line=record["line"],
            externals=tuple((text, mark) for text, mark in record["externals"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _output(packed: list[Any]) -> OutputColumn:
    name, label, sources, kind, expression, steps, unknown, named = packed
    return OutputColumn(
        name=name,
        label=Label(label),
        sources=tuple(Source(*s) for s in sources),
        type=kind,
        expression=expression,
        steps=tuple(steps),
        unknown=tuple(unknown),
        named=bool(named),
    )
