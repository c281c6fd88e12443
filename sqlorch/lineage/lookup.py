"""Which node or column a person means: ``orders``, ``raw.orders``, ``orders.total``, a unique id."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING

from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.errors import ProjectError

if TYPE_CHECKING:
    from sqlorch.lineage.columns import ColumnLineage, ColumnRef

_BUILT = frozenset({"model", "seed", "snapshot"})


def find_node(dag: Dag, text: str) -> Node:
    """The node of that name.

    A name means the root project's model, seed or snapshot before anything else; a source table is written
    ``source.table``, a node of a package ``package.name``, a version ``name.v2``. A unique id is exact.

    Raises:
        ProjectError: there is none, or several are equally meant; the message names them or the nearest.
    """
    found = _best(dag, text)
    if len(found) == 1:
        return found[0]
    if found:
        raise ProjectError(
            f"{text} is {' and '.join(node.unique_id for node in found)}; name one of them in full"
        )
    names = {name for node in dag.nodes.values() for name in _names(node)}
    raise ProjectError(f"the project has no node {text}{_nearest(text, names)}")


def find_target(dag: Dag, text: str) -> tuple[Node, str]:
    """A node, and the column after its name, ``""`` when none is named.

    Raises:
        ProjectError: as for :func:`find_node`.
    """
    if not _best(dag, text):
        for place in reversed([index for index, letter in enumerate(text) if letter == "."]):
            if _best(dag, text[:place]) and text[place + 1 :]:
                return find_node(dag, text[:place]), text[place + 1 :]
    return find_node(dag, text), ""


def find_column(lineage: ColumnLineage, node: Node, column: str) -> ColumnRef:
    """The column of a node, in any case.

    Raises:
        ProjectError: the node has no such column, as far as it is known.
    """
    found = lineage.find(node.unique_id, column)
    if found is not None:
        return found
    model = lineage.models.get(node.unique_id)
    names = {c.name for c in model.columns} if model else set()
    why = f" ({model.reasons[0]})" if model and model.reasons else ""
    raise ProjectError(f"{node.name} has no column {column} that is known{why}{_nearest(column, names)}")


def _best(dag: Dag, text: str) -> list[Node]:
    if text in dag:
        return [dag[text]]
    found = [node for node in dag.nodes.values() if text in _names(node)]
    own = [node for node in found if node.kind in _BUILT and node.package == dag.project]
    built = [node for node in found if node.kind in _BUILT]
    chosen = own or built or found
    latest = [node for node in chosen if node.version is not None and node.version == node.latest_version]
    return latest if len(chosen) > 1 and len(latest) == 1 else chosen


def _names(node: Node) -> Iterator[str]:
    if node.kind == "source":
        yield f"{node.source_name}.{node.name}"
        return
    yield node.name
    yield f"{node.package}.{node.name}"
    if node.version is not None:
        yield f"{node.name}.v{node.version}"


def _nearest(text: str, names: set[str]) -> str:
    near = get_close_matches(text, sorted(names), n=3)
    return f"; did you mean {' or '.join(near)}?" if near else ""
