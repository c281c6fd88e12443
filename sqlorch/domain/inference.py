"""Edges dbt does not know: a source whose relation is built by a node of the same project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlorch.domain.dag import Dag

Edge = tuple[str, str]
_QUOTES = str.maketrans("", "", "\"`[]'")


def built_sources(dag: Dag) -> list[Edge]:
    """Find what builds the sources of a project, by the names of relations.

    Returns:
        ``(builder, source)`` pairs, by source. A pair may close a circle: a model may read its own relation
        as a source.
    """
    named = [
        (uid, node.kind, relation_key(node.relation)) for uid, node in dag.nodes.items() if node.relation
    ]
    return match_builders(
        {uid: key for uid, kind, key in named if kind == "source"},
        {uid: key for uid, kind, key in named if kind != "source"},
    )


def relation_key(relation: str) -> str:
    """The name of a relation without case and quotes, to compare by."""
    return relation.translate(_QUOTES).lower()


def match_builders(sources: Mapping[str, str], builders: Mapping[str, str]) -> list[Edge]:
    """Pair sources with what builds them.

    Args:
        sources: keys of the relations of source tables, by unique id.
        builders: keys of the relations of everything that builds one, by unique id.

    Returns:
        ``(builder, source)`` pairs, by source; of two builders of one relation the first by unique id.
    """
    by_key = {key: uid for uid, key in sorted(builders.items(), reverse=True)}
    return [(by_key[key], uid) for uid, key in sorted(sources.items()) if key in by_key]


def without_circles(pairs: Iterable[Edge], edges: Iterable[Edge]) -> list[Edge]:
    """Leave out the pairs that would close a circle with the edges or with the pairs before them."""
    children: dict[str, set[str]] = {}
    below: set[str] = set()
    for parent, child in edges:
        children.setdefault(parent, set()).add(child)
        below.add(child)
    found = []
    for parent, child in pairs:
        if parent in below and reaches(child, parent, children):
            continue
        children.setdefault(parent, set()).add(child)
        below.add(child)
        found.append((parent, child))
    return found


def reaches(start: str, goal: str, children: Mapping[str, set[str]]) -> bool:
    """Whether a way leads from one node to another; from a node to itself always."""
    seen, queue = {start}, [start]
    while queue:
        uid = queue.pop()
        if uid == goal:
            return True
        fresh = children.get(uid, set()) - seen
        seen |= fresh
        queue += fresh
    return False
