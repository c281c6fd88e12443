"""dbt's manifest as a :class:`sqlorch.domain.dag.Dag`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dbt.contracts.graph.manifest import Manifest

from sqlorch.domain.dag import Dag, Node


def dag_from_manifest(manifest: Manifest) -> Dag:
    """Everything dbt knows by unique id, operations excepted, with the edges dbt found.

    A test of a node that is disabled is left out: dbt switches it off while it resolves references, and
    passes over it from then on, but keeps it in the manifest. What is never executed (sources, metrics,
    exposures) is there because lineage passes through it.
    """
    members = dict(_members(manifest))
    nodes = [_node(member) for member in members.values()]
    edges = [
        (parent, uid) for uid, member in members.items() for parent in _parents(member) if parent in members
    ]
    return Dag(nodes, edges, project=manifest.metadata.project_name or "")


def _members(manifest: Manifest) -> Iterator[tuple[str, Any]]:
    for uid, node in manifest.nodes.items():
        if node.resource_type.value not in {"operation", "sql_operation", "rpc"} and node.config.enabled:
            yield uid, node
    yield from manifest.sources.items()
    yield from manifest.exposures.items()
    yield from manifest.unit_tests.items()
    yield from manifest.metrics.items()
    yield from manifest.semantic_models.items()
    yield from manifest.saved_queries.items()
    yield from getattr(manifest, "functions", {}).items()  # new in dbt-core 1.11


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
        blank=bool(getattr(member, "empty", False)),
        patch_path=_patch_path(member),
        access=str(member.access) if getattr(member, "access", None) else None,
        version=getattr(member, "version", None),
        latest_version=getattr(member, "latest_version", None),
        test_name=getattr(getattr(member, "test_metadata", None), "name", None),
        test_column=getattr(member, "column_name", None),
    )


def _patch_path(member: Any) -> str:
    """``package://models/schema.yml`` without the package, as ``original_file_path`` is written."""
    _, _, path = str(getattr(member, "patch_path", None) or "").partition("://")
    return path.replace("\\", "/")


def _config(member: Any) -> Mapping[str, Any]:
    config = getattr(member, "config", None)
    values: dict[str, Any] = config.to_dict(omit_none=True) if config is not None else {}
    meta = getattr(member, "meta", None)
    if meta and not values.get("meta"):
        values["meta"] = meta
    return values
