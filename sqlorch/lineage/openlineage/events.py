"""The events of a project: one for each node that fills a table, and for each exposure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlorch.lineage.fields import fields_of
from sqlorch.lineage.openlineage.datasets import Identity, identify
from sqlorch.lineage.openlineage.facets import JOB_EVENT, Facets
from sqlorch.lineage.openlineage.origins import Origins

if TYPE_CHECKING:
    from sqlorch.domain.dag import Node
    from sqlorch.lineage.columns import ColumnLineage, KnownColumns, ModelColumns
    from sqlorch.lineage.project import Project

_JOBS = frozenset({"model", "seed", "snapshot", "exposure"})

Event = dict[str, Any]


def events(
    project: Project,
    lineage: ColumnLineage,
    known: Mapping[str, KnownColumns],
    *,
    chosen: frozenset[str],
    at: datetime,
    producer: str,
    namespace: str,
    dialect: str = "",
) -> Iterator[Event]:
    """Yield the events in the order of lineage.

    Args:
        project: as loaded.
        lineage: which column is made from which.
        known: columns that no SQL of the project makes.
        chosen: the nodes to tell of.
        at: the instant the events speak of, with an offset.
        producer: URI of this program.
        namespace: of the jobs; datasets have that of the warehouse.
        dialect: what sqlglot calls the SQL; "" when it is not known.
    """
    named = {uid: identify(project, uid) for uid in project.dag.nodes}
    identities = {uid: identity for uid, identity in named.items() if identity is not None}
    for model in lineage.models.values():
        for uid in {s.node for c in model.columns for s in c.sources} | {
            e.source.node for e in model.indirect
        }:
            if uid not in project.dag and (identity := identify(project, uid)) is not None:
                identities[uid] = identity
    teller = _Teller(
        project=project,
        lineage=lineage,
        known=known,
        identities=identities,
        origins=Origins(lineage=lineage, identities=identities),
        facets=Facets(producer),
        head={"eventTime": at.isoformat(), "producer": producer, "schemaURL": JOB_EVENT},
        namespace=namespace,
        dialect=dialect,
    )
    for uid in project.dag.order:
        node = project.dag[uid]
        if uid in chosen and node.kind in _JOBS and (uid in identities or node.kind == "exposure"):
            yield teller.event(node)


def _read(model: ModelColumns) -> set[str]:
    """The nodes and files whose columns a model reads."""
    made_of = {source.node for column in model.columns for source in column.sources}
    return made_of | {edge.source.node for edge in model.indirect}


@dataclass(slots=True, kw_only=True)
class _Teller:
    """Everything an event is made of."""

    project: Project
    lineage: ColumnLineage
    known: Mapping[str, KnownColumns]
    identities: Mapping[str, Identity]
    origins: Origins
    facets: Facets
    head: Mapping[str, str]
    namespace: str
    dialect: str

    def event(self, node: Node) -> Event:
        uid = node.unique_id
        facets = self.facets.job(node, self.project.sql.get(uid, ""), self.dialect)
        return {
            **self.head,
            "job": {"namespace": self.namespace, "name": uid, "facets": facets},
            "inputs": self._inputs(uid),
            "outputs": [self._output(node)] if uid in self.identities else [],
        }

    def _inputs(self, uid: str) -> list[Any]:
        """What it reads: tables, those above ephemeral models too, and files its SQL names."""
        read: dict[Identity, str] = {self.identities[above]: above for above in self._above(uid)}
        model = self.lineage.models.get(uid)
        outside = _read(model) - self.project.dag.nodes.keys() if model is not None else set()
        for other in sorted(outside):
            read.setdefault(self.identities[other], other)
        return [self._input(identity, other) for identity, other in sorted(read.items())]

    def _above(self, uid: str) -> Iterator[str]:
        for parent in sorted(self.project.dag.parents(uid)):
            if parent in self.identities:
                yield parent
            elif self.project.dag[parent].kind == "model":
                yield from self._above(parent)

    def _input(self, identity: Identity, uid: str) -> dict[str, Any]:
        found: dict[str, Any] = {"namespace": identity.namespace, "name": identity.name}
        # What is built here is described by the event of what builds it.
        if uid in self.project.dag and self.project.dag[uid].kind == "source":
            found["facets"] = self.facets.dataset(self.project.dag[uid], self._fields(uid))
        return found

    def _output(self, node: Node) -> dict[str, Any]:
        uid = node.unique_id
        facets = self.facets.dataset(node, self._fields(uid))
        model = self.lineage.models.get(uid)
        if model is not None and model.columns:
            fields, whole = self.origins.fields(model), self.origins.dataset(model)
            facets["columnLineage"] = self.facets.column_lineage(fields, whole)
        identity = self.identities[uid]
        return {"namespace": identity.namespace, "name": identity.name, "facets": facets}

    def _fields(self, uid: str) -> Any:
        return fields_of(self.project, uid, self.lineage, self.known)
