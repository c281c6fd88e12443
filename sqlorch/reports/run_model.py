"""What the report on one run shows.

Plain values; where they come from is not this room's business. None means "not known". States are those of
:class:`sqlorch.reports.model.NodeRuns`, with ``waiting`` and ``queued`` for what has not begun.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One attempt; ``start`` and ``end`` are seconds from the start of the chart, ``end`` None under way."""

    number: int
    state: str
    start: float
    end: float
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found of one expectation.

    Attributes:
        expectation, column: its name, and the column it is about, ``""`` for several or the whole table.
        arguments: what else it was told, as a person reads it.
        severity: ``error`` or ``warn``.
        origin: ``file:line``.
        ok: whether it holds.
        observed: the value measured, as text.
        checked, unexpected: rows.
        samples: some of the unexpected values, as text; empty when masked.
        error: why it could not be checked.
    """

    expectation: str
    column: str = ""
    arguments: str = ""
    severity: str = "error"
    origin: str = ""
    ok: bool = False
    observed: str | None = None
    checked: int | None = None
    unexpected: int | None = None
    samples: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The SQL of an attempt.

    Attributes:
        text: it.
        compiled: whether it is what the warehouse was asked, not what the author wrote.
        mark: the line at fault, counted from 1, where it is known.
        language: ``sql`` or ``python``.
    """

    text: str
    compiled: bool
    mark: int | None = None
    language: str = "sql"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNode:
    """A node of the run.

    Attributes:
        unique_id, name, kind, path, materialized: as in :class:`sqlorch.domain.history.NodeRecord`.
        state: how it ended.
        reason: why it was not tried, or was given up.
        message: what the last attempt said.
        where: ``file:line`` of a failure.
        on: the node a test looks at, where that is one of the run.
        severity: of a test.
        seconds: of its last attempt.
        waited: seconds between the end of all it needs and its first start.
        rows, failures: of the last attempt; failing rows of a test.
        tries: its attempts, oldest first.
        usual: seconds of its successes before, oldest first.
        hints: what was unusual, a phrase each.
        findings: of expectations.
        source: its SQL.
        log: the command that prints its log.
        held: how many nodes were not run because of it.
    """

    unique_id: str
    name: str
    kind: str
    state: str
    path: str = ""
    materialized: str = ""
    reason: str = ""
    message: str = ""
    where: str = ""
    on: str | None = None
    severity: str = ""
    seconds: float | None = None
    waited: float | None = None
    rows: int | None = None
    failures: int | None = None
    tries: tuple[Try, ...] = ()
    usual: tuple[float, ...] = ()
    hints: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    source: Source | None = None
    log: str = ""
    held: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRead:
    """A source that the run reads and that says how fresh it must be.

    Attributes:
        name: ``raw.orders``.
        state: ``success``, ``warn`` or ``failed``.
        text: how fresh it was, ``""`` when it was fresh.
    """

    name: str
    state: str = "success"
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStep:
    """A step of the slowest path: a node, what it waited and took, in seconds."""

    unique_id: str
    waited: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """Everything on the page.

    Attributes:
        run_id, group, kind, state, reason: of the run.
        interval: in few words; ``interval_full`` in local time and UTC.
        timezone: of the group.
        generation: 1, and one more for each retry.
        seconds: of its newest generation, None while it is under way.
        queued: seconds from its making to its first start.
        created_at, started_at, finished_at: instants.
        variables: of the interval.
        settings: how dbt was opened, as a person reads it.
        retry: the command that resumes it, ``""`` where there is nothing to resume.
        nodes: in an order they could run in.
        edges: ``(parent, child)`` by unique id, between nodes that are not tests.
        path: the slowest path, first step first.
        sources: those that say how fresh they must be.
        chart_seconds: length of the chart.
        chart_start: when the chart begins.
        made_at: when the report was made, in which a run under way has not ended.
    """

    run_id: str
    group: str
    state: str
    interval: str
    interval_full: str
    made_at: datetime
    kind: str = "manual"
    reason: str = ""
    timezone: str = "UTC"
    generation: int = 1
    seconds: float | None = None
    queued: float | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    retry: str = ""
    nodes: tuple[RunNode, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()
    path: tuple[PathStep, ...] = ()
    sources: tuple[SourceRead, ...] = ()
    chart_seconds: float = 0.0
    chart_start: datetime | None = None
