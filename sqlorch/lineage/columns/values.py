"""The words of column lineage: what goes in, what comes out. No parser type leaves this room."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


# The node of a column that belongs to a file or a table outside the project: this and its SQL text.
EXTERNAL = "external:"


class Label(StrEnum):
    """How an output column is made from its sources, judged over the whole query of a model."""

    PASS_THROUGH = "pass-through"  # noqa: S105 - a word, not a password
    RENAME = "rename"
    TRANSFORM = "transform"
    AGGREGATE = "aggregate"
    UNKNOWN = "unknown"


class EdgeKind(StrEnum):
    """What a column does to the rows when its value does not enter the output."""

    FILTER = "filter"
    JOIN = "join"
    GROUP = "group"
    HAVING = "having"
    WINDOW = "window"
    ORDER = "order"
    DISTINCT_ON = "distinct-on"


class Status(StrEnum):
    """How far one model was understood."""

    OK = "ok"
    PARTIAL = "partial"
    FAILED = "failed"


class SchemaOrigin(StrEnum):
    """Who says which columns a relation has, strongest first."""

    WAREHOUSE = "warehouse"
    DESCRIBED = "described"
    SEED = "seed"
    DECLARED = "declared"
    INFERRED = "inferred"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a relation; ``type`` is empty when not known, ``quoted`` keeps the spelling as it is."""

    name: str
    type: str = ""
    quoted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownColumns:
    """The columns of one relation, in order.

    ``complete`` is False when the relation may have more than these, as a source described in YAML may:
    then a star over it is expanded with what is known and reported as partial, and a name that is not listed
    is still looked for in it. Names of the origins ``warehouse`` and ``described`` are taken as they are
    stored; all others are folded as unquoted identifiers of the dialect.
    """

    columns: tuple[Column, ...]
    origin: SchemaOrigin
    complete: bool = True


@dataclass(frozen=True, slots=True, order=True)
class ColumnRef:
    """One column of one node of the project."""

    node: str
    column: str


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """A column that another is made from; ``path`` is set when only a part of it is read.

    The path is written as in JSON paths without the root: ``customer.name``, ``items[*].price``.
    """

    node: str
    column: str
    path: str = ""

    @property
    def ref(self) -> ColumnRef:
        """The column without the path."""
        return ColumnRef(self.node, self.column)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class IndirectEdge:
    """A source column that decides which rows (or in which order) reach the output.

    ``column`` is the only output column it touches, or None when it touches all of them.
    """

    source: Source
    kind: EdgeKind
    column: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputColumn:
    """One output column of a model.

    ``expression`` is the SQL that makes it (empty when it is passed on as it is); ``steps`` are the
    expressions of inner queries that feed it, nearest first. Both are shortened to a bounded length.
    ``unknown`` says why the sources may be incomplete; it is empty unless the label is ``unknown``.
    ``named`` is False when the query gives the column no name that we know and ``name`` is a stand-in.
    """

    name: str
    label: Label
    sources: tuple[Source, ...] = ()
    type: str = ""
    expression: str = ""
    steps: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    named: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelColumns:
    """What is known of one model's columns.

    ``complete`` is False when the model may have more columns than ``columns`` (a star over something
    unknown). ``line`` is the line of the SQL text a failure points at, 1-based, or None.
    """

    node: str
    status: Status
    columns: tuple[OutputColumn, ...] = ()
    indirect: tuple[IndirectEdge, ...] = ()
    complete: bool = True
    reasons: tuple[str, ...] = ()
    line: int | None = None
    externals: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSql:
    """One model to read: its SQL and what the relations in it are.

    ``relations`` maps relation names as they are written in the SQL (``"db"."schema"."orders"``, quoted or
    not; ``__dbt__cte__x`` for an ephemeral parent) to node ids.
    """

    node: str
    sql: str
    relations: Mapping[str, str] = field(default_factory=dict)
    dialect: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on one model. They count characters, brackets and nodes, never seconds: runs are repeatable."""

    characters: int = 2_000_000
    depth: int = 120
    steps: int = 5_000_000
    columns: int = 20_000
    text: int = 400
