"""What a run and its nodes can be, and the values that describe them.

States and their allowed moves are those of the scheduling specification; the moves are in
:mod:`sqlorch.domain.transitions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlorch.domain.expectations import ExpectationResult
from sqlorch.domain.interval import Interval

_EMPTY: Mapping[str, Any] = MappingProxyType({})


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """Whether only an explicit rerun can move it."""
        return self in {RunState.SUCCESS, RunState.FAILED, RunState.SKIPPED, RunState.CANCELLED}


class NodeState(StrEnum):
    """Where one node of one run stands."""

    WAITING = "waiting"
    READY = "ready"
    DISPATCHED = "dispatched"
    RUNNING = "running"
    UP_FOR_RETRY = "up_for_retry"
    UP_FOR_RESCHEDULE = "up_for_reschedule"
    LOST = "lost"
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"
    UPSTREAM_FAILED = "upstream_failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """Whether nothing more happens to it in this generation."""
        return self in _NODE_TERMINAL

    @property
    def live(self) -> bool:
        """Whether an attempt may be holding the warehouse."""
        return self in {NodeState.DISPATCHED, NodeState.RUNNING}


_NODE_TERMINAL = frozenset(
    {NodeState.SUCCESS, NodeState.FAILED, NodeState.SKIPPED, NodeState.UPSTREAM_FAILED, NodeState.CANCELLED}
)


class Outcome(StrEnum):
    """How one attempt at a node ended."""

    SUCCESS = "success"
    WARN = "warn"
    FAIL = "fail"
    ERROR = "error"
    CANCELLED = "cancelled"
    LOST = "lost"

    @property
    def ok(self) -> bool:
        """Whether what is downstream may go on; a warning never blocks."""
        return self in {Outcome.SUCCESS, Outcome.WARN}


class ErrorClass(StrEnum):
    """Why an attempt failed, as far as trying again is concerned."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    INFRA = "infra"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeResult:
    """How one attempt at one node went. A failing model is this value, never an exception.

    Attributes:
        unique_id: the node.
        outcome: how it ended.
        started_at, finished_at: instants in UTC.
        rows: rows written or, for a test, checked rows that failed; None where the adapter does not say.
        message: one line for people: the adapter's answer, or the error.
        error_class: set when the outcome is not ok.
        failures: failing rows of a test, None for other nodes.
        file, line: where the failing SQL is, when known (path as the project has it).
        compiled_path: file that holds the compiled SQL, or None.
        log_path: file that holds this attempt's log, or None.
        adapter_response: what the adapter answered (``rows_affected``, ``bytes_processed`` ...).
        timing: seconds by phase (``compile``, ``execute``).
        checks: what was found of each expectation; empty for other nodes.
    """

    unique_id: str
    outcome: Outcome
    started_at: datetime
    finished_at: datetime
    rows: int | None = None
    message: str = ""
    error_class: ErrorClass | None = None
    failures: int | None = None
    file: str | None = None
    line: int | None = None
    compiled_path: str | None = None
    log_path: str | None = None
    adapter_response: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    timing: Mapping[str, float] = field(default_factory=lambda: _EMPTY)
    checks: Sequence[ExpectationResult] = ()

    @property
    def seconds(self) -> float:
        """Wall time of the attempt."""
        return (self.finished_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how soon a failed node is tried again.

    Attributes:
        retries: further attempts after the first, for transient errors.
        delay: seconds before the first retry; doubled for each one after it.
        max_delay: upper bound of the delay, in seconds.
    """

    retries: int = 0
    delay: float = 5.0
    max_delay: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSpec:
    """What a run needs to know of one node it will execute.

    Attributes:
        unique_id, name, kind, path: as in :class:`sqlorch.domain.dag.Node`.
        materialized: how dbt builds it, ``""`` for tests.
        after: nodes of the same run that must be finished first (lineage and test gating).
        retry: its retry policy.
        timeout: seconds an attempt may take, or None.
        priority: larger first among ready nodes.
        attached_to: for a test, the node it is declared on, if it is declared on one.
        severity: for a test, ``error`` or ``warn`` as configured; ``""`` for other nodes.
        code: fingerprint of the code it is executed with, ``""`` where unknown.
        pool: the named limit it counts against, or None.
        trigger_rule: what its upstreams must have come to (a word of
            :class:`~sqlorch.domain.trigger.TriggerRule`).
        run_if: condition on the interval (:mod:`sqlorch.domain.condition`); ``""`` for always.
        expected_runtime: seconds after which an attempt is worth a warning, or None.
        on_lost: ``retry`` or ``fail`` when the process that executed it died without an answer.
    """

    unique_id: str
    name: str
    kind: str
    path: str = ""
    materialized: str = ""
    after: frozenset[str] = frozenset()
    retry: RetryPolicy = RetryPolicy()
    timeout: float | None = None
    priority: float = 0.0
    attached_to: str | None = None
    severity: str = ""
    code: str = ""
    pool: str | None = None
    trigger_rule: str = "all_success"
    run_if: str = ""
    expected_runtime: float | None = None
    on_lost: str = "retry"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """One run to make: a group's nodes over one interval.

    Attributes:
        run_id: ``manual-20130101T050000Z-7f3a``; letters, digits, ``_`` and ``-``, at most 64.
        group: the group's name.
        interval: the data it covers.
        timezone: IANA name of the group's zone, for display and for ``ds``.
        variables: the interval variables handed to dbt, all strings.
        nodes: in a topological order.
        kind: a word of :class:`~sqlorch.domain.scheduling.RunKind`.
        invocation: what must be the same when it is retried (target, vars, full_refresh ...).
        timeout: seconds the run may take before it is stopped and fails, or None.
    """

    run_id: str
    group: str
    interval: Interval
    timezone: str
    variables: Mapping[str, str]
    nodes: Sequence[NodeSpec]
    kind: str = "manual"
    invocation: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    timeout: float | None = None
