"""What a join does to names (USING, NATURAL, SEMI) and which columns decide about its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlorch.lineage.columns.reading import Reading
from sqlorch.lineage.columns.relation import Bound, merged, unknown_column, used_indirectly
from sqlorch.lineage.columns.syntax import child, items
from sqlorch.lineage.columns.values import EdgeKind, Label

if TYPE_CHECKING:
    from sqlglot import exp

    from sqlorch.lineage.columns.context import Context
    from sqlorch.lineage.columns.scope import Scope


def apply(join: exp.Expression, scope: Scope, start: int, context: Context) -> None:
    """Read one join whose right side is ``scope.entries[start:]``."""
    condition = child(join, "on")
    if condition is not None:
        scope.take(Reading(scope, context).read(condition, EdgeKind.JOIN))
    names = [context.names.identifier(n) for n in items(join, "using")]
    if str(join.args.get("method") or "").upper() == "NATURAL":
        names = _common(scope, start)
    for name in names:
        _merge(name, join, scope, start)
    if str(join.args.get("kind") or "").upper() in {"SEMI", "ANTI"}:
        hidden = scope.entries[start:]
        del scope.entries[start:]
        for entry in hidden:
            scope.indirect |= entry.relation.indirect
            scope.notes |= entry.relation.notes
        _forget(names, scope, start)


def _forget(names: list[str], scope: Scope, start: int) -> None:
    """The right side of a semi join is gone, so is its part in the merged keys."""
    for name in names:
        places = scope.merged_from[name] = {p for p in scope.merged_from[name] if p < start}
        if len(places) <= 1:
            del scope.merged[name], scope.merged_from[name]


def _common(scope: Scope, start: int) -> list[str]:
    """The names a NATURAL join compares; a side that is not fully known makes them uncertain."""
    left, right = scope.entries[:start], scope.entries[start:]
    tails = [t for e in scope.entries for t in e.relation.tails]
    if tails:
        scope.notes |= {f"a NATURAL join compares columns that are not known: {tails[0].reason}"}
    there = {c.name for e in right for c in e.relation.columns}
    return list(dict.fromkeys(c.name for e in left for c in e.relation.columns if c.name in there))


def _merge(name: str, join: exp.Expression, scope: Scope, start: int) -> None:
    left = scope.merged.get(name) or _side(name, scope, 0, start)
    right = _side(name, scope, start, len(scope.entries))
    scope.indirect |= used_indirectly(left, EdgeKind.JOIN) | used_indirectly(right, EdgeKind.JOIN)
    scope.notes |= left.unknown | right.unknown
    side = str(join.args.get("side") or "").upper()
    if side == "FULL":
        scope.merged[name] = merged(name, [left, right], label=Label.TRANSFORM)
    else:
        scope.merged[name] = right if side == "RIGHT" else left
    scope.merged_from.setdefault(name, set()).update(
        place
        for place, entry in enumerate(scope.entries)
        if name in entry.relation.index or any(name not in t.hidden for t in entry.relation.tails)
    )


def _side(name: str, scope: Scope, start: int, end: int) -> Bound:
    entries = scope.entries[start:end]
    hits = [found[0] for e in entries if (found := e.relation.index.get(name))]
    tails = [t for e in entries for t in e.relation.tails if name not in t.hidden]
    if len(hits) == 1:
        return hits[0]
    if not hits and len(tails) == 1:
        return tails[0].column(name)
    where = ", ".join(e.alias for e in entries)
    return unknown_column(name, f"the join key {name} is not known to be a column of one of {where}")
