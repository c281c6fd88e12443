"""What loading a project yields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlorch.domain.dag import Dag


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredColumn:
    """A column a YAML file or a seed's header speaks of.

    Attributes:
        name: as written.
        data_type: as written, or "".
        description: what its author says of it.
    """

    name: str
    data_type: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnresolvedRef:
    """A reference to something that is not there.

    Attributes:
        unique_id: the node that refers.
        reference: the call as it is understood: ``ref('x')``.
        path: the file, relative to the project's root.
        line: where the name is written in it, or 0 when it is not written out.
        reason: ``unknown`` or ``disabled``.
        nearest: existing names that are close.
    """

    unique_id: str
    reference: str
    path: str
    line: int
    reason: str
    nearest: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        what = "is disabled" if self.reason == "disabled" else "does not exist"
        hint = f"; did you mean {' or '.join(self.nearest)}?" if self.nearest else ""
        return f"{place}: {self.reference} {what}{hint}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadWarning:
    """Something that was not read as written.

    Attributes:
        path: the file, relative to the project's root.
        message: what is wrong and what was done about it.
        unique_id: the node concerned, or "".
        line: where, or 0.
        kind: ``degraded`` (could not be rendered), ``invalid`` (left out), ``duplicate``, ``ignored``,
            ``assumed`` (there is no profile).
    """

    path: str
    message: str
    unique_id: str = ""
    line: int = 0
    kind: str = "degraded"

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadStats:
    """How much work a load was.

    Attributes:
        files: files looked at.
        rendered: templates rendered now.
        cached: templates whose result was remembered.
        snapshot: whether nothing had changed and the whole result was remembered.
    """

    files: int = 0
    rendered: int = 0
    cached: int = 0
    snapshot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A dbt project as read from its files.

    Attributes:
        name: of the root project.
        root: its folder.
        adapter: dbt's adapter type, which also says the SQL dialect.
        target: name of the target it was read for; ``""`` where no profile was found.
        warehouse: where its tables are, as OpenLineage names data sources.
        dag: nodes and edges; inferred edges are in it too.
        inferred: the edges from what builds a relation to the source that reads it, which dbt does not know.
        unresolved: references to what does not exist or is disabled.
        warnings: files that were not read as written.
        sql: rendered SQL by unique id, relations named; for models, snapshots, analyses and singular tests.
        code: digest of a node's text, of the macros it called and of what came out, by unique id.
        columns: declared columns by unique id.
        macros: unique ids of the macros a node's file called, by unique id.
        macro_digests: digest of each macro's text, by unique id.
        made_by: what each executable node is made by, by unique id (:mod:`sqlorch.lineage.code`).
        macro_texts: the text of each macro that ``made_by`` names, by digest.
        seeds: the file of each seed, relative to ``root``.
        stats: how much work it was.
    """

    name: str
    root: Path
    adapter: str
    dag: Dag
    target: str = ""
    warehouse: str = ""
    inferred: frozenset[tuple[str, str]] = frozenset()
    unresolved: tuple[UnresolvedRef, ...] = ()
    warnings: tuple[LoadWarning, ...] = ()
    sql: Mapping[str, str] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, tuple[DeclaredColumn, ...]] = field(default_factory=dict)
    macros: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    macro_digests: Mapping[str, str] = field(default_factory=dict)
    made_by: Mapping[str, str] = field(default_factory=dict)
    macro_texts: Mapping[str, str] = field(default_factory=dict)
    seeds: Mapping[str, str] = field(default_factory=dict)
    stats: LoadStats = field(default_factory=LoadStats)
