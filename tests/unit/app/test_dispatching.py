from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from support.fake_worker import HandClock, Nursery

from sqlorch.app import dispatching
from sqlorch.app.dispatching import Dispatcher
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import RunState
from sqlorch.domain.scheduling import OpenRun, RunKind
from sqlorch.engine.queue_view import Candidate
from sqlorch.executors.messages import Declined, Drive, Rested, RunEnded
from sqlorch.executors.workers import Workers

DAY = Interval(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


@dataclass
class FakeTurn:
    """The run lock, held by ``holder`` or free."""

    holder: str = ""
    waiter: bool = False
    held: bool = False
    said: list[str] = field(default_factory=list)

    def keep(self) -> None:
        pass

    def take(self) -> str:
        self.held = not self.holder
        return self.holder

    def release(self) -> None:
        self.held = False
        self.said.append("released")

    def wanted(self) -> bool:
        return self.waiter


def candidate(run_id: str, *, cancel: str = "", group: str = "g") -> Candidate:
    run = OpenRun(
        run_id=run_id, group=group, kind=RunKind.SCHEDULED, interval=DAY, timezone="UTC", gen=1,
        state=RunState.QUEUED, reason="", created_at=DAY.end, started_at=None, due_at=DAY.end,
        owner=None, backfill=None, cancel_requested=cancel,
    )  # fmt: skip
    return Candidate(run=run, max_active=1)


class Scene:
    def __init__(self, runs: int = 1) -> None:
        self.nursery, self.turn = Nursery(), FakeTurn()
        self.workers = Workers(spawn=self.nursery, clock=HandClock(), runs=runs)
        self.dispatcher = Dispatcher(self.workers, self.turn)  # type: ignore[arg-type]

    def dispatch(self, *run_ids: str) -> str:
        """What the first of them waits for, all of one group."""
        return next(iter(self.dispatcher.dispatch([candidate(run_id) for run_id in run_ids]).values()), "")

    def ready(self) -> None:
        self.workers.warm()
        self.nursery.children[-1].ready()
        self.workers.poll()

    def end(self, run_id: str) -> None:
        ended = RunEnded(run_id=run_id, group="g", state="success", reason="", seconds=1.0)
        self.nursery.children[-1].says.append(ended)
        self.workers.poll()


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_worker_is_started_for_the_first_run_and_then_given_it(scene: Scene) -> None:
    assert scene.dispatch("r1") == "the worker is starting"
    scene.ready()
    assert scene.dispatch("r1") == ""
    assert scene.nursery.children[0].heard == [Drive(run_id="r1", max_active=1)]
    assert scene.dispatch("r1") == "", "what was given away is not offered again"
    scene.dispatcher.begun("r1")
    assert "drives another run" in scene.dispatch("r2")
    assert scene.turn.held
    assert scene.nursery.children[0].heard == [Drive(run_id="r1", max_active=1)]


def test_the_turn_is_kept_between_runs_and_let_go_of_when_the_worker_rests(scene: Scene) -> None:
    scene.ready()
    scene.dispatch("r1")
    scene.end("r1")
    assert scene.dispatch() == ""
    assert scene.turn.held  # the warehouse is still open
    scene.nursery.children[-1].says.append(Rested())
    scene.workers.poll()
    scene.dispatch()
    assert not scene.turn.held


def test_whoever_waits_goes_before_the_next_run(scene: Scene) -> None:
    scene.ready()
    scene.dispatch("r1")
    scene.end("r1")
    scene.turn.waiter = True
    assert "another command" in scene.dispatch("r2")
    assert scene.turn.held
    scene.nursery.children[-1].says.append(Rested())
    scene.workers.poll()
    assert "another command" in scene.dispatch("r2")
    assert not scene.turn.held
    scene.turn.waiter, scene.turn.holder = False, "process 7 is driving runs of this project"
    assert scene.dispatch("r2") == scene.turn.holder
    scene.turn.holder = ""
    assert scene.dispatch("r2") == ""


def test_a_warehouse_that_cannot_be_used_is_tried_again_later_and_later(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(dispatching.time, "monotonic", lambda: now[0])
    scene.ready()
    pauses = []
    for _ in range(6):
        reason = "the warehouse is held by process 9"
        scene.dispatcher.declined(Declined(run_id="r1", reason=reason, for_all=True))
        assert scene.dispatch("r2", "r1") == reason
        pauses.append(scene.dispatcher.look_again_at() - now[0])
        now[0] += pauses[-1]
    assert pauses == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    scene.dispatcher.begun("r2")
    assert scene.dispatch("r1") == ""


def test_a_run_that_another_daemon_was_quicker_with_is_no_trouble(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(dispatching.time, "monotonic", lambda: now[0])
    scene.ready()
    scene.dispatcher.declined(Declined(run_id="r1", reason="another process has it", taken=True))
    assert scene.dispatch("r1") == "another process has it"
    now[0] += 0.5
    assert scene.dispatch("r1") == ""


def test_a_run_that_is_declined_again_and_again_holds_no_other_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(dispatching.time, "monotonic", lambda: now[0])
    scene.ready()
    scene.dispatcher.declined(Declined(run_id="r1", reason="it is not this worker's turn"))
    waiting = scene.dispatcher.dispatch([candidate("r1"), candidate("r2", group="h")])
    assert waiting == {"r1": "it is not this worker's turn"}
    assert scene.nursery.children[0].heard == [Drive(run_id="r2", max_active=1)]
    scene.end("r2")
    now[0] += 2.0
    assert scene.dispatch("r1") == ""


def test_runs_of_several_groups_are_driven_side_by_side() -> None:
    scene = Scene(runs=2)
    some = [candidate("a1", group="a"), candidate("a2", group="a"), candidate("b1", group="b"),
            candidate("c1", group="c")]  # fmt: skip
    scene.ready()
    waiting = scene.dispatcher.dispatch(some)
    assert waiting == {
        "a2": "waiting for a1, which begins",
        "b1": "the worker is starting",
        "c1": "the worker is starting",
    }
    scene.nursery.children[1].ready()
    scene.workers.poll()
    assert set(scene.dispatcher.dispatch(some)) == {"a2", "c1"}
    scene.dispatcher.begun("a1")
    scene.dispatcher.begun("b1")
    occupied = "waiting for a worker: 2 drive other runs (daemon.runs)"
    assert scene.dispatcher.dispatch(some) == {"a2": occupied, "c1": occupied}
    assert [child.heard[0] for child in scene.nursery.children] == [
        Drive(run_id="a1", max_active=1),
        Drive(run_id="b1", max_active=1),
    ]


def test_a_worker_that_does_not_cancel_is_killed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(dispatching.time, "monotonic", lambda: now[0])
    scene.ready()
    scene.dispatch("r1")
    asked = [candidate("r1", cancel="too slow").run, candidate("r2", cancel="too").run]
    for seconds in (0.0, 59.0, 1.0):
        now[0] += seconds
        scene.dispatcher.insist(asked)
        assert scene.nursery.children[0].code is None
    now[0] += 1.0
    scene.dispatcher.insist(asked)
    assert scene.nursery.children[0].code == -9
    (lost,) = scene.workers.poll()
    assert getattr(lost, "reason", "") == "it did not cancel r1 within 60 s"
