"""A run without dbt: a session whose nodes do what the test says, and a listener that remembers."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlorch.domain.dag import Dag
from sqlorch.domain.freshness import SourceReading
from sqlorch.domain.history import Owner, RunRecord
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import ErrorClass, NodeResult, NodeSpec, Outcome, RunSpec
from sqlorch.engine.crew import Crew
from sqlorch.engine.driver import Driver
from sqlorch.engine.pools import Pools
from sqlorch.engine.source_watch import SourceWatch
from sqlorch.engine.stop import Stop
from sqlorch.engine.table_watch import TableWatch
from sqlorch.state.owner import current_owner
from sqlorch.state.store import SqlStore

Verdict = Outcome | ErrorClass | Exception
DAY = Interval(datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 1, 2, tzinfo=UTC))


class Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class Scripted:
    """Session and run in one: nodes end as scripted, ``wait`` hangs until it is cancelled."""

    def __init__(self, script: Mapping[str, Sequence[Verdict | str]], threads: int = 4) -> None:
        self.script = {name: list(verdicts) for name, verdicts in script.items()}
        self.threads = threads
        self.dag = Dag([], [])
        self.order: list[str] = []
        self.cancelled: list[frozenset[str] | None] = []
        self.most_at_once = 0
        self.finished: list[NodeResult] = []
        self.trouble = ""
        self.opening: Exception | None = None
        self.openings: list[Exception] = []  # raised one after the other, before it is opened
        self.running: set[str] = set()
        self.lock = threading.Lock()
        self.released: dict[str, threading.Event] = {}
        self.full_refresh: bool | None = None
        self.hook: Callable[[], None] | None = None
        self.interrupted = threading.Event()
        self.abandoned = False
        self.sources: Sequence[SourceReading] = ()
        self.gone: Collection[str] = ()
        self.last_hook: Callable[[], None] | None = None

    def open_run(self, *, nodes: Sequence[str], full_refresh: bool, **_: Any) -> Scripted:
        if self.hook is not None:
            self.hook()
            if not self.interrupted.wait(30):
                raise AssertionError("nobody interrupted the hook")
        if self.openings:
            raise self.openings.pop(0)
        if self.opening is not None:
            raise self.opening
        self.full_refresh = full_refresh
        self.released = {uid: threading.Event() for uid in nodes}
        return self

    def interrupt(self) -> None:
        self.interrupted.set()

    def close(self) -> None:
        pass

    def dag_for(self, variables: Mapping[str, Any]) -> Dag:
        return self.dag

    def made_anew(self, unique_ids: Sequence[str]) -> Sequence[str]:
        return [uid for uid in unique_ids if uid in self.gone]

    def source_freshness(self) -> Sequence[SourceReading]:
        return self.sources

    def execute(self, unique_id: str, *, log_path: Path) -> NodeResult:
        with self.lock:
            self.order.append(unique_id)
            self.running.add(unique_id)
            self.released[
                unique_id
            ].clear()  # a cancel that came too late for the attempt before is not for this
            self.most_at_once = max(self.most_at_once, len(self.running))
            verdicts = self.script.get(unique_id, [])
            verdict = verdicts.pop(0) if verdicts else Outcome.SUCCESS
        began = datetime.now(UTC)
        try:
            if verdict == "wait":
                assert self.released[unique_id].wait(30)
                verdict = Outcome.CANCELLED
            elif isinstance(verdict, Exception):
                raise verdict
            else:
                time.sleep(0.005)
        finally:
            with self.lock:
                self.running.discard(unique_id)
        error = verdict if isinstance(verdict, ErrorClass) else None
        outcome = Outcome.ERROR if error else verdict
        assert isinstance(outcome, Outcome)
        bad = error or (None if outcome.ok else ErrorClass.PERMANENT)
        return NodeResult(
            unique_id=unique_id,
            outcome=outcome,
            started_at=began,
            finished_at=datetime.now(UTC),
            message=f"{outcome} of {unique_id}",
            error_class=bad,
            log_path=str(log_path),
        )

    def cancel(self, unique_ids: Iterable[str] | None = None) -> None:
        wanted = None if unique_ids is None else frozenset(unique_ids)
        self.cancelled.append(wanted)
        for uid, event in self.released.items():
            if uid in self.running and (wanted is None or uid in wanted):
                event.set()

    def finish(self, results: Sequence[NodeResult]) -> str:
        self.finished = list(results)
        if self.last_hook is not None:
            self.last_hook()
            if not self.interrupted.wait(30):
                raise AssertionError("nobody interrupted the last hook")
            return "on-run-end failed: cancelled"
        return self.trouble

    def abandon(self) -> None:
        self.abandoned = True


class Ear:
    """A listener that counts."""

    def __init__(self) -> None:
        self.heard: Counter[str] = Counter()
        self.skipped: dict[str, str] = {}
        self.warnings: list[tuple[str | None, str]] = []
        self.on_start: Callable[[str], None] = lambda _uid: None

    def run_started(self, spec: RunSpec) -> None:
        self.heard["run_started"] += 1

    def node_started(self, run_id: str, unique_id: str, attempt: int) -> None:
        self.heard["node_started"] += 1
        self.on_start(unique_id)

    def node_finished(
        self, run_id: str, unique_id: str, attempt: int, result: NodeResult, retry_in: float | None
    ) -> None:
        self.heard["retried" if retry_in is not None else "node_finished"] += 1

    def node_skipped(self, run_id: str, unique_id: str, reason: str) -> None:
        self.skipped[unique_id] = reason

    def warned(self, run_id: str, unique_id: str | None, message: str) -> None:
        self.warnings.append((unique_id, message))

    def run_finished(self, record: RunRecord) -> None:
        self.heard["run_finished"] += 1


class Inbasket:
    """What people want of runs, as a queue store answers it."""

    def __init__(self) -> None:
        self.asked = ""
        self.looks = 0

    def cancel_requested(self, run_id: str) -> str:
        self.looks += 1
        return self.asked


class Bell:
    """An alert store that remembers."""

    def __init__(self) -> None:
        self.rung: list[tuple[str, str, Mapping[str, Any]]] = []

    def raise_alert(self, dedupe: str, kind: str, payload: Mapping[str, Any], *, now: datetime) -> bool:
        self.rung.append((dedupe, kind, payload))
        return True


def node(name: str, after: str = "", **more: Any) -> NodeSpec:
    """A model that waits for the nodes named, separated by spaces."""
    kind = more.pop("kind", "model")
    return NodeSpec(unique_id=name, name=name, kind=kind, after=frozenset(after.split()), **more)


def run_of(*nodes: NodeSpec, **more: Any) -> RunSpec:
    """A run of these nodes over a day."""
    return RunSpec(
        run_id="run-1",
        group="g",
        interval=DAY,
        timezone="UTC",
        variables={"ds": "2013-01-01"},
        nodes=nodes,
        **more,
    )


def driver(
    store: SqlStore,
    session: Scripted,
    *,
    ear: Ear | None = None,
    stop: Stop | None = None,
    fail_fast: bool = False,
    pools: Mapping[str, int] | None = None,
    queue: Inbasket | None = None,
    alerts: Bell | None = None,
    sources: SourceWatch | None = None,
    tables: TableWatch | None = None,
    owner: Owner | None = None,
) -> Driver:
    """A driver of runs in ``store`` on ``session``."""
    crew = Crew(
        store=store,
        clock=Clock(),
        listener=ear or Ear(),
        stop=stop or Stop(),
        owner=owner or current_owner(),
        run_dir=lambda run_id: Path("runs") / run_id,
        fail_fast=fail_fast,
        pools=Pools(pools or {}),
        queue=queue,  # type: ignore[arg-type]
        alerts=alerts,  # type: ignore[arg-type]
        sources=sources,
        tables=tables,
    )
    return Driver(crew=crew, session=session)


def states_of(store: SqlStore) -> dict[str, str]:
    """State by node of the run."""
    return {node.unique_id: str(node.state) for node in store.nodes("run-1")}
