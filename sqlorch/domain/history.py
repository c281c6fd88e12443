"""What is remembered of runs: the records a store answers with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlorch.domain.interval import Interval
from sqlorch.domain.run import ErrorClass, NodeState, Outcome, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The process that drives a run, told apart from a later process with the same pid.

    Attributes:
        host: machine name.
        boot_id: changes with every boot of that machine.
        pid: process id.
        started: start time of the process in clock ticks since boot (0 where the system does not tell).
    """

    host: str
    boot_id: str
    pid: int
    started: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run as stored. ``gen`` counts reruns from 1; counts are of nodes by state in that generation."""

    run_id: str
    group: str
    kind: str
    interval: Interval
    timezone: str
    gen: int
    state: RunState
    reason: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    owner: Owner | None
    variables: Mapping[str, str]
    invocation: Mapping[str, Any]
    node_counts: Mapping[str, int]

    @property
    def seconds(self) -> float | None:
        """Wall time of the latest generation, None before it ended."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRecord:
    """A node of a run as stored, with what its latest attempt said.

    ``position`` is its place in the run's topological order, ``tries`` counts attempts over all generations,
    ``after`` the nodes it waits for within the run. A test has a ``severity``, and is ``attached_to`` the
    node it is declared on, if it is declared on one. ``queued`` are the seconds between the moment in which
    all it needs was done and its first start in this generation, None where that is not known.
    """

    run_id: str
    unique_id: str
    name: str
    kind: str
    path: str
    materialized: str
    position: int
    gen: int
    state: NodeState
    reason: str
    tries: int
    after: frozenset[str]
    outcome: Outcome | None
    rows: int | None
    failures: int | None
    seconds: float | None
    message: str
    attached_to: str | None = None
    severity: str = ""
    queued: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """One attempt at a node.

    ``n`` counts from 1 within (run, node, generation); ``fence`` only ever grows.
    """

    attempt_id: int
    run_id: str
    unique_id: str
    gen: int
    n: int
    fence: int
    state: str
    outcome: Outcome | None
    error_class: ErrorClass | None
    started_at: datetime
    finished_at: datetime | None
    rows: int | None
    failures: int | None
    message: str
    file: str | None
    line: int | None
    compiled_path: str | None
    log_path: str | None
    adapter_response: Mapping[str, Any]
    timing: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeMove:
    """A change of state of one node, with the reason a person reads (``upstream stg_flights failed``)."""

    unique_id: str
    before: NodeState
    after: NodeState
    reason: str = ""
