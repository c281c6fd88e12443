"""Where a name is looked up: the tables of a SELECT, merged join keys, aliases, the queries around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from sqlorch.lineage.columns.relation import (
    NOTHING,
    Bound,
    Indirect,
    Relation,
    Tail,
    everything,
    unknown_column,
)
from sqlorch.lineage.columns.syntax import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlglot import exp

    from sqlorch.lineage.columns.values import EdgeKind, Source

# Functions that some dialects write without brackets, so the parser takes them for columns.
_NILADIC = words(
    "sysdate systimestamp user session_user current_role current_catalog current_schema"
    " current_warehouse current_database localtime rownum level"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entry:
    """One relation in FROM: its alias, the parts of its full name, what it offers."""

    alias: str
    key: tuple[str, ...] = ()
    relation: Relation


class Decides(Protocol):
    """The outcome of reading a clause: see :class:`sqlorch.lineage.columns.reading.Reading`."""

    indirect: set[tuple[Source, EdgeKind]]
    unknown: set[str]


@dataclass(slots=True, kw_only=True)
class Scope:
    """One SELECT while it is being read.

    ``outer`` is the query around it. ``guess_free_outer`` is False for a join side that may, but need not,
    be lateral (DuckDB): then the outer query is asked only when the inner tables cannot have the name.
    """

    outer: Scope | None = None
    guess_free_outer: bool = True
    ctes: Mapping[str, Relation] = field(default_factory=dict)
    struct_dots: bool = True
    first_wins: bool = False
    entries: list[Entry] = field(default_factory=list)
    merged: dict[str, Bound] = field(default_factory=dict)
    merged_from: dict[str, set[int]] = field(default_factory=dict)
    aliases: dict[str, Bound] = field(default_factory=dict)
    windows: dict[str, exp.Expression] = field(default_factory=dict)
    indirect: Indirect = NOTHING
    notes: frozenset[str] = frozenset()

    def entry(self, alias: str) -> Entry | None:
        """The table of that alias in this query."""
        return next((e for e in self.entries if e.alias == alias), None)

    def take(self, found: Decides) -> None:
        """Count in the columns of a clause that decides about rows."""
        self.indirect |= found.indirect
        self.notes |= found.unknown

    def chain(self) -> Iterator[Scope]:
        """This query and those around it, inner first."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer


def resolve(scope: Scope, parts: Sequence[str], aliases: Mapping[str, Bound], *, alias_first: bool) -> Bound:
    """The column that ``a``, ``t.a``, ``db.t.a`` or ``t.a.field`` means.

    Args:
        scope: the SELECT in which the name is written.
        parts: the folded parts of the name, outermost first.
        aliases: output aliases that may be used in this clause.
        alias_first: whether an alias hides a column of the same name here.
    """
    if len(parts) > 1:
        for place in scope.chain():
            for entry in place.entries:
                used = _prefix(entry, parts)
                if used:
                    return _fields(_column_of(entry, parts[used], place), parts[used + 1 :])
        if not scope.struct_dots:
            return unknown_column(parts[-1], f"no table here is called {'.'.join(parts[:-1])}")
    return _fields(_single(scope, parts[0], aliases, alias_first=alias_first), parts[1:])


def by_position(scope: Scope, alias: str, place: int) -> Bound:
    """``t.$2`` or ``$2``: the column at a 1-based position of a table, of the only one when none is named."""
    name = f"${place}"
    found = [e for e in scope.entries if e.alias == alias or not alias]
    if len(found) != 1:
        return unknown_column(name, f"{name} does not say of which table")
    relation = found[0].relation
    if relation.tails:
        return unknown_column(
            name, f"{name} counts over a list that is not known: {relation.tails[0].reason}"
        )
    if place > len(relation.columns):
        return unknown_column(name, f"{name} is beyond the {len(relation.columns)} columns there are")
    return relation.columns[place - 1]


def _prefix(entry: Entry, parts: Sequence[str]) -> int:
    """How many leading parts name the table of an entry, 0 for none."""
    if parts[0] == entry.alias:
        return 1
    for size in range(min(len(parts) - 1, len(entry.key)), 1, -1):
        if tuple(parts[:size]) == entry.key[-size:]:
            return size
    return 0


def _fields(column: Bound, fields: Sequence[str]) -> Bound:
    return column.part(".".join(fields)).as_(fields[-1]) if fields else column


def _column_of(entry: Entry, name: str, scope: Scope) -> Bound:
    relation = entry.relation
    hit = _pick(relation.index.get(name, ()), name, scope)
    if hit is not None:
        return hit
    tails = [t for t in relation.tails if name not in t.hidden]
    if len(tails) == 1:
        return tails[0].column(name)
    if tails:
        return unknown_column(name, f"{entry.alias}.{name} may come from any of {len(tails)} tables")
    value = relation.index.get(entry.alias, ())
    if len(value) == 1 and scope.struct_dots:
        return value[0].part(name).as_(name)  # FROM t, t.items AS i: i is a table and its one value
    return unknown_column(name, f"{name} is not among the known columns of {entry.alias or 'the query'}")


def _pick(hits: Sequence[Bound], name: str, scope: Scope) -> Bound | None:
    if len(hits) > 1 and not scope.first_wins:
        return unknown_column(name, f"{name} is ambiguous: {len(hits)} columns have this name")
    return hits[0] if hits else None


def _single(scope: Scope, name: str, aliases: Mapping[str, Bound], *, alias_first: bool) -> Bound:
    """A name without a table: first here, then alias, then in the queries around."""
    if alias_first and name in aliases:
        return aliases[name]
    hit, tails = _local(scope, name)
    if hit is not None:
        return hit
    alias = aliases.get(name)
    if not tails:
        return alias or _elsewhere(scope, name)
    if alias is not None:
        return unknown_column(name, f"{name} may be the alias or a column: {tails[0].reason}")
    if name.lower() in _NILADIC:
        return unknown_column(name, f"{name} may be a function or a column: {tails[0].reason}")
    return _from_tail(scope, name, tails)


def _local(scope: Scope, name: str) -> tuple[Bound | None, list[Tail]]:
    """The column declared here, else the unlisted columns that it may be."""
    if name in scope.merged:
        return scope.merged[name], []
    hits = [(e.alias, found) for e in scope.entries if (found := e.relation.index.get(name))]
    if len(hits) == 1:
        return _pick(hits[0][1], name, scope), []
    if hits:
        tables = ", ".join(alias for alias, _ in hits)
        return unknown_column(name, f"{name} is ambiguous: it is in {tables}"), []
    return None, [t for e in scope.entries for t in e.relation.tails if name not in t.hidden]


def _elsewhere(scope: Scope, name: str) -> Bound:
    """No table here has it: a whole row, an outer query's column, or a function without brackets."""
    row = scope.entry(name)
    if row is not None:
        return everything(row.relation, name)
    if scope.outer is not None:
        return _single(scope.outer, name, {}, alias_first=False)
    if name.lower() in _NILADIC:
        return Bound(name=name)
    return unknown_column(name, f"{name} is not among the known columns of the tables in FROM")


def _from_tail(scope: Scope, name: str, tails: list[Tail]) -> Bound:
    """The only unlisted origin it can have; anything less certain stays unknown."""
    if len(tails) > 1:
        reasons = "; ".join(dict.fromkeys(t.reason for t in tails))
        return unknown_column(name, f"{name} may come from any of {len(tails)} tables: {reasons}")
    if scope.entry(name) is not None:
        return unknown_column(name, f"{name} may be a column or a whole row: {tails[0].reason}")
    if scope.guess_free_outer and scope.outer is not None:
        hit, more = _local(scope.outer, name)
        if hit is not None or more:
            return unknown_column(name, f"{name} may belong to the query around: {tails[0].reason}")
    return tails[0].column(name)
