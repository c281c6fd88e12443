"""What a query, a table or a function offers to the query around it: columns whose origin is known."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlorch.lineage.columns.values import EdgeKind, Label, Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlglot import exp

Indirect = frozenset[tuple[Source, EdgeKind]]
NOTHING: Indirect = frozenset()
# A column keeps the expressions of the last few inner queries; a chain of a thousand CTEs stays small.
MAX_STEPS = 8

_RANK = {Label.PASS_THROUGH: 0, Label.RENAME: 0, Label.TRANSFORM: 1, Label.AGGREGATE: 2, Label.UNKNOWN: 3}


def stronger(left: Label, right: Label) -> Label:
    """The label of a value that went through both steps."""
    return left if _RANK[left] >= _RANK[right] else right


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bound:
    """A column whose origin has been looked up, inside one model.

    ``label`` never is RENAME here: that is judged once, at the output. ``whole`` says that the value still
    is the source's own (or a part of it), so a JSON path read from it continues the source's path.
    ``in_star`` is False for a name that a star does not list (the alias of an unnested struct).
    """

    name: str
    sources: frozenset[Source] = frozenset()
    label: Label = Label.PASS_THROUGH
    indirect: Indirect = NOTHING
    unknown: frozenset[str] = frozenset()
    type: str = ""
    steps: tuple[exp.Expression, ...] = ()
    whole: bool = False
    named: bool = True
    in_star: bool = True

    def as_(self, name: str) -> Bound:
        """The same column under another name."""
        return self if name == self.name else replace(self, name=name, named=True)

    def part(self, path: str, kind: str = "") -> Bound:
        """A part of the value: a field, an element."""
        label = stronger(self.label, Label.TRANSFORM)
        if not self.whole:
            return replace(self, label=label, type=kind, in_star=True)
        sources = frozenset(Source(s.node, s.column, _join(s.path, path)) for s in self.sources)
        return replace(self, sources=sources, label=label, type=kind, in_star=True)


def _join(path: str, more: str) -> str:
    """``a`` + ``b`` is ``a.b``, ``a`` + ``[0]`` is ``a[0]``."""
    return f"{path}.{more}" if path and more and not more.startswith("[") else path + more


def unknown_column(name: str, reason: str) -> Bound:
    """A column of which nothing but the name is known."""
    return Bound(name=name, label=Label.UNKNOWN, unknown=frozenset({reason}))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tail:
    """More columns than are listed, of one origin.

    With ``node`` they are columns of that relation (which the project knows, if ``certain``); with ``base``
    fields of that value; with neither, a column found here stays unknown for ``reason``. ``hidden`` names
    cannot come from here.
    """

    reason: str
    node: str = ""
    base: Bound | None = None
    hidden: frozenset[str] = frozenset()
    certain: bool = True

    def column(self, name: str) -> Bound:
        """The column of that name, which is taken to exist."""
        if self.base is not None:
            return self.base.part(name).as_(name)
        if self.node:
            found = Bound(name=name, sources=frozenset({Source(self.node, name)}), whole=True)
            return (
                found
                if self.certain
                else replace(found, label=Label.UNKNOWN, unknown=frozenset({self.reason}))
            )
        return unknown_column(name, self.reason)

    def without(self, names: Iterable[str]) -> Tail:
        """The same columns less some names."""
        return replace(self, hidden=self.hidden.union(names))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Relation:
    """Columns in order, perhaps more of them (``tails``), and what decided about the rows."""

    columns: tuple[Bound, ...] = ()
    tails: tuple[Tail, ...] = ()
    indirect: Indirect = NOTHING
    notes: frozenset[str] = frozenset()
    index: dict[str, list[Bound]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Index the columns by name; a name may occur twice."""
        index: dict[str, list[Bound]] = {}
        for column in self.columns:
            index.setdefault(column.name, []).append(column)
        object.__setattr__(self, "index", index)

    def renamed(self, names: list[str]) -> Relation:
        """``AS t(a, b)``: the first columns under new names, the rest as they are."""
        if not names:
            return self
        if self.tails:
            reason = f"columns are renamed by position over a list that is not known ({self.tails[0].reason})"
            return replace(self, columns=tuple(unknown_column(n, reason) for n in names), tails=())
        first = tuple(c.as_(n) for c, n in zip(self.columns, names, strict=False))
        return replace(self, columns=first + self.columns[len(names) :])


def opaque(reason: str, *, indirect: Indirect = NOTHING) -> Relation:
    """A relation of which nothing is known."""
    return Relation(tails=(Tail(reason=reason),), indirect=indirect)


def everything(relation: Relation, name: str) -> Bound:
    """A whole row as one value, as in ``to_json(t)``."""
    unknown = frozenset(t.reason for t in relation.tails).union(*(c.unknown for c in relation.columns))
    return Bound(
        name=name,
        sources=frozenset().union(*(c.sources for c in relation.columns)),
        label=Label.UNKNOWN if unknown else Label.TRANSFORM,
        indirect=NOTHING.union(*(c.indirect for c in relation.columns)),
        unknown=unknown,
    )


def used_indirectly(column: Bound, kind: EdgeKind) -> Indirect:
    """What a column brings along when it only decides about rows."""
    return column.indirect.union((s, kind) for s in column.sources)


def merged(name: str, columns: Iterable[Bound], *, label: Label = Label.PASS_THROUGH) -> Bound:
    """One column whose value comes from any of several: a union, a full join's key."""
    found = list(columns)
    steps = dict.fromkeys(step for c in found for step in c.steps)
    types = {c.type for c in found}
    return Bound(
        name=name,
        sources=frozenset().union(*(c.sources for c in found)),
        label=_strongest([label, *(c.label for c in found)]),
        indirect=NOTHING.union(*(c.indirect for c in found)),
        unknown=frozenset().union(*(c.unknown for c in found)),
        type=types.pop() if len(types) == 1 else "",
        steps=tuple(steps)[:MAX_STEPS],
        whole=all(c.whole for c in found),
        named=found[0].named if found else True,
    )


def _strongest(labels: list[Label]) -> Label:
    return max(labels, key=_RANK.__getitem__)
