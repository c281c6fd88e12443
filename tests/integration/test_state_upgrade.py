"""A file of the first schema becomes one of this version, wherever the power fails on the way."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sqlorch.domain.ledger import LedgerMark
from sqlorch.domain.run import RunState
from sqlorch.state import schema
from sqlorch.state.store import SqlStore

FIRST = Path(__file__).parents[1] / "data" / "state_v0001.db"
KILLS = 20
DONE, FAILED = LedgerMark.DONE, LedgerMark.FAILED
# upgrades copies of a file, each in a process of its own that is killed before the n-th statement
KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from sqlalchemy import Engine, event
from sqlorch.state import upgrade

source, folder, points = Path(sys.argv[1]), Path(sys.argv[2]), map(int, sys.argv[3:])
for point in points:
    path = Path(shutil.copy(source, folder / f"{point}.db"))
    pid = os.fork()
    if pid:
        print(point, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
        continue
    left = [point]
    @event.listens_for(Engine, "before_cursor_execute")
    def count(*_):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    upgrade.upgrade(path)
    print("statements", point - left[0], flush=True)
    os._exit(0)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copy(FIRST, tmp_path / "state.db"))


def content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the tables that were there before, as far as their columns were."""
    columns = {
        "run": "run_id, group_name, gen, state, reason, created_at, finished_at, variables, invocation",
        "node_run": "run_id, unique_id, position, gen, state, reason, tries, last_attempt_id",
        "attempt": "attempt_id, run_id, unique_id, gen, n, fence, state, outcome, message, started_at",
        "meta": "key, value",
    }
    connection = sqlite3.connect(path)
    try:
        return {
            table: connection.execute(f"SELECT {names} FROM {table} ORDER BY 1, 2").fetchall()
            for table, names in columns.items()
        }
    finally:
        connection.close()


def version(path: Path) -> str:
    connection = sqlite3.connect(path)
    try:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    finally:
        connection.close()


def test_everything_in_it_is_kept(path: Path):
    before = content(path)
    assert (version(path), len(before["run"]), len(before["attempt"])) == ("0001", 8, 19)
    SqlStore.open(path).close()
    assert version(path) == schema.HEAD
    assert content(path) == before


def test_the_ledger_begins_with_the_newest_outcomes(path: Path):
    with SqlStore.open(path) as store:
        entries = store.ledger.entries()
        runs = {run.run_id: run for run in store.runs()}
    orders = entries["model.shop.orders"]
    assert [entry.mark for entry in orders] == [DONE] * 5
    assert orders[4].gen == 2
    # the second day was made again, and failed
    customers = entries["model.shop.customers"]
    assert [entry.mark for entry in customers] == [DONE, FAILED, DONE, DONE, DONE, DONE]
    assert [entry.mark for entry in entries["test.shop.unique_orders_id"]] == [*[DONE] * 4, FAILED]
    for entry in (*orders, *customers):
        assert entry.interval == runs[entry.run_id].interval
        assert entry.code == ""
        assert entry.at >= runs[entry.run_id].created_at


def test_what_was_under_way_ends_as_it_would_have(path: Path):
    with SqlStore.open(path) as store:
        ended = store.abandon_dead(store.runs()[0].created_at, lambda _: False)
        assert [store.run(run_id).state for run_id in ended] == [RunState.FAILED, RunState.CANCELLED]
        assert [run.kind.value for run in store.queue.open_runs()] == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_killed_at_twenty_points_it_is_old_or_new_and_the_next_opening_finishes(tmp_path: Path):
    before = content(FIRST)
    (said, _) = killed(tmp_path, 10_000)
    total = int(said.split()[1])
    assert total > KILLS
    points = random.Random(4).sample(range(1, total + 1), KILLS)  # noqa: S311 - a test repeats itself
    assert killed(tmp_path, *points) == [f"{point} -9" for point in points]
    for point in points:
        path = tmp_path / f"{point}.db"
        assert version(path) == "0001"
        assert content(path) == before
    SqlStore.open(path).close()
    assert version(path) == schema.HEAD
    assert content(path) == before


def killed(folder: Path, *points: int) -> list[str]:
    """Upgrade copies, each killed before the statement of its number; what is said of each."""
    command = [sys.executable, "-c", KILLED, str(FIRST), str(folder), *map(str, points)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
