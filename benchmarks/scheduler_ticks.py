"""How long a tick takes with many groups, on the real state file in a temporary folder.

``python benchmarks/scheduler_ticks.py [GROUPS] [DUE]``: enrols GROUPS groups (10,000), ticks while nothing is
due, then at an instant at which DUE of them (1,000) are.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from sqlorch.domain.group import Group, ScheduleKeys
from sqlorch.domain.history import Owner
from sqlorch.domain.snapshot import Snapshot, SnapshotNode
from sqlorch.engine.scheduler import Scheduler, TickReport
from sqlorch.state.store import SqlStore

T0 = datetime(2026, 1, 5, 0, 30, tzinfo=UTC)
OWNER = Owner(host="here", boot_id="boot", pid=1, started=1)


class Clock:
    """Virtual time."""

    def __init__(self) -> None:
        self.wall = T0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return (self.wall - T0).total_seconds()


def project(groups: int, due: int) -> Snapshot:
    """``due`` groups by the hour, the others by the month; each reads from the one before it."""
    made, nodes = {}, {}
    for number in range(groups):
        name = f"g{number}"
        keys = ScheduleKeys(schedule=("@hourly" if number < due else "@monthly",), timezone="UTC")
        made[name] = Group(name=name, timetable=keys.timetable("UTC"), keys=keys)
        parents = frozenset({f"model.p.m{number - 1}"} if number % 10 else ())
        uid = f"model.p.m{number}"
        nodes[uid] = SnapshotNode(unique_id=uid, name=f"m{number}", kind="model", group=name, parents=parents)
    return Snapshot(groups=made, nodes=nodes)


def timed(what: str, call: Callable[[], object]) -> object:
    began, busy = time.perf_counter(), time.process_time()
    result = call()
    elapsed, busy = (time.perf_counter() - began) * 1000, (time.process_time() - busy) * 1000
    print(f"{elapsed:10.1f} ms  ({busy:.1f} of processor)  {what}", flush=True)
    return result


def main(groups: int, due: int) -> None:
    snapshot, clock = project(groups, due), Clock()
    with tempfile.TemporaryDirectory() as folder, SqlStore.open(Path(folder) / "state.db") as store:

        def make() -> Scheduler:
            return Scheduler(
                store=store,
                clock=clock,
                owner=OWNER,
                is_alive=lambda _: True,
                now=clock.now(),
                snapshot=snapshot,
            )

        timed(f"enrol {groups} groups for the first time", make)
        scheduler = timed("start again with all of them known", make)
        assert isinstance(scheduler, Scheduler)

        def tick() -> TickReport:
            return scheduler.tick(clock.now())

        timed("first tick", tick)
        idle = []
        for _ in range(20):
            clock.wall += timedelta(seconds=1)
            began = time.perf_counter()
            tick()
            idle.append((time.perf_counter() - began) * 1000)
        print(f"{median(idle):10.1f} ms  idle tick (median of 20, worst {max(idle):.1f})")
        store.schedule.watch(clock.now())
        timed("tick after somebody else wrote", tick)
        clock.wall = T0 + timedelta(minutes=31)
        report = timed(f"tick with {due} groups due", tick)
        assert isinstance(report, TickReport)
        assert len(report.created) == due
        print(f"{len(report.created)} runs made, {len(report.ready)} ready, {len(report.waiting)} waiting")
        timed("tick after that", tick)


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*(given or [10_000, 1_000]))
