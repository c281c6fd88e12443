"""Small readings of sqlglot's tree that hide how its versions differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    pass

# Older versions of sqlglot call these arguments by the plain Python keyword.
_RENAMED = {"from": "from_", "with": "with_", "except": "except_"}


def words(text: str) -> frozenset[str]:
    """The words of a text as a set."""
    return frozenset(text.split())


def arg(node: exp.Expression, name: str) -> object:
    """An argument of a node under its name in any supported version of sqlglot."""
    found = node.args.get(name)
    return node.args.get(_RENAMED[name]) if found is None and name in _RENAMED else found


def child(node: exp.Expression, name: str) -> exp.Expression | None:
    """A single sub-node, None when absent or not a node."""
    found = arg(node, name)
    return found if isinstance(found, exp.Expression) else None


def items(node: exp.Expression | None, name: str = "expressions") -> list[exp.Expression]:
    """A list of sub-nodes, empty when absent; a single node counts as a list of one."""
    found = arg(node, name) if node is not None else None
    if isinstance(found, exp.Expression):
        return [found]
    return [v for v in found if isinstance(v, exp.Expression)] if isinstance(found, list) else []


def children(node: exp.Expression) -> list[exp.Expression]:
    """The direct sub-nodes in the order of the SQL, last first, ready to be put on a stack."""
    found: list[exp.Expression] = []
    for value in node.args.values():
        if not value or value is True:
            continue
        if isinstance(value, exp.Expression):
            found.append(value)
        elif isinstance(value, list):
            found.extend([v for v in value if isinstance(v, exp.Expression)])
    found.reverse()
    return found


def bare(node: exp.Expression) -> exp.Expression:
    """The node without the parentheses around it."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def alias_columns(node: exp.Expression) -> list[exp.Expression]:
    """The identifiers in ``AS t(a, b)``; column definitions are kept as they are."""
    alias = node.args.get("alias")
    return items(alias, "columns") if isinstance(alias, exp.TableAlias) else []


def table_parts(table: exp.Table) -> list[exp.Expression]:
    """``catalog.db.table`` outermost first, without the missing ones."""
    return [part for part in table.parts if isinstance(part, exp.Expression)]


def column_parts(column: exp.Expression) -> list[exp.Expression]:
    """``catalog.db.table.column`` outermost first, without the missing ones."""
    found = (column.args.get(key) for key in ("catalog", "db", "table", "this"))
    return [part for part in found if isinstance(part, exp.Expression)]


def position_of(node: exp.Expression, dialect: str) -> int | None:
    """The 1-based position in ``#2`` (DuckDB), ``$2`` and ``t.$2`` (Snowflake), None for anything else."""
    inner = node.this if isinstance(node, exp.Column) else node
    wanted = {"snowflake": exp.Parameter, "duckdb": exp.PositionalColumn}.get(dialect)
    if wanted is None or not isinstance(inner, wanted) or not isinstance(inner.this, exp.Literal):
        return None
    return int(inner.this.name) if inner.this.name.isdigit() and int(inner.this.name) > 0 else None


def is_query(node: object) -> bool:
    """Whether a node gives rows by itself: SELECT, a set operation, VALUES, a PIVOT statement."""
    return isinstance(node, (exp.Query, exp.Pivot, exp.Values))


def is_star(node: exp.Expression) -> bool:
    """Whether a projection is ``*`` or ``t.*``."""
    return isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star))


def count_nodes(node: exp.Expression, bound: int) -> int:
    """How many nodes a tree has, giving up just above the bound."""
    stack, seen = [node], 0
    while stack and seen <= bound:
        seen += 1
        stack.extend(children(stack.pop()))
    return seen
