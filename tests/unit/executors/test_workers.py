from __future__ import annotations

from support.fake_worker import FakeChild, HandClock, Nursery

from sqlorch.executors.messages import Beat, Broken, Declined, Drive, Ready, Rested, RunEnded, Suspend
from sqlorch.executors.supervisor import Limits, Lost, Phase
from sqlorch.executors.workers import Reloaded, ReloadFailed, Workers

LIMITS = Limits(nodes=10, memory=1_006, idle=100.0, silence=30.0, leave=5.0, backoff=2.0, longest_backoff=8.0)
ENDED = RunEnded(run_id="r1", group="g", state="success", reason="", seconds=1.0)


class Scene:
    def __init__(self, runs: int = 1) -> None:
        self.clock, self.nursery = HandClock(), Nursery()
        self.workers = Workers(spawn=self.nursery, clock=self.clock, limits=LIMITS, runs=runs)

    @property
    def newest(self) -> FakeChild:
        return self.nursery.children[-1]

    def ready(self) -> FakeChild:
        self.workers.warm()
        self.newest.ready()
        self.workers.poll()
        return self.newest

    def busy(self) -> FakeChild:
        child = self.ready()
        assert self.workers.drive(Drive(run_id="r1"))
        return child

    def later(self, seconds: float) -> list[object]:
        self.clock.seconds += seconds
        return list(self.workers.poll())


def test_a_worker_is_started_once_and_takes_one_run_at_a_time() -> None:
    scene = Scene()
    assert not scene.workers.drive(Drive(run_id="r1"))
    child = scene.busy()
    assert child.heard == [Drive(run_id="r1")]
    assert not scene.workers.drive(Drive(run_id="r2"))
    assert scene.workers.holding
    child.says.append(ENDED)
    assert scene.workers.poll() == [ENDED]
    assert scene.workers.holding  # the warehouse is still open, and the next run may follow at once
    assert scene.workers.drive(Drive(run_id="r2"))
    child.says += [Declined(run_id="r2", reason="taken"), Rested()]
    scene.workers.poll()
    assert not scene.workers.holding
    assert len(scene.nursery.children) == 1


def test_a_silent_worker_is_killed_and_its_run_is_named() -> None:
    scene = Scene()
    child = scene.busy()
    assert scene.later(29.0) == []
    child.says.append(Beat(resident=5, nodes=1))
    assert len(scene.later(1.0)) == 1
    assert scene.workers.wake_at() == scene.clock.seconds + 30.0
    scene.later(31.0)
    (lost,) = scene.workers.poll()
    assert isinstance(lost, Lost)
    assert (lost.run_id, lost.reason) == ("r1", "it gave no sign of life for 30 s")
    assert lost.owner is not None
    assert lost.owner.pid == child.pid
    assert scene.workers.empty
    assert child.code == -9


def test_a_worker_that_dies_is_lost_and_another_starts_at_once() -> None:
    scene = Scene()
    scene.busy().code = -11
    (lost,) = scene.workers.poll()
    assert isinstance(lost, Lost)
    assert (lost.run_id, lost.reason, lost.tail) == ("r1", "it was ended by signal 11", "its last words")
    assert scene.workers.warm()
    assert len(scene.nursery.children) == 2


def test_a_worker_that_talks_nonsense_is_killed() -> None:
    scene = Scene()
    child = scene.busy()
    child.nonsense = True
    (lost,) = scene.workers.poll()
    assert isinstance(lost, Lost)
    assert "not a message" in lost.reason


def test_a_project_that_cannot_be_opened_is_tried_again_later_and_later() -> None:
    scene = Scene()
    pauses = []
    for _ in range(4):
        assert scene.workers.warm()
        scene.newest.hello()
        scene.newest.says.append(Broken(error="models/a.sql:1: broken"))
        scene.newest.code = 2
        assert [type(event) for event in scene.workers.poll()][-1] is Broken
        assert scene.workers.current.trouble == "models/a.sql:1: broken"
        assert not scene.workers.warm()
        pauses.append((scene.workers.current.retry_at or 0) - scene.clock.seconds)
        scene.clock.seconds += pauses[-1]
    assert pauses == [2.0, 4.0, 8.0, 8.0]


def test_an_idle_worker_is_stopped_without_a_word_and_not_before_its_time() -> None:
    scene = Scene()
    child = scene.ready()
    child.says.append(Beat(resident=5, nodes=0))
    for _ in range(9):
        child.says.append(Beat(resident=5, nodes=0))
        scene.later(10.0)
    assert not child.hung_up
    scene.later(10.0)
    assert child.hung_up
    child.code = 0
    assert scene.workers.poll() == []
    assert scene.workers.empty


def test_one_that_does_not_leave_is_killed() -> None:
    scene = Scene()
    child = scene.ready()
    scene.workers.stop()
    scene.later(4.9)
    assert child.code is None
    scene.later(0.2)
    assert child.code == -9


def test_a_suspended_worker_has_its_grace_and_then_some() -> None:
    scene = Scene()
    child = scene.busy()
    scene.workers.suspend(20.0)
    assert child.heard[-1] == Suspend(grace=20.0)
    scene.later(24.0)
    assert child.code is None
    child.says.append(RunEnded(run_id="r1", group="g", state="running", reason="suspended", seconds=9.0))
    scene.workers.poll()
    child.code = 0
    assert scene.workers.poll() == []
    assert scene.workers.empty


def test_a_changed_project_is_taken_over_between_two_runs() -> None:
    scene = Scene()
    old = scene.busy()
    scene.workers.reload()
    new = scene.newest
    assert new is not old
    new.ready()
    assert Reloaded(seconds=1.0) in scene.workers.poll()
    assert scene.workers.current.pid == old.pid  # it finishes what it has begun
    old.says.append(ENDED)
    scene.workers.poll()
    assert not scene.workers.free  # the next run is for the new one, once the old has let go
    old.says.append(Rested())
    scene.workers.poll()
    assert old.hung_up
    assert scene.workers.current.pid == new.pid
    assert scene.workers.drive(Drive(run_id="r2"))
    assert new.heard == [Drive(run_id="r2")]


def test_a_broken_change_leaves_the_worker_that_is_there_for_as_long_as_it_takes() -> None:
    scene = Scene()
    old = scene.ready()
    scene.workers.reload()
    scene.newest.says.append(Broken(error="models/a.sql:1: broken"))
    scene.newest.code = 2
    assert scene.workers.poll() == [ReloadFailed(error="models/a.sql:1: broken")]
    for _ in range(30):
        old.says.append(Beat(resident=5, nodes=0))
        scene.later(10.0)
    assert not old.hung_up
    assert scene.workers.drive(Drive(run_id="r1"))
    old.says += [ENDED, Rested()]
    scene.workers.poll()
    scene.workers.reload()
    scene.newest.ready()
    assert Reloaded(seconds=1.0) in scene.workers.poll()
    assert old.hung_up


def test_a_second_change_replaces_the_successor_of_the_first() -> None:
    scene = Scene()
    scene.ready()
    scene.workers.reload()
    first = scene.newest
    scene.workers.reload()
    assert first.hung_up
    scene.newest.ready()
    assert scene.workers.poll() == [Reloaded(seconds=1.0)]
    first.code = 0
    assert scene.workers.poll() == []


def test_a_worker_that_has_done_or_grown_much_is_replaced_without_a_gap() -> None:
    for beat in (Beat(resident=5, nodes=10), Beat(resident=1_006, nodes=1)):
        scene = Scene()
        old = scene.ready()
        old.says += [Beat(resident=5, nodes=0), beat]
        scene.workers.poll()
        assert len(scene.nursery.children) == 2
        assert scene.workers.drive(Drive(run_id="r1"))  # the old one works until the new one is there
        scene.newest.ready()
        assert not any(isinstance(event, Reloaded) for event in scene.workers.poll())
        old.says += [ENDED, Rested()]
        scene.workers.poll()
        assert old.hung_up
        assert scene.workers.current.pid == scene.newest.pid


def test_a_deaf_worker_gets_no_run() -> None:
    scene = Scene()
    scene.ready().deaf = True
    assert not scene.workers.drive(Drive(run_id="r1"))
    assert scene.workers.current.phase is Phase.IDLE


def test_the_end_of_a_first_worker_while_its_successor_starts_is_told() -> None:
    scene = Scene()
    old = scene.busy()
    scene.workers.reload()
    new = scene.newest
    old.code = 1
    (lost,) = scene.workers.poll()
    assert isinstance(lost, Lost)
    assert lost.run_id == "r1"
    new.ready()
    events = scene.workers.poll()
    assert Reloaded(seconds=1.0) in events
    assert not any(isinstance(event, Ready) for event in events)
    assert scene.workers.current.pid == new.pid


def ended(run_id: str) -> RunEnded:
    return RunEnded(run_id=run_id, group="g", state="success", reason="", seconds=1.0)


def test_a_second_worker_is_started_only_while_the_first_is_busy() -> None:
    scene = Scene(runs=2)
    first = scene.ready()
    assert scene.workers.warm()
    assert len(scene.nursery.children) == 1
    assert scene.workers.drive(Drive(run_id="r1"))
    second = scene.ready()
    assert second is not first
    assert scene.workers.drive(Drive(run_id="r2"))
    assert (scene.workers.driving, scene.workers.occupied) == ({"r1", "r2"}, True)
    assert scene.workers.warm()  # there are as many as there may be
    assert len(scene.nursery.children) == 2
    assert not scene.workers.drive(Drive(run_id="r3"))
    second.says.append(ended("r2"))
    assert scene.workers.poll() == [ended("r2")]
    assert scene.workers.drive(Drive(run_id="r3"))
    assert second.heard == [Drive(run_id="r2"), Drive(run_id="r3")]


def test_the_loss_of_one_worker_leaves_the_others_alone() -> None:
    scene = Scene(runs=2)
    first, second = scene.busy(), scene.ready()
    scene.workers.drive(Drive(run_id="r2"))
    first.code = -9
    (lost,) = scene.workers.poll()
    assert isinstance(lost, Lost)
    assert (lost.run_id, scene.workers.driving) == ("r1", {"r2"})
    scene.workers.kill_driver("r2", "it does not heed")
    assert second.code == -9


def test_a_changed_project_is_used_beside_runs_of_the_old_one_where_several_may_drive() -> None:
    scene = Scene(runs=2)
    old = scene.busy()
    scene.workers.reload()
    new = scene.newest
    new.ready()
    assert Reloaded(seconds=1.0) in scene.workers.poll()
    assert not old.hung_up
    assert scene.workers.drive(Drive(run_id="r2"))
    assert new.heard == [Drive(run_id="r2")]
    assert scene.workers.occupied
    old.says += [ENDED, Rested()]
    assert ENDED in scene.workers.poll()
    scene.workers.poll()
    assert old.hung_up  # it has opened the project as it was
    old.code = 0
    assert scene.workers.poll() == []
    assert scene.workers.driving == {"r2"}


def test_of_several_idle_workers_each_leaves_when_its_time_has_come() -> None:
    scene = Scene(runs=2)
    first, second = scene.busy(), scene.ready()
    scene.workers.drive(Drive(run_id="r2"))
    for child, run_id in ((first, "r1"), (second, "r2")):
        child.says += [ended(run_id), Rested()]
    scene.workers.poll()
    for _ in range(10):
        for child in (first, second):
            child.says.append(Beat(resident=5, nodes=0))
        scene.later(10.0)
    assert first.hung_up
    assert second.hung_up
    first.code = second.code = 0
    assert scene.workers.poll() == []
    assert scene.workers.empty
    assert scene.workers.warm()
    assert len(scene.nursery.children) == 3
