"""Many writers at once, and writers that are killed."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sqlorch.domain.history import NodeMove
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import NodeResult, NodeSpec, NodeState, Outcome, RunSpec, RunState
from sqlorch.state.owner import current_owner, is_alive
from sqlorch.state.store import SqlStore

T0 = datetime(2026, 1, 1, tzinfo=UTC)
UIDS = [f"model.shop.n{n}" for n in range(4)]
_S = NodeState


def make_spec(run_id: str) -> RunSpec:
    nodes = [NodeSpec(unique_id=uid, name=uid, kind="model") for uid in UIDS]
    return RunSpec(
        run_id=run_id, group="g", interval=Interval(T0, T0), timezone="UTC", variables={}, nodes=nodes
    )


def drive(store: SqlStore, run_id: str, *, tell: bool = False) -> int:
    """One whole run, every node tried twice; returns the number of attempts."""
    store.create_run(make_spec(run_id), now=T0)
    assert store.move_run(run_id, RunState.QUEUED, RunState.RUNNING, now=T0, owner=current_owner())
    tried = 0
    for uid in UIDS:
        path = [_S.WAITING]
        for outcome, after in ((Outcome.ERROR, _S.UP_FOR_RETRY), (Outcome.SUCCESS, _S.SUCCESS)):
            ready = NodeMove(unique_id=uid, before=path[-1], after=_S.READY)
            [attempt] = store.step(run_id, now=T0, moves=[ready], dispatch=[uid])
            result = NodeResult(unique_id=uid, outcome=outcome, started_at=T0, finished_at=T0)
            moves = [NodeMove(unique_id=uid, before=_S.RUNNING, after=after)]
            store.step(run_id, now=T0, results=[(attempt, result)], moves=moves)
            path.append(after)
            tried += 1
            if tell:
                print("step", run_id, attempt.fence, outcome, flush=True)
    assert store.move_run(run_id, RunState.RUNNING, RunState.SUCCESS, now=T0)
    if tell:
        print("run", run_id, flush=True)
    return tried


def in_process(code: str, *arguments: object) -> subprocess.Popen[str]:
    """This module's functions in a process of their own."""
    script = (
        "import importlib.util, sys\nfrom pathlib import Path\n"
        f"spec = importlib.util.spec_from_file_location('contention', {__file__!r})\n"
        "m = importlib.util.module_from_spec(spec); spec.loader.exec_module(m)\n" + code
    )
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def assert_sound(path: Path) -> None:
    connection = sqlite3.connect(path)
    ask = lambda query: connection.execute(query).fetchall()  # noqa: E731 - one line, used below only
    assert ask("PRAGMA integrity_check") == [("ok",)]
    assert ask("PRAGMA foreign_key_check") == []
    assert (
        ask("SELECT 1 FROM attempt WHERE state = 'running' GROUP BY run_id, unique_id HAVING count(*) > 1")
        == []
    )
    numbering = (
        "SELECT 1 FROM attempt GROUP BY run_id, unique_id, gen HAVING max(n) <> count(*) OR min(n) <> 1"
    )
    assert ask(numbering) == []
    [(last, highest)] = ask(
        "SELECT (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'fence_seq'), "
        "(SELECT coalesce(max(fence), 0) FROM attempt)"
    )
    assert last == highest
    # a node says it is being executed exactly when an attempt at it is live
    states = (
        "SELECT count(*) FROM node_run AS node WHERE (node.state = 'running') <> EXISTS ("
        "SELECT 1 FROM attempt WHERE run_id = node.run_id AND unique_id = node.unique_id "
        "AND attempt.state = 'running')"
    )
    assert ask(states) == [(0,)]
    connection.close()


def test_threads_and_processes_writing_at_once_lose_nothing(tmp_path: Path):
    path = tmp_path / "state.db"
    runs_each, threads, processes = 6, 4, 3
    code = (
        "store = m.SqlStore.open(Path(sys.argv[1]))\n"
        f"for n in range({runs_each}): m.drive(store, f'p{{sys.argv[2]}}-{{n}}')\n"
    )
    # nobody has made the file yet: they also race for that
    children = [in_process(code, path, number) for number in range(processes)]
    tried: list[int] = []
    with SqlStore.open(path) as store:

        def work(name: str) -> None:
            tried.append(sum(drive(store, f"{name}-{n}") for n in range(runs_each)))

        workers = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        for child in children:
            assert child.communicate()[1] == ""
            assert child.returncode == 0
        runs = store.runs()
    assert tried == [runs_each * len(UIDS) * 2] * threads
    assert len(runs) == runs_each * (threads + processes)
    assert {run.state for run in runs} == {RunState.SUCCESS}
    assert_sound(path)
    connection = sqlite3.connect(path)
    [(attempts, fences, last)] = connection.execute(
        "SELECT count(*), count(DISTINCT fence), max(fence) FROM attempt"
    )
    connection.close()
    assert attempts == fences == last == len(runs) * len(UIDS) * 2


def test_two_drivers_of_one_node_cannot_both_start_it(tmp_path: Path):
    with SqlStore.open(tmp_path / "state.db") as store:
        store.create_run(make_spec("r"), now=T0)
        store.move_run("r", RunState.QUEUED, RunState.RUNNING, now=T0)
        started: list[int] = []
        refused: list[str] = []
        barrier = threading.Barrier(8)
        store.step("r", now=T0, moves=[NodeMove(unique_id=UIDS[0], before=_S.WAITING, after=_S.READY)])

        def work() -> None:
            barrier.wait()
            try:
                started.extend(a.fence for a in store.step("r", now=T0, dispatch=[UIDS[0]]))
            except Exception as error:  # noqa: BLE001 - looked at below
                refused.append(str(error))

        workers = [threading.Thread(target=work) for _ in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert len(started) == 1
        assert refused == [f"{UIDS[0]} of run r is running, not ready: it cannot be started"] * 7
        assert [a.fence for a in store.attempts("r")] == started


@pytest.mark.parametrize("told_before_kill", [1, 13, 40])
def test_what_a_killed_writer_was_told_is_kept(tmp_path: Path, told_before_kill: int):
    path = tmp_path / "state.db"
    code = (
        "store = m.SqlStore.open(Path(sys.argv[1]))\n"
        "for n in range(10_000): m.drive(store, f'r{n}', tell=True)\n"
    )
    with in_process(code, path) as child:
        told = [child.stdout.readline().split() for _ in range(told_before_kill)]
        os.kill(child.pid, signal.SIGKILL)
        told += [
            line.split() for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n")
        ]
    assert_sound(path)
    with SqlStore.open(path) as store:
        outcomes = {
            (a.run_id, a.fence): a.outcome for run in store.runs() for a in store.attempts(run.run_id)
        }
        for kind, run_id, *rest in told:
            if kind == "step":
                assert outcomes[run_id, int(rest[0])] == rest[1]
            else:
                assert store.run(run_id).state is RunState.SUCCESS
        unfinished = [run.run_id for run in store.runs() if not run.state.terminal]
        assert len(unfinished) <= 1
        assert store.abandon_dead(T0, is_alive) == unfinished
        assert all(run.state.terminal for run in store.runs())
    assert_sound(path)
