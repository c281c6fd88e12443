"""Stars: which columns ``*``, ``t.*``, ``* EXCLUDE ...`` and ``COLUMNS(...)`` stand for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from sqlorch.lineage.columns.parsing import UnreadableError
from sqlorch.lineage.columns.reading import Reading
from sqlorch.lineage.columns.relation import Bound, Tail
from sqlorch.lineage.columns.syntax import bare, items

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlorch.lineage.columns.context import Context
    from sqlorch.lineage.columns.scope import Entry, Scope

# More quantifiers (or a repeated group) could make Python's matcher take exponential time.
_QUANTIFIERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """The columns a star stands for, and what more it may stand for."""

    columns: tuple[Bound, ...] = ()
    tails: tuple[Tail, ...] = ()


def expand(node: exp.Expression, scope: Scope, context: Context) -> Expansion:
    """Expand ``*`` or ``t.*`` with its modifiers."""
    qualified = isinstance(node, exp.Column)
    star = node.this if isinstance(node, exp.Column) else node
    found = _qualified(node, scope, context) if qualified else all_columns(scope, context)
    context.check_width(len(found.columns))
    context.spend(len(found.columns))
    return _modified(star, found, scope, context)


def all_columns(scope: Scope, context: Context) -> Expansion:
    """``*``: every table's columns in order, merged join keys once."""
    first = [] if context.dialect == "duckdb" else [scope.merged[n] for n in scope.merged]
    columns, seen = list(first), {c.name for c in first}
    for place, entry in enumerate(scope.entries):
        for column in entry.relation.columns:
            if not column.in_star:
                continue
            if column.name in scope.merged and place in scope.merged_from[column.name]:
                if column.name not in seen:
                    columns.append(scope.merged[column.name])
                seen.add(column.name)
            else:
                columns.append(column)
    columns += [column for name, column in scope.merged.items() if name not in seen]
    tails = tuple(t.without(scope.merged) for e in scope.entries for t in e.relation.tails)
    return Expansion(columns=tuple(columns), tails=tails)


def _qualified(node: exp.Expression, scope: Scope, context: Context) -> Expansion:
    parts = [context.names.identifier(n) for n in (node.args.get(k) for k in ("catalog", "db", "table")) if n]
    for place in scope.chain():
        for entry in place.entries:
            if _is_table(entry, parts):
                listed = tuple(c for c in entry.relation.columns if c.in_star)
                return Expansion(columns=listed, tails=entry.relation.tails)
    value = exp.column(*reversed([node.args[k] for k in ("catalog", "db", "table") if node.args.get(k)]))
    return fields_of(value, scope, context)


def _is_table(entry: Entry, parts: list[str]) -> bool:
    return parts == [entry.alias] or (len(parts) > 1 and tuple(parts) == entry.key[-len(parts) :])


def fields_of(value: exp.Expression, scope: Scope, context: Context) -> Expansion:
    """``value.*``: the fields of a struct, known when its type is."""
    found = Reading(scope, context).read(value).finish("", value)
    return struct_fields(found, context)


def struct_fields(found: Bound, context: Context) -> Expansion:
    """The fields of a struct value."""
    if found.unknown:
        return Expansion(tails=(Tail(reason=min(found.unknown)),))
    names = _field_types(found.type, context)
    if names:
        return Expansion(columns=tuple(found.part(n, kind).as_(n) for n, kind in names))
    return Expansion(
        tails=(Tail(reason=f"the fields of {found.name or 'a struct'} are not known", base=found),)
    )


def _field_types(text: str, context: Context) -> list[tuple[str, str]]:
    if not text:
        return []
    kind = exp.DataType.build(text, dialect=context.names.grammar, udt=True)
    if kind.this in (exp.DataType.Type.ARRAY, exp.DataType.Type.LIST) and kind.expressions:
        kind = kind.expressions[0]
    found = []
    for part in kind.expressions:
        if isinstance(part, exp.ColumnDef):
            sql = context.sql(part.args["kind"]) if part.args.get("kind") else ""
            found.append((context.names.identifier(part.this), sql))
    return found


def _modified(star: exp.Expression, found: Expansion, scope: Scope, context: Context) -> Expansion:
    """EXCLUDE/EXCEPT, ILIKE, REPLACE, RENAME, in the order in which warehouses apply them."""
    columns, tails = list(found.columns), found.tails
    excluded = {context.names.identifier(_name(n)) for n in items(star, "except")}
    pattern = star.args.get("ilike")
    if isinstance(pattern, exp.Expression):
        matches = like_pattern(pattern.name, ignore_case=True)
        columns = [c for c in columns if matches(c.name)]
    columns = [c for c in columns if c.name not in excluded]
    for alias in _aliases(star, "replace"):
        name = context.names.identifier(alias.args["alias"])
        made = Reading(scope, context).read(alias.this).finish(name, alias.this)
        columns = [made if c.name == name else c for c in columns]
        if tails and all(c.name != name for c in columns):
            columns.append(made)
        excluded.add(name)
    renames = {
        context.names.identifier(_name(a.this)): context.names.identifier(a.args["alias"])
        for a in _aliases(star, "rename")
    }
    for old in renames:
        if tails and all(c.name != old for c in columns):
            sole = [t for t in tails if old not in t.hidden]
            columns.extend([sole[0].column(old)] if len(sole) == 1 else [])
    columns = [c.as_(renames[c.name]) if c.name in renames else c for c in columns]
    hidden = excluded.union(renames)
    return Expansion(
        columns=tuple(columns), tails=tuple(t.without(hidden) for t in tails) if hidden else tails
    )


def _aliases(star: exp.Expression, modifier: str) -> list[exp.Alias]:
    found = items(star, modifier)
    named = [a for a in found if isinstance(a, exp.Alias)]
    if len(named) < len(found):
        raise UnreadableError(f"{modifier.upper()} after a star needs AS and a name")
    return named


def _name(node: exp.Expression) -> exp.Expression:
    return node.this if isinstance(node, (exp.Column, exp.Alias)) else node


def like_pattern(pattern: str, *, ignore_case: bool) -> Callable[[str], bool]:
    """A LIKE pattern as a test of names.

    What is between two % matches where it first can, for good: trying other places would find nothing more,
    and take exponential time.
    """
    first, *others = ("".join("." if c == "_" else re.escape(c) for c in part) for part in pattern.split("%"))
    middle = "".join(f"(?>.*?{part})" for part in others[:-1] if part)
    text = first + middle + (f".*{others[-1]}" if others else "")
    compiled = re.compile(text, re.IGNORECASE | re.DOTALL if ignore_case else re.DOTALL)
    return lambda name: compiled.fullmatch(name) is not None


def columns_matching(chooser: exp.Expression, scope: Scope, context: Context) -> Expansion:
    """DuckDB's ``COLUMNS(chooser)``: a star, a regular expression, a list of names, a lambda with LIKE."""
    if isinstance(chooser, (exp.Star, exp.Column)) and (
        isinstance(chooser, exp.Star) or isinstance(chooser.this, exp.Star)
    ):
        return expand(chooser, scope, context)
    found = all_columns(scope, context)
    test = _chooser(chooser, context)
    if test is None:
        return Expansion(tails=(Tail(reason="COLUMNS(...) chooses by an expression that is not evaluated"),))
    if found.tails:
        return Expansion(
            tails=(Tail(reason=f"COLUMNS(...) over a list that is not known: {found.tails[0].reason}"),)
        )
    return Expansion(columns=tuple(c for c in found.columns if test(c.name)))


def _chooser(chooser: exp.Expression, context: Context) -> Callable[[str], bool] | None:
    if isinstance(chooser, exp.Literal) and chooser.is_string:
        return _regex(chooser.name)
    if isinstance(chooser, (exp.Array, exp.List)):
        names = [n.name for n in items(chooser) if isinstance(n, exp.Literal)]
        wanted = {context.names.column(n) for n in names}
        return (lambda name: name in wanted) if len(names) == len(items(chooser)) else None
    if isinstance(chooser, exp.Lambda):
        return _lambda(chooser)
    return None


def _regex(text: str) -> Callable[[str], bool] | None:
    """DuckDB searches the stored spelling; names are folded here, so a capital letter cannot be decided."""
    if (
        text != text.lower()
        or len(re.findall(r"[*+?{]", text)) > _QUANTIFIERS
        or re.search(r"\)[*+?{]", text)
    ):
        return None
    try:
        compiled = re.compile(text)
    except re.error:
        return None
    return lambda name: compiled.search(name) is not None


def _lambda(chooser: exp.Lambda) -> Callable[[str], bool] | None:
    body, variable = bare(chooser.this), items(chooser)
    negate = isinstance(body, exp.Not)
    body = bare(body.this) if isinstance(body, exp.Not) else body
    if (
        not isinstance(body, (exp.Like, exp.ILike))
        or len(variable) != 1
        or not isinstance(body.expression, exp.Literal)
    ):
        return None
    if body.this.name != variable[0].name:
        return None
    matches = like_pattern(body.expression.name, ignore_case=isinstance(body, exp.ILike))
    return (lambda name: not matches(name)) if negate else matches
