"""Tables and files as OpenLineage identifies them: a namespace and a name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlorch.lineage.columns.values import EXTERNAL

if TYPE_CHECKING:
    from sqlorch.domain.dag import Node
    from sqlorch.lineage.project import Project

_PART = re.compile(r'"(?P<double>(?:[^"]|"")*)"|`(?P<back>[^`]*)`|\[(?P<square>[^\]]*)\]|(?P<bare>[^.]+)')
_FILE = re.compile(r"'((?:[^']|'')+)'")
_ADDRESS = re.compile(r"(\w{2,}://[^/]+)/(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """What makes a dataset one and the same in every event that names it."""

    namespace: str
    name: str


def identify(project: Project, uid: str) -> Identity | None:
    """The dataset of a node, or of a file that a query names; None where nothing is stored."""
    if uid.startswith(EXTERNAL):
        return _file(uid.removeprefix(EXTERNAL))
    node = project.dag[uid]
    if not node.relation or node.materialized == "ephemeral":
        return None
    return _relation(project, node, node.relation)


def _relation(project: Project, node: Node, relation: str) -> Identity:
    if node.kind == "source" and (relation.startswith("'") or "(" in relation):
        return _file(relation)
    return Identity(project.warehouse, ".".join(relation_parts(relation)))


def relation_parts(relation: str) -> list[str]:
    """Database, schema and name of a relation as it is written in SQL, without quotes."""
    return [
        next(part for part in match.groups() if part is not None).replace('""', '"')
        for match in _PART.finditer(relation)
    ]


def _file(text: str) -> Identity:
    """A file by its path; a reader of files by the first path in its text."""
    quoted = _FILE.search(text)
    path = quoted[1].replace("''", "'") if quoted else text
    address = _ADDRESS.fullmatch(path)
    return Identity(address[1], address[2]) if address else Identity("file", path)
