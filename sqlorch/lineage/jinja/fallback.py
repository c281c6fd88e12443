"""What a file that cannot be rendered still says: the literal references of its syntax tree."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jinja2 import TemplateError, nodes

from sqlorch.lineage.jinja.capture import Reference
from sqlorch.lineage.jinja.environment import DbtEnvironment

_CALL = re.compile(
    r"\b(?P<func>ref|source)\s*\(\s*(?P<q1>['\"])(?P<first>[^'\"]+)(?P=q1)"
    r"(?:\s*,\s*(?P<q2>['\"])(?P<second>[^'\"]+)(?P=q2))?"
)
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_LONGEST = 1_000_000


def literal_references(env: DbtEnvironment, source: str) -> Iterator[Reference]:
    """Yield every ``ref`` and ``source`` whose arguments are written out, in whatever branch it stands."""
    text = source[:_LONGEST]
    try:
        tree = env.parse(text)
    except (TemplateError, RecursionError):
        yield from _by_pattern(text)
        return
    for call in tree.find_all(nodes.Call):
        reference = _read_call(call)
        if reference is not None:
            yield reference


def _read_call(call: nodes.Call) -> Reference | None:
    name = call.node.name if isinstance(call.node, nodes.Name) else ""
    args = [arg.value for arg in call.args if isinstance(arg, nodes.Const) and isinstance(arg.value, str)]
    if name not in {"ref", "source"} or len(args) != len(call.args) or not args:
        return None
    version = next(
        (k.value.value for k in call.kwargs if k.key in {"v", "version"} and isinstance(k.value, nodes.Const)), None
    )
    return _reference(name, args[0], args[1] if len(args) > 1 else None, version)


def _by_pattern(text: str) -> Iterator[Reference]:
    for tag in _TAG.finditer(text):
        for call in _CALL.finditer(tag[0]):
            reference = _reference(call["func"], call["first"], call["second"], None)
            if reference is not None:
                yield reference


def _reference(func: str, first: str, second: str | None, version: object) -> Reference | None:
    if func == "source":
        return Reference("source", second, first) if second else None
    shown = str(version) if version else None
    return Reference("ref", second or first, first if second else None, shown)
