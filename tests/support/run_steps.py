"""A run of three nodes, and short ways to take it from step to step in a store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from sqlorch.domain.history import AttemptRecord, NodeMove, Owner
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import ErrorClass, NodeResult, NodeSpec, NodeState, Outcome, RunSpec, RunState
from sqlorch.engine.ports import RunStore

T0 = datetime(2026, 3, 8, 6, 59, 59, 123457, tzinfo=UTC)
ME = Owner(host="here", boot_id="boot-1", pid=4711, started=99)
OTHER = Owner(host="here", boot_id="boot-1", pid=4712, started=100)
A, B, C = "model.shop.a", "model.shop.b", "test.shop.c"
_S = NodeState


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def make_spec(run_id: str = "manual-1", group: str = "daily") -> RunSpec:
    return RunSpec(
        run_id=run_id,
        group=group,
        interval=Interval(T0 - timedelta(days=1), T0),
        timezone="America/New_York",
        variables={"ds": "2026-03-07", "naïve": "☃ '\"%s"},
        invocation={"target": "dev", "vars": {"n": 1, "deep": [None, True, 1.5]}},
        nodes=[
            NodeSpec(unique_id=B, name="b", kind="model", path="models/b.sql", materialized="table"),
            NodeSpec(unique_id=A, name="a", kind="model", after=frozenset({B})),
            NodeSpec(
                unique_id=C,
                name="c",
                kind="test",
                after=frozenset({A, B}),
                attached_to=A,
                severity="warn",
            ),
        ],
    )


def make_result(unique_id: str, outcome: Outcome = Outcome.SUCCESS, *, seconds: float = 1.5) -> NodeResult:
    return NodeResult(
        unique_id=unique_id,
        outcome=outcome,
        started_at=at(10),
        finished_at=at(10 + seconds),
        rows=7,
        failures=3,
        message="said so\nand \0 more \ud800",
        error_class=None if outcome.ok else ErrorClass.PERMANENT,
        file="models/b.sql",
        line=12,
        compiled_path="target/b.sql",
        log_path="logs/b.log",
        adapter_response={"rows_affected": 7, "when": T0},
        timing={"compile": 0.25, "execute": 1.25},
    )


def move(unique_id: str, *path: NodeState, reason: str = "") -> list[NodeMove]:
    return [
        NodeMove(unique_id=unique_id, before=before, after=after, reason=reason)
        for before, after in pairwise(path)
    ]


def start(store: RunStore, *ready: str, run_id: str = "manual-1") -> None:
    store.create_run(make_spec(run_id), now=T0)
    assert store.move_run(run_id, RunState.QUEUED, RunState.RUNNING, now=at(1), owner=ME)
    store.step(run_id, now=at(1), moves=[m for uid in ready for m in move(uid, _S.WAITING, _S.READY)])


def state_of(store: RunStore, unique_id: str, run_id: str = "manual-1") -> NodeState:
    return next(node.state for node in store.nodes(run_id) if node.unique_id == unique_id)


def finish(store: RunStore, attempt: AttemptRecord, outcome: Outcome, after: NodeState) -> None:
    store.step(
        attempt.run_id,
        now=at(20),
        results=[(attempt, make_result(attempt.unique_id, outcome))],
        moves=move(attempt.unique_id, _S.RUNNING, after),
    )
