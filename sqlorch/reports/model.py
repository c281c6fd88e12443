"""What a lineage report shows: nodes, edges, columns, and what the last runs left behind.

Plain values; where they come from is not this room's business. None means "not known".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportColumn:
    """A column of a node.

    Attributes:
        name: as the SQL or YAML spells it.
        type: in the words of whoever told it, "" when nobody did.
        description: what its author says of it.
        resolved: whether it is known for certain what it is made from.
    """

    name: str
    type: str = ""
    description: str = ""
    resolved: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTest:
    """A test of a node and how it last ended.

    Attributes:
        name: of the test.
        column: the column it is declared on, None when on the whole node.
        severity: ``error`` or ``warn``.
        state: as :attr:`NodeRuns.state`.
        failures: rows that failed.
        message: what the adapter said.
        at: when it ended.
    """

    name: str
    column: str | None = None
    severity: str = "error"
    state: str | None = None
    failures: int | None = None
    message: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRuns:
    """What runs left behind of one node.

    Attributes:
        state: of the newest run it was in: ``success``, ``warn``, ``failed``, ``skipped``,
            ``upstream_failed``, ``cancelled`` or ``running``.
        seconds: median of its last successes.
        last_run: when it last ended.
        rows: that the last success wrote.
        freshness_seconds: age of its last success when the report was made.
        stale: whether it should have been built again since.
        critical: whether it is on the longest path by measured seconds.
        durations: seconds of its last successes, oldest first.
        message: what the last attempt said, when it failed.
    """

    state: str | None = None
    seconds: float | None = None
    last_run: datetime | None = None
    rows: int | None = None
    freshness_seconds: float | None = None
    stale: bool = False
    critical: bool = False
    durations: tuple[float, ...] = ()
    message: str | None = None


_NEVER_RUN = NodeRuns()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportNode:
    """One node of the drawing: anything but a test.

    Attributes:
        unique_id, name, kind, package, materialized, description: as in :class:`sqlorch.domain.dag.Node`;
            a source is named ``source.table``.
        path: its file, relative to the project.
        folder: of that file.
        schema: it is built in, or "".
        group: sqlorch's group, None for what is not executed.
        tags: dbt tags, sorted.
        owner: who answers for it, "" when nobody is named.
        relation: the name of what it builds.
        sql: its text, None when it has none.
        compiled: whether ``sql`` is what the warehouse was asked, not what the author wrote.
        language: ``sql`` or ``python``.
        schedule: when its group runs, None when it has no schedule.
        columns: in order.
        tests: by column and name.
        runs: what its runs left behind.
    """

    unique_id: str
    name: str
    kind: str
    path: str = ""
    folder: str = ""
    schema: str = ""
    group: str | None = None
    package: str = ""
    materialized: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    owner: str = ""
    relation: str = ""
    sql: str | None = None
    compiled: bool = False
    language: str = "sql"
    schedule: str | None = None
    columns: tuple[ReportColumn, ...] = ()
    tests: tuple[ReportTest, ...] = ()
    runs: NodeRuns = _NEVER_RUN


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportColumnEdge:
    """From a column to one that is made from it; ``child_column`` None means all rows of the child.

    ``kind`` is a label or edge kind of :mod:`sqlorch.lineage.columns`.
    """

    parent: str
    parent_column: str
    child: str
    child_column: str | None
    kind: str
    expression: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportGroup:
    """A group of nodes that run together."""

    name: str
    schedule: str | None = None
    timezone: str = "UTC"
    description: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRun:
    """A run, for the header. ``interval`` is text a person reads."""

    run_id: str
    group: str
    interval: str
    state: str
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One attempt in the Gantt chart; ``start`` and ``end`` are seconds from the start of the chart.

    Attributes:
        node: unique id of the node that was executed or tested.
        test: name of the test, None when the node itself was executed.
        attempt: counts from 1.
        run_id: the run.
        start, end: seconds.
        state: as :attr:`NodeRuns.state`.
    """

    node: str
    test: str | None
    attempt: int
    run_id: str
    start: float
    end: float
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gantt:
    """When each attempt of the newest sitting ran. ``skipped_bars`` were left out to keep it bounded."""

    start: datetime
    seconds: float
    bars: tuple[Bar, ...]
    skipped_bars: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageReport:
    """Everything on the page.

    Attributes:
        project, adapter: for the header.
        nodes: in lineage order.
        edges: ``(parent, child)`` by unique id, and whether the edge is inferred, unknown to dbt.
        column_edges: which column is made from which.
        groups: in the order they run.
        runs: of the newest sitting, newest first; empty when nothing ever ran.
        gantt: when their attempts ran.
        generated_at: when the report was made; None when nothing in it depends on that.
    """

    project: str
    adapter: str
    nodes: tuple[ReportNode, ...]
    edges: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    column_edges: tuple[ReportColumnEdge, ...] = ()
    groups: tuple[ReportGroup, ...] = ()
    runs: tuple[ReportRun, ...] = ()
    gantt: Gantt | None = None
    generated_at: datetime | None = None
