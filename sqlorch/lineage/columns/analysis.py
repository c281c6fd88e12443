"""One model: parse, read, and say what came of it. No input makes this raise."""

from __future__ import annotations

import hashlib
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlorch.lineage.columns.catalog import relation_of
from sqlorch.lineage.columns.context import Context
from sqlorch.lineage.columns.names import names_for
from sqlorch.lineage.columns.parsing import UnreadableError, parse_query
from sqlorch.lineage.columns.queries import read_query
from sqlorch.lineage.columns.syntax import count_nodes
from sqlorch.lineage.columns.values import (
    EXTERNAL,
    IndirectEdge,
    KnownColumns,
    Label,
    Limits,
    ModelColumns,
    OutputColumn,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlglot import exp

    from sqlorch.lineage.columns.names import Names
    from sqlorch.lineage.columns.relation import Bound, Relation
    from sqlorch.lineage.columns.values import ModelSql

    Describe = Callable[[str], KnownColumns | None]

# sqlglot's parser takes about 30 Python frames for one bracket; Limits.depth brackets must fit.
_FRAMES = 10_000
_MAX_REASONS = 20
_MAX_NODES_IN_TEXT = 400


@contextmanager
def deep_stack() -> Iterator[None]:
    """Let nested SQL be parsed: Python's default of 1,000 frames ends at 30 nested calls."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def read_model(
    model: ModelSql,
    parents: Mapping[str, KnownColumns | None],
    *,
    dialect: str,
    describe: Describe | None = None,
    limits: Limits | None = None,
    shared: dict[tuple[str, int], Relation] | None = None,
) -> ModelColumns:
    """The columns of one model and where they come from.

    Args:
        model: its SQL and the relations in it.
        parents: columns of the nodes in ``model.relations``; None or absent when not known.
        dialect: sqlglot's name of the SQL dialect; ``model.dialect`` wins.
        describe: asked for the columns of files and table functions by their SQL text
            (``'../data/x.csv'``, ``read_parquet('a.parquet')``); None when it does not know.
        limits: bounds on the work.
        shared: relations already made from the same ``parents`` objects, by node and ``id``; added to.

    Raises:
        ConfigError: sqlglot knows no such dialect.
    """
    names = names_for(model.dialect or dialect)
    limits = limits or Limits()
    externals = Externals(names, describe)
    relations = {
        names.relation_key(text): _relation(node, parents.get(node), names, shared)
        for text, node in model.relations.items()
    }
    context = Context(
        names=names,
        limits=limits,
        relations=relations,
        external=externals,
        read_query=read_query,
        spreads="columns" in model.sql.lower(),
    )
    try:
        with deep_stack():
            query = parse_query(model.sql, names, limits)
            found = _result(model.node, read_query(query, context, {}, None), context)
    except UnreadableError as error:
        return ModelColumns(
            node=model.node, status=Status.FAILED, complete=False, reasons=(error.reason,), line=error.line
        )
    except RecursionError:
        return _failed(model.node, "the SQL is nested too deeply to be read")
    except Exception as error:  # noqa: BLE001 - one model that we misread must not cost the project its lineage
        return _failed(model.node, f"{DEFECT} {type(error).__name__}: {error}"[:300])
    return replace(found, externals=tuple(sorted(externals.seen.items())))


def _relation(
    node: str, known: KnownColumns | None, names: Names, shared: dict[tuple[str, int], Relation] | None
) -> Relation:
    """A parent's relation, made once for all its children."""
    if shared is None:
        return relation_of(node, known, names)
    key = (node, id(known))
    if key not in shared:
        shared[key] = relation_of(node, known, names)
    return shared[key]


DEFECT = "sqlorch could not read this query, please report it:"


def _failed(node: str, reason: str) -> ModelColumns:
    return ModelColumns(node=node, status=Status.FAILED, complete=False, reasons=(reason,))


@dataclass(slots=True)
class Externals:
    """Files and functions that a model reads without the project knowing them."""

    names: Names
    describe: Describe | None
    seen: dict[str, str] = field(default_factory=dict)
    found: dict[str, Relation | None] = field(default_factory=dict)

    def __call__(self, text: str) -> Relation | None:
        """The relation of that SQL text, None when nobody knows it."""
        if self.describe is None:
            return None
        if text not in self.found:
            known = self.describe(text)
            self.seen[text] = digest(known)
            self.found[text] = relation_of(EXTERNAL + text, known, self.names) if known is not None else None
        return self.found[text]


def digest(known: KnownColumns | None) -> str:
    """A short mark of a column list, to see whether it changed."""
    if known is None:
        return ""
    text = repr([(c.name, c.type) for c in known.columns]) + str(known.complete)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _result(node: str, relation: Relation, context: Context) -> ModelColumns:
    texts: dict[int, str] = {}
    columns, doubles = _distinct(relation, context)
    outputs = tuple(_output(c, context, texts) for c in columns)
    reasons = sorted(
        {t.reason for t in relation.tails}.union(relation.notes, doubles, *(c.unknown for c in columns))
    )
    return ModelColumns(
        node=node,
        status=Status.PARTIAL if reasons else Status.OK,
        columns=outputs,
        indirect=_indirect(relation, columns),
        complete=not relation.tails,
        reasons=tuple(reasons[:_MAX_REASONS]),
    )


def _distinct(relation: Relation, context: Context) -> tuple[list[Bound], set[str]]:
    """Output names once each. DuckDB numbers repeated names in a table; others refuse the table."""
    seen: dict[str, int] = {}
    kept: list[Bound] = []
    doubles: set[str] = set()
    for column in relation.columns:
        times = seen.get(column.name, 0)
        seen[column.name] = times + 1
        if not times:
            kept.append(column)
        elif context.dialect == "duckdb":
            kept.append(column.as_(f"{column.name}_{times}"))
        else:
            doubles.add(f"two output columns are called {column.name}; the first is kept")
    return kept, doubles


def _output(column: Bound, context: Context, texts: dict[int, str]) -> OutputColumn:
    steps = [_text(s, context, texts) for s in column.steps]
    return OutputColumn(
        name=column.name,
        label=_label(column),
        sources=tuple(sorted(column.sources)),
        type=column.type,
        expression=steps[0] if steps else "",
        steps=tuple(steps[1:]),
        unknown=tuple(sorted(column.unknown)),
        named=column.named,
    )


def _label(column: Bound) -> Label:
    if column.unknown:
        return Label.UNKNOWN
    if column.label is not Label.PASS_THROUGH:
        return column.label
    if not column.sources:
        return Label.TRANSFORM
    return Label.PASS_THROUGH if all(s.column == column.name for s in column.sources) else Label.RENAME


def _text(node: exp.Expression, context: Context, texts: dict[int, str]) -> str:
    """The SQL of an expression, shortened; one that is very large is not written out at all."""
    found = texts.get(id(node))
    if found is None:
        if count_nodes(node, _MAX_NODES_IN_TEXT) > _MAX_NODES_IN_TEXT:
            found = "(an expression too long to show)"
        else:
            found = context.sql(node, last=True)
            bound = context.limits.text
            found = found if len(found) <= bound else found[: bound - 1] + "…"
        texts[id(node)] = found
    return found


def _indirect(relation: Relation, columns: list[Bound]) -> tuple[IndirectEdge, ...]:
    """Edges that touch all columns, then those of single columns that are not among them."""
    whole = [IndirectEdge(source=s, kind=k) for s, k in sorted(relation.indirect)]
    single = [
        IndirectEdge(source=s, kind=k, column=c.name)
        for c in columns
        for s, k in sorted(c.indirect)
        if (s, k) not in relation.indirect
    ]
    return (*whole, *single)
