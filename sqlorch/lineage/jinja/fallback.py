"""What a file that cannot be rendered still says: the literal calls of its syntax tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from jinja2 import TemplateError, nodes

from sqlorch.lineage.jinja.capture import Reference
from sqlorch.lineage.jinja.environment import DbtEnvironment

_CALL = re.compile(
    r"\b(?P<func>ref|source)\s*\(\s*(?P<q1>['\"])(?P<first>[^'\"]+)(?P=q1)"
    r"(?:\s*,\s*(?P<q2>['\"])(?P<second>[^'\"]+)(?P=q2))?"
)
_OPEN = re.compile(r"\{[{%]")
_CLOSE = {"{{": "}}", "{%": "%}"}
_LONGEST = 1_000_000


@dataclass(slots=True)
class Literals:
    """What is written out in a template, in whatever branch it stands.

    Attributes:
        references: ``ref`` and ``source`` calls.
        config: settings of ``config`` calls.
    """

    references: list[Reference] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)


def read_literals(env: DbtEnvironment, source: str) -> Literals:
    """Read the calls whose arguments are written out; by pattern where the text is not even Jinja."""
    text = source[:_LONGEST]
    found = Literals()
    try:
        calls = list(env.parse(text).find_all(nodes.Call))
    except (TemplateError, RecursionError):
        found.references = list(_by_pattern(text))
        return found
    for call in calls:
        name = call.node.name if isinstance(call.node, nodes.Name) else ""
        if name == "config":
            found.config |= {k.key: value for k in call.kwargs if (value := _constant(k.value)) is not None}
        elif name in {"ref", "source"} and (reference := _read_call(name, call)) is not None:
            found.references.append(reference)
    return found


def _constant(node: nodes.Expr) -> Any:
    try:
        return node.as_const()
    except nodes.Impossible:
        return None


def _read_call(name: str, call: nodes.Call) -> Reference | None:
    args = [arg.value for arg in call.args if isinstance(arg, nodes.Const) and isinstance(arg.value, str)]
    if len(args) != len(call.args) or not args:
        return None
    version = next((_constant(k.value) for k in call.kwargs if k.key in {"v", "version"}), None)
    return _reference(name, args[0], args[1] if len(args) > 1 else None, version)


def _by_pattern(text: str) -> Iterator[Reference]:
    for tag in _tags(text):
        for call in _CALL.finditer(tag):
            reference = _reference(call["func"], call["first"], call["second"], None)
            if reference is not None:
                yield reference


def _tags(text: str) -> Iterator[str]:
    """What is between an opening mark and the next closing one, looked for once where there is none."""
    position, ends = 0, dict.fromkeys(_CLOSE, True)
    while match := _OPEN.search(text, position):
        position = match.start() + 1
        end = text.find(_CLOSE[match[0]], match.end()) if ends[match[0]] else -1
        ends[match[0]] = end >= 0
        if end >= 0:
            yield text[match.start() : end + 2]
            position = end + 2


def _reference(func: str, first: str, second: str | None, version: object) -> Reference | None:
    if func == "source":
        return Reference("source", second, first) if second else None
    shown = str(version) if version else None
    return Reference("ref", second or first, first if second else None, shown)
