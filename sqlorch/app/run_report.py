"""The report on one run, composed of what is remembered of it; the project is not opened for it."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlorch.app.report_runs import STATES
from sqlorch.app.run_hints import Hints, run_hints
from sqlorch.app.run_source import source_of
from sqlorch.domain.dag import TEST_KINDS
from sqlorch.domain.describe import compact, describe
from sqlorch.domain.errors import StateError
from sqlorch.domain.freshness import FreshnessStatus
from sqlorch.domain.masking import Masker, secrets_of
from sqlorch.domain.run import NodeState, Outcome, RunState
from sqlorch.domain.run_path import Times, slowest_path, waits
from sqlorch.reports.run_model import Finding, PathStep, RunNode, RunReport, SourceRead, Try

if TYPE_CHECKING:
    from sqlorch.app.workspace import Workspace
    from sqlorch.domain.expectations import ExpectationResult
    from sqlorch.domain.freshness import SourceFreshness
    from sqlorch.domain.history import AttemptRecord, NodeRecord, RunRecord
    from sqlorch.state.store import SqlStore

_MOST_USUAL = 20
_MOST_TEXT = 300  # letters of one value
_UNTRIED = frozenset({NodeState.UPSTREAM_FAILED, NodeState.SKIPPED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is remembered of a run.

    Attributes:
        run: it.
        nodes: its nodes.
        attempts: those of its newest generation, oldest first.
        findings: what expectations found, by the id of the attempt.
        hints: what was unusual.
        sources: how fresh they were.
    """

    run: RunRecord
    nodes: Sequence[NodeRecord]
    attempts: Sequence[AttemptRecord]
    findings: Mapping[int, Sequence[ExpectationResult]] = field(default_factory=dict)
    hints: Hints = field(default_factory=Hints)
    sources: Sequence[SourceFreshness] = ()


def run_report(workspace: Workspace, run_id: str | None, *, now: datetime) -> RunReport:
    """Everything the page shows.

    Args:
        workspace: the project.
        run_id: the run; the newest when None.
        now: the current instant.

    Raises:
        StateError: there is no such run, or none at all.
    """
    with workspace.store() as store:
        kept = remembered(store, store.run(run_id) if run_id is not None else _newest(store))
    return compose(kept, project_dir=workspace.location.project_dir, now=now)


def remembered(store: SqlStore, run: RunRecord) -> Kept:
    """What is remembered of a run."""
    nodes = store.nodes(run.run_id)
    return Kept(
        run=run,
        nodes=nodes,
        attempts=[attempt for attempt in store.attempts(run.run_id) if attempt.gen == run.gen],
        findings=store.expectations(run.run_id),
        hints=run_hints(store, run, nodes),
        sources=store.freshness.of_run(run.run_id),
    )


def compose(kept: Kept, *, project_dir: Path, now: datetime) -> RunReport:
    """The report, made of what was read.

    Args:
        kept: what is remembered.
        project_dir: where the files of the nodes are, should their compiled SQL be gone.
        now: when attempts end that are under way.
    """
    return _Composer(kept, project_dir, now).report()


def _newest(store: SqlStore) -> RunRecord:
    found = store.runs(limit=1)
    if not found:
        raise StateError("no runs yet: sqlorch run --interval 2013-01-01")
    return found[0]


class _Composer:
    def __init__(self, kept: Kept, project_dir: Path, now: datetime) -> None:
        self._project_dir = project_dir
        self._run = run = kept.run
        self._records = {node.unique_id: node for node in kept.nodes}
        self._findings = kept.findings
        self._hints = kept.hints
        self._sources = kept.sources
        self._now = now
        self._mask = Masker(secrets_of(os.environ))
        self._tries: dict[str, list[AttemptRecord]] = defaultdict(list)
        for attempt in kept.attempts:
            self._tries[attempt.unique_id].append(attempt)
        begun = [tries[0].started_at for tries in self._tries.values()]
        self._start = min([*begun, *([run.started_at] if run.started_at else [])], default=now)

    def report(self) -> RunReport:
        run = self._run
        return RunReport(
            run_id=run.run_id,
            group=run.group,
            kind=run.kind,
            state=str(run.state),
            reason=self._mask(run.reason),
            interval=compact(run.interval, run.timezone),
            interval_full=describe(run.interval, run.timezone),
            timezone=run.timezone,
            generation=run.gen,
            seconds=run.seconds,
            queued=_queued(run),
            created_at=run.created_at,
            started_at=run.started_at,
            finished_at=run.finished_at,
            made_at=self._now,
            variables={name: self._mask(value) for name, value in run.variables.items()},
            settings=_settings(run.invocation),
            retry=f"sqlorch retry {run.run_id}" if self._resumable() else "",
            nodes=tuple(map(self._node, self._records.values())),
            edges=self._edges,
            path=self._path(),
            sources=tuple(map(_source, self._sources)),
            chart_seconds=self._since(max((t.end for t in self._times.values()), default=self._start)),
            chart_start=self._start,
        )

    def _node(self, node: NodeRecord) -> RunNode:
        uid, tries = node.unique_id, self._tries.get(node.unique_id, [])
        last = tries[-1] if tries else None
        before = list(self._hints.before.get(uid, ()))[:_MOST_USUAL]
        failed = node.state is NodeState.FAILED
        findings = tuple(map(self._finding, self._findings.get(last.attempt_id, ()))) if last else ()
        return RunNode(
            unique_id=uid,
            name=node.name,
            kind=node.kind,
            state=_state(node),
            path=node.path,
            materialized=node.materialized,
            reason=node.reason,
            message=node.message.partition("; ")[0] if findings else node.message,  # they say the rest below
            where=_where(node, last) if failed else "",
            on=self._on(node),
            severity=node.severity if node.kind in TEST_KINDS else "",
            seconds=node.seconds,
            waited=self._waited.get(uid),
            rows=node.rows,
            failures=node.failures,
            tries=tuple(self._try(attempt) for attempt in tries),
            usual=tuple(sample.seconds for sample in reversed(before)),
            hints=tuple(map(str, self._hints.found.get(uid, ()))),
            findings=findings,
            source=source_of(node, last, self._project_dir, self._mask),
            log=f"sqlorch runs logs {self._run.run_id} {uid}" if last and last.log_path else "",
            held=self._held.get(uid, 0),
        )

    def _on(self, node: NodeRecord) -> str | None:
        return node.attached_to if node.kind in TEST_KINDS and node.attached_to in self._records else None

    def _finding(self, result: ExpectationResult) -> Finding:
        one = result.expectation
        told = {name: value for name, value in one.arguments.items() if name != "column"}
        return Finding(
            expectation=one.type,
            column=one.column,
            arguments=", ".join(f"{name}: {_text(value)}" for name, value in told.items()),
            severity=one.severity,
            origin=one.origin.removeprefix(f"{self._project_dir}{os.sep}"),
            ok=result.ok,
            observed=None if result.observed is None else _text(result.observed),
            checked=result.checked,
            unexpected=result.unexpected,
            samples=tuple(map(_text, result.samples)),
            error=result.error,
        )

    def _try(self, attempt: AttemptRecord) -> Try:
        return Try(
            number=attempt.n,
            state="running" if attempt.outcome is None else STATES[attempt.outcome],
            start=self._since(attempt.started_at),
            end=self._since(attempt.finished_at or self._now),
            message=attempt.message,
        )

    def _since(self, instant: datetime) -> float:
        return (instant - self._start).total_seconds()

    @cached_property
    def _times(self) -> Mapping[str, Times]:
        return {
            uid: Times(start=tries[0].started_at, end=tries[-1].finished_at or self._now)
            for uid, tries in self._tries.items()
        }

    @cached_property
    def _after(self) -> Mapping[str, frozenset[str]]:
        return {uid: node.after for uid, node in self._records.items()}

    @cached_property
    def _waited(self) -> Mapping[str, float]:
        return waits(self._times, self._after, self._start)

    def _path(self) -> tuple[PathStep, ...]:
        return tuple(
            PathStep(unique_id=step.unique_id, waited=step.waited, seconds=step.seconds)
            for step in slowest_path(self._times, self._after, self._start)
        )

    @cached_property
    def _edges(self) -> tuple[tuple[str, str], ...]:
        """Between what is built: where one waits for a test, from what the test waits for."""
        built: dict[str, frozenset[str]] = {}
        for uid in self._order:
            passed = (
                built[above] if self._is_test(above) else frozenset({above}) for above in self._above(uid)
            )
            built[uid] = frozenset[str]().union(*passed)
        return tuple(
            (parent, child)
            for child in self._records
            if not self._is_test(child)
            for parent in sorted(built[child])
        )

    @cached_property
    def _order(self) -> tuple[str, ...]:
        """What waits after what it waits for; the stored positions follow lineage alone, not tests."""
        return tuple(TopologicalSorter({uid: self._above(uid) for uid in self._records}).static_order())

    def _above(self, uid: str) -> list[str]:
        return sorted(self._records.keys() & self._records[uid].after)

    def _is_test(self, uid: str) -> bool:
        return self._records[uid].kind in TEST_KINDS

    @cached_property
    def _held(self) -> Mapping[str, int]:
        """How many nodes below each failed one were not run."""
        blamed: dict[str, set[str]] = defaultdict(set)
        failed: dict[str, frozenset[str]] = {}
        for uid in self._order:
            node = self._records[uid]
            above = frozenset[str]().union(*(failed[other] for other in self._above(uid)))
            failed[uid] = frozenset({uid}) if node.state is NodeState.FAILED else above
            if node.state in _UNTRIED:
                for culprit in above:
                    blamed[culprit].add(uid)
        return {uid: len(nodes) for uid, nodes in blamed.items()}

    def _resumable(self) -> bool:
        return self._run.state in {RunState.FAILED, RunState.CANCELLED}


def _source(found: SourceFreshness) -> SourceRead:
    if found.status is FreshnessStatus.PASS:
        return SourceRead(name=found.source)
    state = "failed" if found.status is FreshnessStatus.ERROR else "warn"
    return SourceRead(name=found.source, state=state, text=str(found))


def _state(node: NodeRecord) -> str:
    return "warn" if node.outcome is Outcome.WARN else str(node.state)


def _where(node: NodeRecord, attempt: AttemptRecord | None) -> str:
    file = (attempt.file if attempt else None) or node.path
    return f"{file}:{attempt.line}" if attempt and attempt.line and file else file


def _queued(run: RunRecord) -> float | None:
    if run.started_at is None or run.gen > 1:
        return None
    return (run.started_at - run.created_at).total_seconds()


def _settings(invocation: Mapping[str, Any]) -> dict[str, str]:
    """How dbt was opened. The user's own variables are named without their values, which may be secret."""
    found = {"target": str(invocation.get("target") or "default")}
    if invocation.get("full_refresh"):
        found["full refresh"] = "yes"
    if names := sorted(map(str, invocation.get("vars") or ())):
        found["--vars"] = ", ".join(names)
    return found


def _text(value: object) -> str:
    shown = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return shown if len(shown) <= _MOST_TEXT else f"{shown[:_MOST_TEXT]}…"
