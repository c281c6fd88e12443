"""Tables that are made from a value: UNNEST, FLATTEN, EXPLODE, VALUES, table functions, files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from sqlorch.lineage.columns.paths import ANY_ELEMENT
from sqlorch.lineage.columns.reading import Reading
from sqlorch.lineage.columns.relation import Bound, Relation, Tail, merged
from sqlorch.lineage.columns.stars import struct_fields
from sqlorch.lineage.columns.syntax import alias_columns, arg, bare, children, items, table_parts, words
from sqlorch.lineage.columns.values import Label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlorch.lineage.columns.context import Context
    from sqlorch.lineage.columns.scope import Scope

_FLATTENED = ("seq", "key", "path", "index", "value", "this")
_PER_ELEMENT = frozenset({"value", "key", "index", "path"})
_WITH_POSITION = tuple(getattr(exp, n) for n in ("Posexplode", "PosexplodeOuter") if hasattr(exp, n))
# What the columns of VALUES are called when the query does not say, and the first one's number.
_FIRST_VALUE_COLUMN = {
    **dict.fromkeys(("snowflake", "postgres", "redshift"), ("column", 1)),
    **dict.fromkeys(("spark", "databricks"), ("col", 1)),
    **dict.fromkeys(("trino", "presto", "athena"), ("_col", 0)),
    "duckdb": ("col", 0),
}
_FILE_READERS = tuple(getattr(exp, n) for n in ("ReadCSV", "ReadParquet") if hasattr(exp, n))
# Functions that give one column, called like the function or the alias (PostgreSQL, DuckDB).
_ONE_COLUMN = words(
    "generate_series range unnest jsonb_array_elements jsonb_array_elements_text json_array_elements"
    " json_array_elements_text jsonb_object_keys json_object_keys regexp_split_to_table string_to_table"
    " generate_subscripts regexp_matches jsonb_path_query glob"
)
_FIXED = {
    "jsonb_each": ("key", "value"),
    "jsonb_each_text": ("key", "value"),
    "json_each_text": ("key", "value"),
    "split_to_table": ("seq", "index", "value"),
    "generator": (),
}
_CLASS_NAMES = {
    "SplitToTable": "split_to_table",
    "ExplodingGenerateSeries": "generate_series",
    "Unnest": "unnest",
}


def value_of(node: exp.Expression, scope: Scope, context: Context) -> Bound:
    """An argument as one value, named arguments by their value."""
    inner = bare(node)
    if isinstance(inner, (exp.Kwarg, exp.PropertyEQ)):
        inner = inner.expression
    return Reading(scope, context).read(inner).finish("", inner)


def made_of(nodes: Sequence[exp.Expression], scope: Scope, context: Context) -> Bound:
    """All arguments of a function as the origin of its result."""
    return merged("", [value_of(n, scope, context) for n in nodes] or [Bound(name="")], label=Label.TRANSFORM)


def _element(value: Bound) -> Bound:
    """One element of a list: part of the source, of the element type when the list's is known."""
    return value.part(ANY_ELEMENT, _element_type(value.type))


def _element_type(kind: str) -> str:
    if kind.endswith("[]"):
        return kind[:-2]
    return kind[kind.index("<") + 1 : -1] if kind.upper().startswith("ARRAY<") and kind.endswith(">") else ""


def values(node: exp.Values, scope: Scope, context: Context) -> Relation:
    """VALUES: each column is made of what stands in its place in any row."""
    rows = [
        items(r) if isinstance(r, (exp.Tuple, exp.Paren)) and items(r) else [bare(r)] for r in items(node)
    ]
    width = min((len(r) for r in rows), default=0)
    prefix, first = _FIRST_VALUE_COLUMN.get(context.dialect, ("?", 1))
    columns = []
    for place in range(width):
        name = context.names.column(f"{prefix}{place + first}")
        found = merged(name, [value_of(r[place], scope, context) for r in rows], label=Label.TRANSFORM)
        columns.append(replace(found, named=context.dialect in _FIRST_VALUE_COLUMN, steps=()))
    return Relation(columns=tuple(columns)).renamed(_names(node, context))


def _names(node: exp.Expression, context: Context) -> list[str]:
    return [context.names.identifier(_identifier(n)) for n in alias_columns(node)]


def _identifier(node: exp.Expression) -> exp.Expression:
    return node.this if isinstance(node, exp.ColumnDef) else node


def unnest(node: exp.Unnest, alias: str, scope: Scope, context: Context) -> Relation:
    """UNNEST: one column per list; a single list may give several (a map, an array of rows)."""
    elements = [_element(value_of(n, scope, context)) for n in items(node)]
    names = _names(node, context) or ([_unnested(alias, context)] if len(elements) == 1 else [])
    found = _elements(elements, names, context)
    offset = arg(node, "offset")
    if not offset:
        return found
    name = context.names.identifier(offset) if isinstance(offset, exp.Expression) else "offset"
    return replace(found, columns=(*found.columns, Bound(name=name, label=Label.TRANSFORM)))


def _elements(elements: list[Bound], names: list[str], context: Context) -> Relation:
    columns: list[Bound] = []
    tails: tuple[Tail, ...] = ()
    if len(elements) == len(names):
        columns = [e.as_(n) for e, n in zip(elements, names, strict=True)]
    elif len(elements) == 1 and names:
        columns = [elements[0].as_(n) for n in names]
    elif names:
        reason = f"UNNEST of {len(elements)} lists under {len(names)} names needs their types"
        columns = [
            replace(merged(n, elements), label=Label.UNKNOWN, unknown=frozenset({reason})) for n in names
        ]
    if context.dialect == "bigquery" and elements:
        fields = struct_fields(elements[0], context)
        if not elements[0].type or fields.columns:
            columns = [*(replace(c, in_star=False) for c in columns), *fields.columns]
            tails = () if fields.columns else fields.tails
    return Relation(columns=tuple(columns), tails=tails)


def array_in_from(item: exp.Table, alias: str, scope: Scope, context: Context) -> Relation:
    """``FROM t, t.items AS i``: the elements of a column of a table to the left."""
    keys = ("this", "table", "db", "catalog")
    parts = dict(zip(keys, (p.copy() for p in reversed(table_parts(item))), strict=False))
    return _elements([_element(value_of(exp.Column(**parts), scope, context))], [alias], context)


def _unnested(alias: str, context: Context) -> str:
    return alias or ("unnest" if context.dialect in {"duckdb", "postgres"} else "?1")


def flatten(node: exp.Expression, scope: Scope, context: Context) -> Relation:
    """Snowflake's FLATTEN: ``value`` is an element of the input, ``this`` the input."""
    first = next(iter(children_in_order(node)), None)
    value = value_of(_input(node) or first, scope, context) if first is not None else Bound(name="")
    columns = []
    for name in _FLATTENED:
        found = _element(value) if name in _PER_ELEMENT and name == "value" else value.part("")
        columns.append(found.as_(context.names.column(name)))
    return Relation(columns=tuple(columns))


def _input(node: exp.Expression) -> exp.Expression | None:
    for found in children_in_order(node):
        if isinstance(found, exp.Kwarg) and found.this.name.lower() == "input":
            return found
    return None


def children_in_order(node: exp.Expression) -> list[exp.Expression]:
    """The arguments as written."""
    return list(children(node))[::-1]


def exploded(function: exp.Expression, names: list[str], scope: Scope, context: Context) -> Relation:
    """LATERAL VIEW explode, posexplode, inline...: what the function makes, under the given names."""
    origin = made_of(children_in_order(function), scope, context)
    element = _element(origin) if isinstance(function, (exp.Explode, *_WITH_POSITION)) else origin
    if isinstance(function, _WITH_POSITION):
        first, *rest = names or ["pos", "col"]
        columns = [Bound(name=first, label=Label.TRANSFORM), *(element.as_(n) for n in rest)]
        return Relation(columns=tuple(columns))
    if names:
        return Relation(columns=tuple(element.as_(n) for n in names))
    if isinstance(function, exp.Explode):
        return Relation(
            columns=(element.as_("col"),), tails=(Tail(reason="EXPLODE of a map gives key and value"),)
        )
    return Relation(tails=(Tail(reason=f"the columns of {function.key} are not known"),))


def is_file_reader(node: exp.Expression) -> bool:
    """``read_parquet(...)`` and its like: what they give is in the file, not in the query."""
    name = _function_name(node)
    return isinstance(node, _FILE_READERS) or name.startswith("read_") or name.endswith("_scan")


def table_function(
    node: exp.Expression, alias: str, names: list[str], scope: Scope, context: Context
) -> Relation:
    """A function in FROM: named columns are made of its arguments, else it depends on the function."""
    origin = made_of([n for n in children_in_order(node) if not isinstance(n, exp.EQ)], scope, context)
    origin = replace(origin, whole=False, type="")
    columns = names or _own_columns(node, alias, context)
    if columns is not None:
        return Relation(columns=tuple(origin.as_(n) for n in columns))
    reason = f"the columns of the function {_function_name(node)} are not known"
    return Relation(tails=(Tail(reason=reason),))


def _own_columns(node: exp.Expression, alias: str, context: Context) -> list[str] | None:
    """The columns of a function whose caller does not name them; None when we do not know."""
    name = _function_name(node)
    if name in _ONE_COLUMN:
        return [alias or name]
    if isinstance(node, exp.GenerateSeries):
        return [alias or ("range" if node.args.get("is_end_exclusive") else "generate_series")]
    return [context.names.column(n) for n in _FIXED[name]] if name in _FIXED else None


def _function_name(node: exp.Expression) -> str:
    if isinstance(node, exp.Anonymous):
        return str(node.name).lower()
    return _CLASS_NAMES.get(type(node).__name__, node.key.lower())
