"""The fields of a node: what its SQL or its file has, with what YAML says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlorch.lineage.columns import ColumnLineage, KnownColumns
    from sqlorch.lineage.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A column and what is known of it; "" where nothing is."""

    name: str
    type: str = ""
    description: str = ""


def fields_of(
    project: Project, uid: str, lineage: ColumnLineage | None, known: Mapping[str, KnownColumns]
) -> list[Field]:
    """The columns of a node in their order; those only YAML speaks of come last.

    Args:
        project: as loaded.
        uid: the node.
        lineage: what the SQL returns; None for what YAML says alone.
        known: columns that no SQL of the project makes; not looked at without ``lineage``.
    """
    declared = {c.name.casefold(): c for c in project.columns.get(uid, ())}
    fields: dict[str, Field] = {}
    for name, kind in _found(uid, lineage, known):
        said = declared.get(name.casefold())
        fields[name.casefold()] = Field(
            name=name,
            type=kind or (said.data_type if said else ""),
            description=said.description if said else "",
        )
    for key, said in declared.items():
        fields.setdefault(key, Field(name=said.name, type=said.data_type, description=said.description))
    return list(fields.values())


def _found(
    uid: str, lineage: ColumnLineage | None, known: Mapping[str, KnownColumns]
) -> Iterator[tuple[str, str]]:
    if lineage is None:
        return
    model = lineage.models.get(uid)
    if model is not None:
        yield from ((column.name, column.type) for column in model.columns)
    elif uid in known:
        yield from ((column.name, column.type) for column in known[uid].columns)
