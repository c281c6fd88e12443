"""Edges dbt does not know: a source whose relation is built by a node of the same project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlorch.lineage.relations import Named


def infer_edges(
    sources: Mapping[str, Named], builders: Mapping[str, Named], edges: Iterable[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Find what builds the sources.

    Args:
        sources: relations of source tables by unique id.
        builders: relations of models, seeds and snapshots by unique id.
        edges: the edges dbt knows.

    Returns:
        ``(builder, source)`` pairs, without those that would close a circle: a model may read its own
        relation as a source.
    """
    by_key = {named.key: uid for uid, named in sorted(builders.items(), reverse=True)}
    pairs = [(by_key[named.key], uid) for uid, named in sorted(sources.items()) if named.key in by_key]
    if not pairs:
        return []
    children: dict[str, set[str]] = {}
    for parent, child in edges:
        children.setdefault(parent, set()).add(child)
    found = []
    for builder, source in pairs:
        if not _reaches(source, builder, children):
            children.setdefault(builder, set()).add(source)
            found.append((builder, source))
    return found


def _reaches(start: str, goal: str, children: Mapping[str, set[str]]) -> bool:
    seen, queue = {start}, [start]
    while queue:
        uid = queue.pop()
        if uid == goal:
            return True
        fresh = children.get(uid, set()) - seen
        seen |= fresh
        queue += fresh
    return False
