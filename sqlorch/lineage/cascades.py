"""Views that go with what they read: PostgreSQL drops a view together with a table that is made anew."""

from __future__ import annotations

from collections.abc import Iterator

from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.grouping import Grouping

_ADAPTERS = frozenset({"postgres", "redshift"})
_MADE_ANEW = frozenset({"table", "view"})  # dbt swaps these and drops the old one with ``cascade``


def short_lived_views(dag: Dag, grouping: Grouping, adapter: str) -> Iterator[tuple[Node, Node]]:
    """Views in another group than what they read, where making that anew drops the view.

    Within one group the view is made again by the same run; in another it is missing until its own group's
    next run.

    Yields:
        The view, and what it reads (through ephemeral models too).
    """
    if adapter not in _ADAPTERS:
        return
    for node in dag.nodes.values():
        if node.kind != "model" or node.materialized != "view" or node.config.get("bind") is False:
            continue
        for parent in _read_by(dag, node):
            if (
                parent.kind == "model"
                and parent.materialized in _MADE_ANEW
                and _apart(grouping, node, parent)
            ):
                yield node, parent


def _read_by(dag: Dag, node: Node) -> Iterator[Node]:
    seen, todo = set(), list(dag.parents(node.unique_id))
    while todo:
        uid = todo.pop(0)
        if uid in seen:
            continue
        seen.add(uid)
        if dag[uid].materialized == "ephemeral":
            todo += dag.parents(uid)
        else:
            yield dag[uid]


def _apart(grouping: Grouping, node: Node, parent: Node) -> bool:
    return grouping.group_of.get(node.unique_id) != grouping.group_of.get(parent.unique_id)
