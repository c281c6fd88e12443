"""Facets of jobs and datasets, each of one version of its schema in the OpenLineage specification."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlorch.domain.dag import Node
    from sqlorch.lineage.fields import Field

_SPEC = "https://openlineage.io/spec"
JOB_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/JobEvent"
_VERSIONS = {
    "ColumnLineageDatasetFacet": "1-2-0",
    "DatasetTypeDatasetFacet": "1-0-1",
    "DocumentationDatasetFacet": "1-1-0",
    "DocumentationJobFacet": "1-1-0",
    "JobTypeJobFacet": "2-0-4",
    "OwnershipDatasetFacet": "1-0-1",
    "OwnershipJobFacet": "1-0-1",
    "SQLJobFacet": "1-1-0",
    "SchemaDatasetFacet": "1-2-0",
    "TagsDatasetFacet": "1-0-0",
    "TagsJobFacet": "1-0-0",
}
_TYPES = {"view": "VIEW", "materialized_view": "VIEW", "ephemeral": "VIEW"}

Facet = dict[str, Any]


class Facets:
    """Makes facets.

    Args:
        producer: URI of what makes them.
    """

    def __init__(self, producer: str) -> None:
        self._producer = producer

    def job(self, node: Node, sql: str, dialect: str) -> dict[str, Facet]:
        """What is known of the job that builds a node."""
        kind = {"processingType": "BATCH", "integration": "SQLORCH", "jobType": node.kind.upper()}
        found = {"jobType": self._make("JobTypeJobFacet", **kind)}
        if sql.strip():
            said = {"query": sql} | ({"dialect": dialect} if dialect else {})
            found["sql"] = self._make("SQLJobFacet", **said)
        return found | self._said(node, "Job")

    def dataset(self, node: Node, fields: Iterable[Field]) -> dict[str, Facet]:
        """What is known of a node's table."""
        described = [_field(field, place) for place, field in enumerate(fields, 1)]
        found = self._said(node, "Dataset")
        if described:
            found["schema"] = self._make("SchemaDatasetFacet", fields=described)
        kind = _TYPES.get(node.materialized, "TABLE")
        found["datasetType"] = self._make("DatasetTypeDatasetFacet", datasetType=kind)
        return found

    def column_lineage(self, fields: Mapping[str, Any], dataset: list[Any]) -> Facet:
        """Which field is made from which, and what decides about rows."""
        whole = {"dataset": dataset} if dataset else {}
        return self._make("ColumnLineageDatasetFacet", fields=dict(fields), **whole)

    def _said(self, node: Node, of: str) -> dict[str, Facet]:
        found: dict[str, Facet] = {}
        if node.description.strip():
            said = {"description": node.description, "contentType": "text/markdown"}
            found["documentation"] = self._make(f"Documentation{of}Facet", **said)
        owners = owners_of(node)
        if owners:
            names = [{"name": name, "type": "OWNER"} for name in owners]
            found["ownership"] = self._make(f"Ownership{of}Facet", owners=names)
        if node.tags:
            tags = [{"key": tag, "value": "true", "source": "DBT"} for tag in sorted(node.tags)]
            found["tags"] = self._make(f"Tags{of}Facet", tags=tags)
        return found

    def _make(self, name: str, **values: Any) -> Facet:
        url = f"{_SPEC}/facets/{_VERSIONS[name]}/{name}.json#/$defs/{name}"
        return {"_producer": self._producer, "_schemaURL": url, **values}


def owners_of(node: Node) -> list[str]:
    """Who answers for a node: ``meta.owner``, an exposure's ``owner``, dbt's group."""
    said = node.meta.get("owner") or node.config.get("owner")
    if isinstance(said, Mapping):
        said = said.get("email") or said.get("name")
    names = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    found = [name.strip() for name in names if isinstance(name, str) and name.strip()]
    return found + ([f"group:{node.dbt_group}"] if node.dbt_group else [])


def _field(field: Field, place: int) -> dict[str, Any]:
    said: dict[str, Any] = {"name": field.name, "ordinal_position": place}
    if field.type:
        said["type"] = field.type
    if field.description:
        said["description"] = field.description
    return said
