"""dbt's manifest as a :class:`sqlorch.domain.dag.Dag`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dbt.contracts.graph.manifest import Manifest

from sqlorch.domain.dag import Dag, Node


def dag_from_manifest(manifest: Manifest) -> Dag:
    """Nodes (operations excepted), sources, exposures and unit tests with the edges dbt found."""
    members = dict(_members(manifest))
    nodes = [_node(member) for member in members.values()]
    edges = [
        (parent, uid)
        for uid, member in members.items()
        for parent in _parents(member)
        if parent in members and parent != uid
    ]
    return Dag(nodes, edges)


def _members(manifest: Manifest) -> Iterator[tuple[str, Any]]:
    for uid, node in manifest.nodes.items():
        if node.resource_type.value not in {"operation", "sql_operation", "rpc"}:
            yield uid, node
    yield from manifest.sources.items()
    yield from manifest.exposures.items()
    yield from manifest.unit_tests.items()


def _parents(member: Any) -> list[str]:
    depends_on = getattr(member, "depends_on", None)
    return list(depends_on.nodes) if depends_on is not None and hasattr(depends_on, "nodes") else []


def _node(member: Any) -> Node:
    return Node(
        unique_id=member.unique_id,
        kind=str(member.resource_type.value),
        name=member.name,
        fqn=tuple(member.fqn),
        package=member.package_name,
        path=str(member.original_file_path).replace("\\", "/"),
        tags=frozenset(getattr(member, "tags", None) or ()),
        config=_config(member),
        description=getattr(member, "description", "") or "",
        dbt_group=getattr(member, "group", None),
        source_name=getattr(member, "source_name", None),
        relation=getattr(member, "relation_name", None),
        attached_to=getattr(member, "attached_node", None),
    )


def _config(member: Any) -> Mapping[str, Any]:
    config = getattr(member, "config", None)
    values: dict[str, Any] = config.to_dict(omit_none=True) if config is not None else {}
    meta = getattr(member, "meta", None)
    if meta and not values.get("meta"):
        values["meta"] = meta
    return values
