"""dbt's own YAML as it is written, before dbt fills in what is in braces.

dbt knows no interval while it reads a file: of ``{{ ds }}`` it leaves nothing, and what is left may still be
SQL that can be executed, on other rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath

import yaml

from sqlorch.config.yaml_loader import LOADER, read_text
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.template import in_braces

_EXPECTATIONS = ("meta", "sqlorch", "expectations")


def emptied(file: FilePath, name: str) -> list[tuple[int, str]]:
    """Interval variables in braces in the expectations that a file has for a node.

    Args:
        file: a file with properties of nodes; dbt says what is wrong with it otherwise.
        name: of the node.

    Returns:
        Line and variable of each, ``(7, "ds[:4]")``.
    """
    try:
        root = yaml.compose(read_text(file), Loader=LOADER)
    except (ConfigError, yaml.YAMLError, RecursionError):
        return []
    found = [each for part in _parts(root, name) for each in _holes(part)]
    return list(dict.fromkeys(found))


def _parts(root: yaml.Node | None, name: str) -> Iterator[yaml.Node]:
    """What the file says under ``meta.sqlorch.expectations`` of the node, and of each of its versions."""
    for listed in _children(root):
        for entry in _children(listed):
            if _text(_at(entry, ("name",))) != name:
                continue
            for one in (entry, *_children(_at(entry, ("versions",)))):
                places = (_at(one, _EXPECTATIONS), _at(one, ("config", *_EXPECTATIONS)))
                yield from (place for place in places if place is not None)


def _holes(part: yaml.Node) -> Iterator[tuple[int, str]]:
    waiting, seen = [part], set[int]()  # an alias may lead to what was seen, a thousand times or for ever
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield from ((node.start_mark.line + 1, variable) for variable in in_braces(_text(node)))
        waiting += reversed(_children(node))


def _children(node: yaml.Node | None) -> Sequence[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [value for _, value in node.value]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _at(node: yaml.Node | None, path: Sequence[str]) -> yaml.Node | None:
    for key in path:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for said, value in pairs if _text(said) == key), None)
    return node


def _text(node: yaml.Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""
