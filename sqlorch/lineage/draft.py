"""A node while it is put together; it becomes a :class:`sqlorch.domain.dag.Node` when everything is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlorch.lineage.jinja.capture import Reference
from sqlorch.lineage.jinja.state import Subject
from sqlorch.lineage.project import DeclaredColumn

REFABLE = frozenset({"model", "seed", "snapshot"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What rendering a text found: a :class:`Capture` that will not change.

    Attributes:
        references: in the order of their marks.
        config: the merged ``config()`` calls.
        sql: the text with marks.
        macros: unique ids of the macros called.
        problem: why it could not be rendered, or "".
    """

    references: tuple[Reference, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    sql: str = ""
    macros: tuple[str, ...] = ()
    problem: str = ""


NOTHING = Finding()


@dataclass(slots=True, kw_only=True)
class Draft:
    """A node in the making.

    Attributes:
        unique_id, kind, name, package, path, fqn: as in the node.
        base: the name of its file, which a versioned model's differs from.
        raw: its text.
        finding: what rendering it found.
        extra: references found elsewhere: hooks, constraints, YAML.
        properties: ``config:`` of its properties.
        config: its final configuration.
        description: unrendered.
        columns: declared columns.
        version, latest: of a versioned model, as text.
        tags: tags that come on top of the configuration's.
        attached_to: for a test, what it is declared on.
        source_name, identifier, schema, database, quoting: of a source table.
        group: dbt's group.
        line: where it is declared in its file, or 0.
        patch_path: the YAML file that describes it.
        configured_by: the package of that file, when it configures: dbt then reads this package's
            dbt_project.yml instead of the node's own.
        version_value, latest_value: the versions as written in YAML, numbers as numbers.
        test_name: for a generic test, the test it applies.
        test_column: for one that is declared on a column, that column.
        on: for a generic test, what it is declared on.
        definition: for a unit test, what is given and expected, as JSON.
    """

    unique_id: str
    kind: str
    name: str
    package: str
    path: str
    fqn: list[str]
    base: str = ""
    raw: str = ""
    finding: Finding = NOTHING
    extra: list[Reference] = field(default_factory=list)
    properties: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    description: str = ""
    columns: tuple[DeclaredColumn, ...] = ()
    version: str | None = None
    latest: str | None = None
    tags: list[str] = field(default_factory=list)
    attached_to: str | None = None
    source_name: str | None = None
    identifier: str | None = None
    schema: str | None = None
    database: str | None = None
    quoting: Mapping[str, Any] = field(default_factory=dict)
    group: str | None = None
    line: int = 0
    patch_path: str = ""
    configured_by: str = ""
    version_value: str | float | None = None
    latest_value: str | float | None = None
    test_name: str | None = None
    test_column: str | None = None
    on: Reference | None = None
    definition: str = ""

    def subject(self) -> Subject:
        """Return who this is to a template."""
        return Subject(
            unique_id=self.unique_id,
            kind=self.kind,
            name=self.name,
            package=self.package,
            path=self.path,
            fqn=tuple(self.fqn),
            raw=self.raw,
        )

    def references(self) -> tuple[Reference, ...]:
        """Return everything it refers to, each once."""
        return tuple(dict.fromkeys((*self.finding.references, *self.extra)))
