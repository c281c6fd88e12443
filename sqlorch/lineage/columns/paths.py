"""Parts of a value: ``payload:customer.name``, ``payload -> 'a'``, ``row.field``, ``list[1]`` as one path."""

from __future__ import annotations

from sqlglot import exp

from sqlorch.lineage.columns.names import names_for
from sqlorch.lineage.columns.syntax import child, items, words

_JSON = tuple(
    found
    for name in (
        "JSONExtract",
        "JSONExtractScalar",
        "JSONBExtract",
        "JSONBExtractScalar",
        "JSONValue",
        "StructExtract",
        "GetExtract",
    )
    if (found := getattr(exp, name, None)) is not None
)
_SEMI_STRUCTURED = words("VARIANT OBJECT JSON JSONB ARRAY STRUCT MAP SUPER NESTED LIST")
ANY_ELEMENT = "[*]"
# Only these can begin a path; the wrappers are read through when one of them is inside.
PATHS = (*_JSON, exp.Bracket, exp.Dot, exp.Cast, exp.ParseJSON, exp.Paren)


def split_path(node: exp.Expression, dialect: str) -> tuple[exp.Expression, str, list[exp.Expression]] | None:
    """The value, the path read from it, and expressions that choose the element; None when not a path."""
    steps: list[str] = []
    choosers: list[exp.Expression] = []
    found = False
    while True:
        step = _step(node, dialect, choosers)
        if step is not None:
            steps.append(step)
            found = True
        elif not _transparent(node):
            return (node, _joined(steps), choosers) if found else None
        node = node.this


def _joined(steps: list[str]) -> str:
    path = ""
    for step in reversed(steps):
        path += step if not path or not step or step.startswith("[") else f".{step}"
    return path


def _transparent(node: exp.Expression) -> bool:
    """Wrappers through which the path goes on: brackets, PARSE_JSON, a cast to a semi-structured type."""
    if isinstance(node, (exp.Paren, exp.ParseJSON)):
        return True
    if isinstance(node, exp.Cast):
        target = getattr(node.to.this, "name", str(node.to.this))
        return target in _SEMI_STRUCTURED
    return False


def _step(node: exp.Expression, dialect: str, choosers: list[exp.Expression]) -> str | None:
    if isinstance(node, _JSON):
        return _json_step(node, choosers)
    if isinstance(node, exp.Bracket):
        return _bracket_step(node, dialect, choosers)
    if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier):
        return node.expression.name
    return None


def _json_step(node: exp.Expression, choosers: list[exp.Expression]) -> str:
    path = child(node, "expression") or child(node, "path")
    if isinstance(path, exp.JSONPath):
        return _joined([_segment(s) for s in reversed(path.expressions)])
    if isinstance(path, exp.Literal):
        return _written(path.name) if path.is_string else f"[{path.name}]"
    if path is not None:
        choosers.append(path)
    return ANY_ELEMENT


def _written(path: str) -> str:
    """A path given as text: ``$.a.b``, PostgreSQL's ``{a,b}``, or one key."""
    if path.startswith("{") and path.endswith("}"):
        return path[1:-1].replace(",", ".")
    return path.removeprefix("$").lstrip(".")


def _segment(part: exp.Expression) -> str:
    if isinstance(part, exp.JSONPathRoot):
        return ""
    if isinstance(part, exp.JSONPathKey) and isinstance(part.this, str):
        return part.this
    if isinstance(part, exp.JSONPathSubscript) and isinstance(part.this, int):
        return f"[{part.this}]"
    return ANY_ELEMENT


def _bracket_step(node: exp.Bracket, dialect: str, choosers: list[exp.Expression]) -> str:
    inside = items(node)
    if len(inside) == 1 and isinstance(inside[0], exp.Literal):
        literal = inside[0]
        if literal.is_string:
            return str(literal.name)
        # The parser counts from 0; people read the number they wrote.
        return f"[{int(literal.name) + _offset(node, dialect)}]" if literal.name.isdigit() else ANY_ELEMENT
    choosers.extend(inside)
    return ANY_ELEMENT


def _offset(node: exp.Bracket, dialect: str) -> int:
    written = node.args.get("offset")
    return written if isinstance(written, int) else names_for(dialect).grammar.INDEX_OFFSET
