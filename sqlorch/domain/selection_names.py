"""How one name of a selection matches: globs, fully qualified names, paths. Each makes a predicate once.

The rules are those of dbt-core 1.11 (``dbt/graph/selector_methods.py``), on the project as it was parsed: a
path is looked for among the files and folders that hold nodes, not on the disk.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import translate

from sqlorch.domain.dag import Dag, Node

_WILDCARDS = frozenset("*?[]")
_ANY_DEPTH = "**"

Parts = tuple[str, ...]


def glob(pattern: str) -> Callable[[str], bool]:
    """A predicate for ``*``, ``?`` and ``[...]``, sensitive to case, over the whole text."""
    match = re.compile(translate(pattern)).match
    return lambda text: match(text) is not None


def fqn_matcher(value: str) -> Callable[[Node], bool]:
    """A predicate for dbt's ``fqn:``, with or without the package in front.

    A value matches the node's own name, a leading part of its fully qualified name, or, from its first
    wildcard on, all that is left of it. Dots inside a name count as separators. A versioned model is called
    by its name (all versions), or by name and version as ``orders.v2`` or ``orders_v2``.
    """
    pattern = _FqnPattern(value)

    def predicate(node: Node) -> bool:
        versioned = node.kind == "model" and node.version is not None
        return any(pattern.matches(fqn, versioned=versioned) for fqn in (node.fqn, node.fqn[1:]) if fqn)

    return predicate


class _FqnPattern:
    """The parts of a value: those before the first wildcard are literal, the rest is one glob."""

    def __init__(self, value: str) -> None:
        self._value = value
        self._parts = tuple(value.split("."))
        wild = (i for i, part in enumerate(self._parts) if _WILDCARDS & set(part))
        self._fixed = next(wild, len(self._parts))
        rest = self._parts[self._fixed :]
        self._rest = glob(".".join(rest)) if rest else None

    def matches(self, fqn: Parts, *, versioned: bool) -> bool:
        return self._names(fqn, versioned=versioned) or self._contains(fqn, versioned=versioned)

    def _names(self, fqn: Parts, *, versioned: bool) -> bool:
        if _own_name(fqn, versioned=versioned) == self._value:
            return True
        return versioned and "_".join(fqn[-2:]) == "_".join(self._parts[-2:])

    def _contains(self, fqn: Parts, *, versioned: bool) -> bool:
        flat = tuple(".".join(fqn).split("."))
        if len(flat) < len(self._parts) or flat[: self._fixed] != self._parts[: self._fixed]:
            return False
        if self._rest is None or self._rest(".".join(flat[self._fixed :])):
            return True
        return len(self._parts) == 1 and self._rest(_own_name(fqn, versioned=versioned))


def _own_name(fqn: Parts, *, versioned: bool) -> str:
    """The name without the version, which dbt makes the last part of a versioned model's name."""
    return fqn[-2] if versioned and len(fqn) > 1 else fqn[-1]


def path_matcher(value: str, dag: Dag) -> Callable[[Node], bool]:
    """A predicate for dbt's ``path:``: a file, the YAML file that describes a node, or a folder above it.

    Paths are relative to the root project; ``**`` stands for any number of folders, and a ``/`` at the end
    for folders only. As in dbt, a node of an installed package matches by its path within that package when
    the root project has the same folder.
    """
    selected = _selected_paths(value, dag)

    def predicate(node: Node) -> bool:
        own = _split(node.path)
        written = {own, _split(node.patch_path)} - {()}
        return bool(written & selected) or any(folder in selected for folder in _folders(own))

    return predicate


def known_paths(dag: Dag) -> Iterator[str]:
    """Every file and folder of the root project that holds nodes, for suggestions."""
    return ("/".join(path) for path in _root_paths(dag) if path)


def _selected_paths(value: str, dag: Dag) -> set[Parts]:
    pattern = _Pattern(_split(value))
    files = _root_files(dag) if not value.endswith("/") else set()
    folders = {folder for path in _root_files(dag) for folder in _folders(path)}
    return {path for path in files | folders if pattern.matches(path)}


def _root_paths(dag: Dag) -> set[Parts]:
    files = _root_files(dag)
    return files | {folder for path in files for folder in _folders(path)}


def _root_files(dag: Dag) -> set[Parts]:
    nodes: Iterable[Node] = dag.nodes.values()
    project = dag.project
    own = (node for node in nodes if not project or node.package == project)
    return {_split(path) for node in own for path in (node.path, node.patch_path) if path}


def _folders(path: Parts) -> Iterator[Parts]:
    """The folders above a file, the project's own folder ``()`` included."""
    return (path[:depth] for depth in range(len(path)))


def _split(path: str) -> Parts:
    return tuple(part for part in path.split("/") if part not in {"", "."})


class _Pattern:
    """A path with wildcards, matched folder by folder (``*`` stays within one)."""

    def __init__(self, parts: Parts) -> None:
        self._steps = [None if part == _ANY_DEPTH else glob(part) for part in parts]

    def matches(self, path: Parts) -> bool:
        places = self._skip({0})
        for part in path:
            places = self._skip({after for place in places for after in self._after(place, part)})
        return len(self._steps) in places

    def _after(self, place: int, part: str) -> Iterator[int]:
        if place == len(self._steps):
            return
        step = self._steps[place]
        if step is None:
            yield place
        elif step(part):
            yield place + 1

    def _skip(self, places: set[int]) -> set[int]:
        """Add the places reached by letting ``**`` stand for nothing."""
        reached: set[int] = set()
        for start in places:
            place = start
            reached.add(place)
            while place < len(self._steps) and self._steps[place] is None:
                place += 1
                reached.add(place)
        return reached
