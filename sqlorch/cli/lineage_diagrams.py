"""The graph as text for Graphviz and Mermaid; names are quoted so that none is read as syntax."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlorch.domain.dag import Dag, Node

_SHAPES = {"source": "cylinder", "seed": "note", "snapshot": "folder", "exposure": "house"}
_BRACKETS = {"source": ("[(", ")]"), "seed": ("[/", "/]"), "exposure": (">", "]"), "snapshot": ("[[", "]]")}
# Mermaid reads entities with # instead of &; everything that could end a label or begin markup becomes one.
_MERMAID = {ord(c): f"#{ord(c)};" for c in '"#&<>`[](){}|\\;'}


def label(node: Node) -> str:
    """What a node is called: a source by its source and table, a version by its number too."""
    if node.kind == "source":
        return f"{node.source_name}.{node.name}"
    return node.name if node.version is None else f"{node.name}.v{node.version}"


def dot(
    dag: Dag, chosen: frozenset[str], group_of: Mapping[str, str], inferred: frozenset[tuple[str, str]]
) -> str:
    """A Graphviz digraph, one cluster a group; inferred edges are dashed."""
    lines = [
        "digraph lineage {",
        "  rankdir=LR;",
        "  node [shape=box, style=rounded];",
    ]
    for number, (group, uids) in enumerate(_grouped(dag, chosen, group_of)):
        indent = "  "
        if group:
            lines += [f"  subgraph cluster_{number} {{", f"    label={_quoted(group)};"]
            indent = "    "
        lines += [f"{indent}{_quoted(uid)} [{_attributes(dag[uid])}];" for uid in uids]
        lines += ["  }"] if group else []
    for parent, child in _edges(dag, chosen):
        dashed = " [style=dashed]" if (parent, child) in inferred else ""
        lines.append(f"  {_quoted(parent)} -> {_quoted(child)}{dashed};")
    return "\n".join([*lines, "}"])


def mermaid(
    dag: Dag, chosen: frozenset[str], group_of: Mapping[str, str], inferred: frozenset[tuple[str, str]]
) -> str:
    """A Mermaid flowchart, one subgraph a group; inferred edges are dotted."""
    names = {uid: f"n{index}" for index, uid in enumerate(uid for uid in dag.order if uid in chosen)}
    lines = ["flowchart LR"]
    for number, (group, uids) in enumerate(_grouped(dag, chosen, group_of)):
        indent = "  "
        if group:
            lines.append(f'  subgraph g{number}["{_plain(group)}"]')
            indent = "    "
        for uid in uids:
            left, right = _BRACKETS.get(dag[uid].kind, ("[", "]"))
            lines.append(f'{indent}{names[uid]}{left}"{_plain(label(dag[uid]))}"{right}')
        lines += ["  end"] if group else []
    for parent, child in _edges(dag, chosen):
        arrow = "-.->" if (parent, child) in inferred else "-->"
        lines.append(f"  {names[parent]} {arrow} {names[child]}")
    return "\n".join(lines)


def _grouped(
    dag: Dag, chosen: Iterable[str], group_of: Mapping[str, str]
) -> list[tuple[str | None, list[str]]]:
    """Nodes by group in lineage order; what belongs to none comes first, without a group."""
    wanted = set(chosen)
    found: dict[str | None, list[str]] = {None: []}
    for uid in dag.order:
        if uid in wanted:
            found.setdefault(group_of.get(uid), []).append(uid)
    return [(group, uids) for group, uids in found.items() if uids]


def _edges(dag: Dag, chosen: frozenset[str]) -> list[tuple[str, str]]:
    return [(p, c) for p, c in dag.edges if p in chosen and c in chosen]


def _attributes(node: Node) -> str:
    shape = _SHAPES.get(node.kind)
    return f"label={_quoted(label(node))}" + (f", shape={shape}" if shape else "")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else " " for c in escaped) + '"'


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text).translate(_MERMAID)
