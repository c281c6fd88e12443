"""Worker processes that are forked, die, hang and leave, with a session whose nodes do what the test says."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sqlorch.domain.errors import ExecutionError
from sqlorch.domain.run import ErrorClass, NodeResult, Outcome
from sqlorch.executors.pool.led_run import PooledRun
from sqlorch.executors.pool.member import Limits
from sqlorch.executors.pool.pool import Pool
from sqlorch.executors.pool.serving import serve
from sqlorch.executors.pool.zygote import Zygote


@dataclass(frozen=True)
class Said:
    """A worker's report."""

    changes: Sequence[Any] = ()


def result_of(unique_id: str, message: str = "", outcome: Outcome = Outcome.SUCCESS) -> NodeResult:
    now = datetime.now(UTC)
    return NodeResult(unique_id=unique_id, outcome=outcome, started_at=now, finished_at=now, message=message)


class Worker:
    """A session and its run in a worker. The first letters of a node say what it does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cancelled: set[str] = set()
        self.heard: list[Any] = []

    def become_worker(self, number: int) -> None:
        (self.folder / f"began-{os.getpid()}").write_text(str(number))

    def follow_run(self, *, run_id: str, shared: Any, **_: Any) -> Worker:
        if run_id == "refused":
            raise ExecutionError("no such run")
        self.heard = list(shared)
        return self

    def execute(
        self, unique_id: str, *, log_path: Path, changes: Iterable[Any], again: bool, lost: bool
    ) -> tuple[NodeResult, Said]:
        self.heard += changes
        verb = unique_id.partition("-")[0]
        if verb == "die" and not again:
            os.kill(os.getpid(), signal.SIGKILL)
        if verb == "deaf":  # does not heed a cancel
            time.sleep(60)
        while verb == "wait" and unique_id not in self.cancelled:
            time.sleep(0.01)
        if verb == "raise":
            raise ValueError("on purpose")
        if verb == "slow":
            time.sleep(0.2)
        outcome = Outcome.CANCELLED if unique_id in self.cancelled else Outcome.SUCCESS
        self.heard.append(unique_id)
        told = f"{os.getpid()} {sorted(self.heard)} {again} {lost}"
        return result_of(unique_id, told, outcome), Said(changes=[unique_id])

    def cancel(self, unique_ids: Iterable[str] | None = None) -> None:
        self.cancelled |= {"wait-for-ever", "wait-as-well"} if unique_ids is None else set(unique_ids)

    def close(self) -> None:
        (self.folder / f"closed-{os.getpid()}").touch()


@dataclass
class Leader:
    """The run in the driving process."""

    taken: list[Any] = field(default_factory=list)
    here: list[str] = field(default_factory=list)
    tried: list[tuple[str, bool]] = field(default_factory=list)

    def share(self) -> list[Any]:
        return list(self.taken)

    def absorb(self, report: Said) -> None:
        self.taken += report.changes

    def mark_tried(self, unique_id: str, *, lost: bool) -> None:
        self.tried.append((unique_id, lost))

    def execute(self, unique_id: str, *, log_path: Path) -> NodeResult:
        self.here.append(unique_id)
        return result_of(unique_id, "here")

    def cancel(self, unique_ids: Iterable[str] | None = None) -> None:
        pass

    def finish(self, results: Sequence[NodeResult]) -> str:
        return "finished"

    def abandon(self) -> None:
        self.here.append("abandoned")


@dataclass
class Stage:
    """A pool and what it has told."""

    pool: Pool
    folder: Path
    lost: list[int]
    told: list[str]
    stubborn: list[str]  # what a reaper has to say that does not succeed

    def run(self, leader: Leader, run_id: str = "run-1", serves: Callable[[str], bool] = bool) -> PooledRun:
        arguments = {
            "run_id": run_id,
            "interval": None,
            "variables": {},
            "nodes": [],
            "target_path": self.folder,
            "full_refresh": False,
        }
        return PooledRun(leader, self.pool, arguments, serves=serves)

    def execute(self, run: PooledRun, *unique_ids: str) -> list[NodeResult]:
        with ThreadPoolExecutor(len(unique_ids)) as threads:
            return list(threads.map(lambda uid: run.execute(uid, log_path=self.folder / uid), unique_ids))

    def workers(self) -> set[int]:
        return {pid_of(path) for path in self.folder.glob("began-*")}


@contextmanager
def stage(folder: Path, rooms: Sequence[int] = (2, 2), limits: Limits | None = None) -> Iterator[Stage]:
    def life(number: int, end: socket.socket) -> None:
        serve(Worker(folder), number, end, threads=max(rooms))

    lost: list[int] = []
    told: list[str] = []
    stubborn: list[str] = []

    def reap(number: int) -> None:
        lost.append(number)
        if stubborn:
            raise ExecutionError(stubborn[0])

    zygote = Zygote(life, keep=[], log_path=folder / "pool.log")
    pool = Pool(zygote, rooms, on_lost=reap, tell=told.append, limits=limits or Limits())
    here = Stage(pool, folder, lost, told, stubborn)
    try:
        yield here
    finally:
        orphans = not alive(zygote.pid)  # nobody waits for workers without it; they leave by themselves
        pool.close()
        everybody = {*here.workers(), zygote.pid}
        until(lambda: not any(map(alive, everybody)), 15.0 if orphans else 0.1)


def pid_of(path: Path) -> int:
    return int(path.name.partition("-")[2])


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}


def until(holds: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def test_nodes_are_shared_out_and_changes_reach_everybody(tmp_path: Path) -> None:
    with stage(tmp_path) as here:
        leader = Leader(taken=["before"])
        run = here.run(leader)
        first = here.execute(run, "slow-a", "slow-b", "slow-c", "slow-d")
        assert len({r.message.split()[0] for r in first}) == 2
        assert set(leader.taken) == {"before", "slow-a", "slow-b", "slow-c", "slow-d"}
        later = here.execute(run, "slow-e", "slow-f", "slow-g", "slow-h")
        for result in later:
            assert all(name in result.message for name in leader.taken[:5]), result.message
        assert run.finish([]) == "finished"
        until(lambda: len(list(tmp_path.glob("closed-*"))) == 2)


def test_a_chain_needs_one_worker_only(tmp_path: Path) -> None:
    with stage(tmp_path) as here:
        run = here.run(Leader())
        pids = {here.execute(run, f"n-{i}")[0].message.split()[0] for i in range(5)}
        assert len(pids) == len(here.workers()) == 1


def test_a_dead_worker_is_replaced_and_what_it_did_is_lost(tmp_path: Path) -> None:
    with stage(tmp_path, rooms=(1, 1)) as here:
        leader = Leader()
        run = here.run(leader)
        here.execute(run, "slow-a", "slow-b")
        (died,) = here.execute(run, "die-c")
        assert (died.outcome, died.message) == (Outcome.LOST, "its worker process was lost (signal 9)")
        assert here.lost in ([1], [2])
        (again,) = here.execute(run, "die-c")
        assert again.outcome is Outcome.SUCCESS
        assert again.message.endswith("True True")
        assert "slow-a" in again.message
        assert "slow-b" in again.message
        (third,) = here.execute(run, "die-c")
        assert third.message.endswith("True False")
        here.execute(run, "slow-d", "slow-e")
        assert len(here.workers()) == 3


def test_an_exception_is_a_result(tmp_path: Path) -> None:
    with stage(tmp_path) as here:
        (found,) = here.execute(here.run(Leader()), "raise-a")
        assert found.outcome is Outcome.ERROR
        assert found.message == "could not be executed: ValueError: on purpose"


def test_a_node_that_does_not_heed_a_cancel_costs_its_worker(tmp_path: Path) -> None:
    with stage(tmp_path, rooms=(2,), limits=Limits(heed=0.5)) as here, ThreadPoolExecutor(2) as threads:
        run = here.run(Leader())
        deaf = threads.submit(run.execute, "deaf-a", log_path=tmp_path)
        beside = threads.submit(run.execute, "deaf-b", log_path=tmp_path)
        until(here.workers)
        time.sleep(0.1)
        run.cancel(["deaf-a"])
        assert deaf.result(10).outcome is Outcome.CANCELLED
        assert beside.result(10).outcome is Outcome.LOST
        assert "deaf-a did not stop within 0.5 s" in beside.result().message


def test_a_cancel_reaches_the_node_and_no_other(tmp_path: Path) -> None:
    with stage(tmp_path) as here, ThreadPoolExecutor(2) as threads:
        run = here.run(Leader())
        waiting = threads.submit(run.execute, "wait-a", log_path=tmp_path)
        other = threads.submit(run.execute, "wait-b", log_path=tmp_path)
        until(lambda: len(here.workers()) == 2)
        run.cancel(["wait-a"])
        assert waiting.result(10).outcome is Outcome.CANCELLED
        assert not other.done()
        run.cancel(["wait-b"])
        assert other.result(10).outcome is Outcome.CANCELLED
        assert here.lost == []


def test_a_silent_worker_is_killed(tmp_path: Path) -> None:
    with stage(tmp_path, rooms=(1,), limits=Limits(silence=4.0)) as here, ThreadPoolExecutor(1) as threads:
        run = here.run(Leader())
        waiting = threads.submit(run.execute, "wait-a", log_path=tmp_path)
        until(here.workers)
        (pid,) = here.workers()
        os.kill(pid, signal.SIGSTOP)
        found = waiting.result(20)
        assert found.outcome is Outcome.LOST
        assert "gave no sign of life for 4 s" in found.message
        assert not alive(pid)


def test_worn_workers_are_replaced_between_two_runs(tmp_path: Path) -> None:
    with stage(tmp_path, rooms=(1,), limits=Limits(nodes=2)) as here:
        run = here.run(Leader())
        pids = [here.execute(run, f"n-{i}")[0].message.split()[0] for i in range(2)]
        run.abandon()
        run = here.run(Leader())
        assert not alive(int(pids[0]))
        pids.append(here.execute(run, "n-4")[0].message.split()[0])
        assert pids[0] == pids[1] != pids[2]


def test_worn_workers_are_replaced_within_a_run_and_their_successors_know_what_has_changed(
    tmp_path: Path,
) -> None:
    with stage(tmp_path, rooms=(2,), limits=Limits(nodes=2)) as here, ThreadPoolExecutor(1) as threads:
        leader = Leader()
        run = here.run(leader)
        waiting = threads.submit(run.execute, "wait-for-ever", log_path=tmp_path)
        until(here.workers)
        (beside,) = here.execute(run, "n-1")  # the second: worn, and busy
        threads_too = ThreadPoolExecutor(1)
        after = threads_too.submit(run.execute, "n-2", log_path=tmp_path)
        time.sleep(0.3)
        assert not after.done()
        run.cancel(["wait-for-ever"])
        assert waiting.result(10).outcome is Outcome.CANCELLED
        first, second = beside.message.split()[0], after.result(10).message.split()[0]
        assert first != second
        assert not alive(int(first))
        assert "n-1" in after.result().message
        assert here.lost == []
        threads_too.shutdown()


def test_what_a_worn_worker_leaves_is_done_here_when_no_other_can_be_made(tmp_path: Path) -> None:
    with stage(tmp_path, rooms=(1,), limits=Limits(nodes=2)) as here:
        run = here.run(Leader())
        here.execute(run, "n-1")
        (worker,) = here.workers()
        zygote = int(Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(zygote, signal.SIGKILL)
        until(lambda: not alive(zygote))
        pids = [here.execute(run, f"n-{i}")[0].message.split()[0] for i in range(2, 6)]
        assert pids == [str(worker), "here", "here", "here"]


def test_a_lost_node_is_not_tried_beside_what_its_worker_left_running(tmp_path: Path) -> None:
    with stage(tmp_path, rooms=(1, 1)) as here:
        leader = Leader()
        run = here.run(leader)
        here.stubborn.append("backends 7 still work")
        (died,) = here.execute(run, "die-a")
        assert died.outcome is Outcome.LOST
        (number,) = here.lost
        (held,) = here.execute(run, "die-a")
        assert (held.outcome, held.error_class) == (Outcome.ERROR, ErrorClass.TRANSIENT)
        assert held.message == "backends 7 still work"
        others = here.execute(run, "slow-b", "slow-c")  # what was not lost goes on, and not by its number
        assert {result.outcome for result in others} == {Outcome.SUCCESS}
        assert str(number) not in {
            path.read_text() for path in tmp_path.glob("began-*") if alive(pid_of(path))
        }
        run.abandon()
        assert here.pool.left_running() == "backends 7 still work"
        here.stubborn.clear()
        assert here.pool.left_running() == ""
        again = here.run(leader)
        assert here.execute(again, "n-1")[0].outcome is Outcome.SUCCESS
        assert here.lost.count(number) == 4


def test_what_no_worker_can_do_is_done_here(tmp_path: Path) -> None:
    with stage(tmp_path, rooms=(1,)) as here:
        leader = Leader()
        refused = here.run(leader, "refused")
        found = [here.execute(refused, "n-1")[0] for _ in range(4)]
        assert [r.outcome for r in found] == [Outcome.LOST] * 3 + [Outcome.SUCCESS]
        assert "no such run" in found[0].message
        assert leader.tried == [("n-1", True)]
        assert leader.here == ["n-1"]
        assert len(here.told) == 1
        other = here.run(leader, serves=lambda uid: uid != "n-2")
        assert here.execute(other, "n-2")[0].message == "here"
        assert here.execute(other, "n-3")[0].message != "here"


def test_workers_go_on_when_no_more_can_be_made(tmp_path: Path) -> None:
    with stage(tmp_path, rooms=(1, 1)) as here:
        leader = Leader()
        run = here.run(leader)
        here.execute(run, "n-1")
        zygote = int(Path(f"/proc/{min(here.workers())}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(zygote, signal.SIGKILL)
        until(lambda: not alive(zygote))
        two = here.execute(run, "slow-2", "slow-3")
        assert {r.outcome for r in two} == {Outcome.SUCCESS}
        (died,) = here.execute(run, "die-4")
        assert died.outcome is Outcome.LOST
        assert here.execute(run, "die-4")[0].message == "here"
        os.waitpid(zygote, os.WNOHANG)


def test_the_driving_process_takes_its_workers_along(tmp_path: Path) -> None:
    driving = os.fork()
    if driving == 0:
        try:
            with stage(tmp_path) as here, ThreadPoolExecutor(2) as threads:
                run = here.run(Leader())
                for name in ("wait-for-ever", "wait-as-well"):
                    threads.submit(partial(run.execute, name, log_path=tmp_path))
                time.sleep(60)
        finally:
            os._exit(0)
    until(lambda: len(list(tmp_path.glob("began-*"))) == 2)
    pids = {int(path.name.partition("-")[2]) for path in tmp_path.glob("began-*")}
    assert all(map(alive, pids))
    os.kill(driving, signal.SIGKILL)
    os.waitpid(driving, 0)
    until(lambda: not any(map(alive, pids)), 8)


@pytest.fixture(autouse=True)
def _quiet_log(tmp_path: Path) -> Iterator[None]:
    yield
    log = tmp_path / "pool.log"
    said = log.read_text() if log.exists() else ""
    assert "Traceback" not in said, said
