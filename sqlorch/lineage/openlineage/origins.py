"""Where columns come from, seen from stored tables alone: ephemeral models are looked through.

How two steps make one is the rule of OpenLineage's Spark integration ("Column-Level Lineage", 2026-08): one
indirect step makes the way indirect; of direct steps the one that does most names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlorch.lineage.columns.values import EdgeKind, Label, Source

if TYPE_CHECKING:
    from sqlorch.lineage.columns import ColumnLineage, ModelColumns, OutputColumn
    from sqlorch.lineage.openlineage.datasets import Identity

_INDIRECT = {
    EdgeKind.FILTER: "FILTER",
    EdgeKind.JOIN: "JOIN",
    EdgeKind.GROUP: "GROUP_BY",
    EdgeKind.HAVING: "FILTER",
    EdgeKind.WINDOW: "WINDOW",
    EdgeKind.ORDER: "SORT",
    EdgeKind.DISTINCT_ON: "FILTER",
}
_DIRECT = {
    Label.PASS_THROUGH: "IDENTITY",
    Label.RENAME: "IDENTITY",
    Label.TRANSFORM: "TRANSFORMATION",
    Label.AGGREGATE: "AGGREGATION",
}
_STRENGTH = ("", "AGGREGATION", "TRANSFORMATION", "IDENTITY")


@dataclass(frozen=True, slots=True, order=True)
class Way:
    """How a column gets from one table to another.

    Attributes:
        type: ``DIRECT`` or ``INDIRECT``.
        subtype: what is done to it; "" when that is not known.
        description: the SQL of the last step, "" when it is passed on.
    """

    type: str
    subtype: str
    description: str = ""

    def after(self, first: Way) -> Way:
        """The way that goes ``first`` and then this one."""
        description = self.description or first.description
        indirect = next((way for way in (self, first) if way.type == "INDIRECT"), None)
        if indirect is not None:
            return Way("INDIRECT", indirect.subtype, description)
        subtype = min(self.subtype, first.subtype, key=_STRENGTH.index)
        return Way("DIRECT", subtype, description)


Origin = tuple["Identity", str, Way]


@dataclass(slots=True, kw_only=True)
class Origins:
    """Looks up origins.

    Attributes:
        lineage: which column is made from which.
        identities: the dataset of each node that has one, by unique id; files too.
    """

    lineage: ColumnLineage
    identities: Mapping[str, Identity]
    _known: dict[Source, frozenset[Origin]] = field(default_factory=dict)

    def fields(self, model: ModelColumns) -> dict[str, Any]:
        """``fields`` of the facet: each column with the fields of other datasets it depends on alone."""
        single: dict[str, list[Origin]] = {}
        for edge in model.indirect:
            if edge.column is not None:
                single.setdefault(edge.column, []).extend(self._ways(edge.source, _indirect(edge.kind)))
        return {
            column.name: {
                "inputFields": _input_fields([*self._made_of(column), *single.get(column.name, ())])
            }
            for column in model.columns
        }

    def dataset(self, model: ModelColumns) -> list[Any]:
        """``dataset`` of the facet: what decides about the rows."""
        whole = (edge for edge in model.indirect if edge.column is None)
        ways = [way for edge in whole for way in self._ways(edge.source, _indirect(edge.kind))]
        return _input_fields([*ways, *self._rows_above(model)])

    def _made_of(self, column: OutputColumn) -> Iterator[Origin]:
        step = Way("DIRECT", _DIRECT.get(column.label, ""), column.expression)
        for source in column.sources:
            yield from self._ways(source, step)

    def _ways(self, source: Source, step: Way) -> Iterator[Origin]:
        for identity, name, first in self._origins(Source(source.node, source.column)):
            yield identity, name, step.after(first)

    def _origins(self, source: Source) -> frozenset[Origin]:
        """A column of a stored table is its own origin; one of an ephemeral model has others."""
        identity = self.identities.get(source.node)
        if identity is not None:
            return frozenset({(identity, source.column, Way("DIRECT", "IDENTITY"))})
        if source not in self._known:
            self._known[source] = frozenset(self._through(source))
        return self._known[source]

    def _through(self, source: Source) -> Iterator[Origin]:
        model = self.lineage.models.get(source.node)
        for column in model.columns if model is not None else ():
            if column.name == source.column:
                yield from self._made_of(column)
        for edge in model.indirect if model is not None else ():
            if edge.column == source.column:
                yield from self._ways(edge.source, _indirect(edge.kind))

    def _rows_above(self, model: ModelColumns) -> Iterator[Origin]:
        """What decides about the rows of the ephemeral models that a model reads."""
        named = {source.node for column in model.columns for source in column.sources}
        named |= {edge.source.node for edge in model.indirect}
        for node in sorted(named - self.identities.keys()):
            above = self.lineage.models.get(node)
            if above is None:
                continue
            for edge in above.indirect:
                if edge.column is None:
                    yield from self._ways(edge.source, _indirect(edge.kind))
            yield from self._rows_above(above)


def _indirect(kind: EdgeKind) -> Way:
    return Way("INDIRECT", _INDIRECT[kind])


def _input_fields(origins: Iterable[Origin]) -> list[Any]:
    """Each field of another dataset once, with every way it takes."""
    ways: dict[tuple[Identity, str], set[Way]] = {}
    for identity, name, way in origins:
        ways.setdefault((identity, name), set()).add(way)
    return [
        {
            "namespace": identity.namespace,
            "name": identity.name,
            "field": name,
            "transformations": [_transformation(way) for way in sorted(found)],
        }
        for (identity, name), found in sorted(ways.items())
    ]


def _transformation(way: Way) -> dict[str, str]:
    said = {"type": way.type, "subtype": way.subtype, "description": way.description}
    return {key: value for key, value in said.items() if value}
